//! Artifacts of whole virtual machines: what `kind: vm` builds, and what all commands make of it and of
//! the archives that KubeVirt exports.
#![expect(clippy::too_many_lines, reason = "each test shows all that is written")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use diskette_integration::disk::{MIB, mixed_bytes, write_sparse};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::guest_root::GuestRoot;
use diskette_integration::image::Layout;
use diskette_integration::kubernetes;
use diskette_integration::machine::exporter::{Export, write_archive};
use diskette_integration::machine::importer::{ArtifactLayout, ImportedMachine};
use diskette_integration::peer;
use diskette_integration::qemu_img::QemuImg;
use diskette_integration::scene::Scene;
use diskette_integration::trixie::Trixie;
use serde_json::{Value, json};
use snapbox::{IntoData as _, assert_data_eq, str};

const MACHINE: &str = "\
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: shop
  namespace: prod
  uid: 0f3c
  resourceVersion: \"42\"
  labels: { app: shop }
spec:
  runStrategy: Halted
  dataVolumeTemplates:
  - metadata: { name: shop-root }
    spec: { source: { blank: {} }, storage: { resources: { requests: { storage: 3Gi } } } }
  template:
    spec:
      domain: { cpu: { cores: 2 }, devices: { disks: [{ name: root, disk: { bus: virtio } }, { name: data, disk: {} }] } }
      volumes:
      - name: root
        dataVolume: { name: shop-root }
      - name: cloudinit
        cloudInitNoCloud: { userData: \"#cloud-config\" }
      - name: data
        persistentVolumeClaim: { claimName: shop-data }
status: { ready: true }
";

const SPEC: &str = "\
apiVersion: diskette/v1
kind: vm
image: quay.io/me/shop
tags: [\"1\"]
vm: machine.yaml
annotations: { org.opencontainers.image.title: a shop }
platforms:
";

/// A scene with a machine, its spec for some platforms, and two disks: `root.raw` and `data.raw`, which
/// is blank.
fn scene(platforms: &str) -> Scene {
    let scene = Scene::new();
    scene.write("machine.yaml", MACHINE);
    scene.write("diskette.yaml", format!("{SPEC}{platforms}"));
    scene.write("root.raw", mixed_bytes(1, 11 * MIB));
    write_sparse(&scene.path("data.raw"), 20 * MIB as u64, &[]);
    scene
}

const AMD64: &str = "  amd64: { disks: { root: root.raw, data: { path: data.raw } } }\n";

/// Imports the only artifact of a layout.
fn import(scene: &Scene, layout: &str, architecture: &str) -> ImportedMachine {
    let layout = ArtifactLayout::new(&scene.path(layout));
    let artifacts = layout.artifacts();
    assert_eq!(artifacts.len(), 1, "{artifacts:?}");
    layout.import(&artifacts[0], architecture).unwrap()
}

/// Runs the program, which must succeed, and returns what it printed.
fn run(scene: &Scene, args: &[&str]) -> String {
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 0, "{args:?} {}", outcome.stderr);
    String::from_utf8(outcome.stdout).unwrap()
}

#[test]
fn a_virtual_machine_and_its_disks_become_an_artifact() {
    let scene = scene(AMD64);
    let digest = scene.build(&[]);
    let found = import(&scene, "out", "amd64");
    let disks = ["root", "data"].map(|name| (name.to_owned(), scene.read(&format!("{name}.raw"))));
    assert!(found.disks == BTreeMap::from(disks), "the disks differ");
    assert_eq!(
        found.sizes,
        BTreeMap::from([("root".into(), "11Mi".into()), ("data".into(), "20Mi".into())])
    );
    let volumes = json!([
        { "name": "root", "persistentVolumeClaim": { "claimName": "shop-root" } },
        { "name": "cloudinit", "cloudInitNoCloud": { "userData": "#cloud-config" } },
        { "name": "data", "persistentVolumeClaim": { "claimName": "shop-data" } },
    ]);
    assert_eq!(found.config["metadata"], json!({ "name": "shop", "labels": { "app": "shop" } }));
    assert_eq!(found.config["spec"]["template"]["spec"]["volumes"], volumes);
    assert_eq!(found.config["spec"].get("dataVolumeTemplates"), None);
    assert_eq!(found.config["spec"]["template"]["spec"]["domain"]["cpu"]["cores"], json!(2));
    assert_eq!(found.config.get("status"), None);

    let layout = Layout::open(&scene.path("out"));
    let index: Value = serde_json::from_slice(&layout.blob(&layout.find_tag("1"))).unwrap();
    let image = &layout.images("1")[0];
    let manifest = layout.blob(&image.descriptor);
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_data_eq!(
        format!("{index:#}\n{manifest:#}\n"),
        str![[r#"
{
  "annotations": {
    "org.opencontainers.image.title": "a shop"
  },
  "artifactType": "application/vnd.kubevirt.virtualmachine.v1",
  "manifests": [
    {
      "digest": "sha256:ae52f92bd5b9fb8d19eaae2833622314ffd745ff6945f53485188e8d6c116571",
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "platform": {
        "architecture": "amd64",
        "os": "linux"
      },
      "size": 934
    }
  ],
  "mediaType": "application/vnd.oci.image.index.v1+json",
  "schemaVersion": 2
}
{
  "annotations": {
    "org.opencontainers.image.title": "a shop"
  },
  "artifactType": "application/vnd.kubevirt.virtualmachine.v1",
  "config": {
    "digest": "sha256:cf0267ce4d8bc1e8e972c38f902ffc3bcdb23fafc652bc03709c14282de1bb27",
    "mediaType": "application/vnd.kubevirt.virtualmachine.config.v1+json",
    "size": 490
  },
  "layers": [
    {
      "annotations": {
        "io.kubevirt.disk.name": "root",
        "io.kubevirt.disk.size": "11Mi",
        "org.opencontainers.image.title": "root.raw.zst"
      },
      "digest": "sha256:bc645d1d5f688a69949545f2710460ac00b6f8fe13af7e0914558834d9762ade",
      "mediaType": "application/vnd.kubevirt.disk.raw+zstd",
      "size": 3851029
    },
    {
      "annotations": {
        "io.kubevirt.disk.name": "data",
        "io.kubevirt.disk.size": "20Mi",
        "org.opencontainers.image.title": "data.raw.zst"
      },
      "digest": "sha256:5d6de8f82d0c65323e2339328ad130627427b31648aec5e90e717ddf20e4c9f8",
      "mediaType": "application/vnd.kubevirt.disk.raw+zstd",
      "size": 1730
    }
  ],
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "schemaVersion": 2
}

"#]]
        .raw()
    );

    // Neither threads, nor time, nor a cache, nor holes that become data make another artifact.
    scene.wait_until_old();
    scene.write("data.raw", vec![0; 20 * MIB]);
    for args in [&["--jobs", "1"][..], &["--jobs", "7"], &["--no-cache"]] {
        assert_eq!(scene.build_to("again", args), digest, "{args:?}");
    }
    let smaller = scene.build_to("smaller", &["--compression-level", "9"]);
    assert_ne!(smaller, digest);
    assert!(import(&scene, "smaller", "amd64") == found);
}

#[test]
fn disks_of_all_formats_become_raw() {
    let Some(qemu_img) = QemuImg::find() else { return };
    let scene =
        scene("  arm64: { disks: { root: root.disk, data: { path: data.raw, size: 1Gi } } }\n");
    for format in ["qcow2", "vmdk", "vhdx", "vdi"] {
        qemu_img.convert(&scene.path("root.raw"), &[], (format, &scene.path("root.disk")));
        scene.build(&["-t", &format!("q.io/{format}")]);
        let layout = ArtifactLayout::new(&scene.path("out"));
        let artifacts = layout.artifacts();
        let found = layout.import(artifacts.last().unwrap(), "arm64").unwrap();
        assert!(found.disks["root"] == scene.read("root.raw"), "{format}");
        assert_eq!(found.sizes["data"], "1Gi");
        assert_eq!(found.config["spec"]["template"]["spec"]["architecture"], "arm64");
    }
}

#[test]
fn templates_and_several_architectures() {
    let scene = scene(
        "  amd64: { disks: { root: root.raw, data: data.raw } }\n  arm64: { disks: { data: data.raw, root: root.raw } }\n",
    );
    scene.build(&["--per-arch-tags"]);
    let layout = ArtifactLayout::new(&scene.path("out"));
    let index = layout.artifacts().into_iter().find(|it| layout.architectures(it).len() == 2);
    let index = index.unwrap();
    let [amd64, arm64] = ["amd64", "arm64"].map(|name| layout.import(&index, name).unwrap());
    assert_eq!(amd64.disks, arm64.disks);
    assert_eq!(amd64.config["spec"]["template"]["spec"].get("architecture"), None);

    let template = json!({
        "apiVersion": "template.kubevirt.io/v1beta1",
        "kind": "VirtualMachineTemplate",
        "metadata": { "name": "shops", "namespace": "prod" },
        "spec": { "parameters": [{ "name": "NAME" }], "virtualMachine": {
            "metadata": { "name": "${NAME}" },
            "spec": {
                "dataVolumeTemplates": [{ "metadata": { "name": "${NAME}-root" },
                    "spec": { "source": { "pvc": { "name": "shop-root" } } } }],
                "template": { "spec": { "volumes": [
                    { "name": "root", "dataVolume": { "name": "${NAME}-root" } },
                    { "name": "data", "persistentVolumeClaim": { "claimName": "d" } } ] } } } } },
    });
    scene.write("machine.yaml", template.to_string());
    scene.write("diskette.yaml", format!("{SPEC}{AMD64}"));
    scene.build_to("template", &[]);
    let found = import(&scene, "template", "amd64");
    assert_eq!(found.config["metadata"], json!({ "name": "shops" }));
    assert_eq!(found.config["spec"], template["spec"]);
    let verified = run(&scene, &["verify", "template"]);
    assert!(
        verified.contains("linux/amd64: VirtualMachineTemplate shops; root, 11.00 MiB;"),
        "{verified}"
    );
}

/// Writes the archive `vm.tar` of an exported machine, and returns its disks.
fn export(scene: &Scene) -> [Vec<u8>; 2] {
    let disks = [mixed_bytes(4, 2 * MIB + 512), vec![0; MIB]];
    let volumes = json!([
        { "name": "root", "persistentVolumeClaim": { "claimName": "c-root" } },
        { "name": "data", "persistentVolumeClaim": { "claimName": "c-data" } },
        { "name": "cloudinit", "cloudInitNoCloud": { "userData": "x" } },
    ]);
    let config = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": { "name": "exported", "creationTimestamp": null },
        "spec": { "template": { "spec": { "architecture": "amd64", "volumes": volumes } } },
        "status": {},
    });
    let [root, data] = disks.clone();
    let export = Export {
        architecture: "amd64",
        is_template: false,
        config,
        disks: vec![("root", root), ("data", data)],
    };
    write_archive(&[export], &scene.path("vm.tar"));
    disks
}

#[test]
fn archives_of_the_exporter_are_read() {
    let scene = Scene::new();
    let [root, data] = export(&scene);
    assert_data_eq!(
        run(&scene, &["inspect", "vm.tar"]),
        str![[r#"
oci-archive:vm.tar
  digest      sha256:68ac9f671bc0841c923ee254f00f28704ccd28c48a1838057a24818b0253accf
  type        application/vnd.oci.image.index.v1+json
  annotation  created: 2026-10-01T12:00:00Z

linux/amd64
  manifest    sha256:762f42b3c206e0a283dda29c8b426102a2649dd1a2c1ef566457f8726af38483
  config      sha256:bf27b80a48f9b068784e034afa9a9e4003ae571bc50a0b59ba50e54b04e7b160
  machine     VirtualMachine exported
  disk        root, 2.00 MiB
  disk        data, 1.00 MiB
  layer       sha256:7d2b94691efd1a0940e58b8cde7bc34593db4ef359bde3bf6a1657698b1c0e51  691.62 KiB  zstd
  layer       sha256:0f6bc5f07bbbae2f55e55084cbc9ba96f2b6451c221c6e2a44d71cd79af46d04        50 B  zstd

"#]]
        .raw()
    );
    let verified = run(&scene, &["verify", "--strict", "vm.tar"]);
    assert!(verified.ends_with("\nno problems found\n"), "{verified}");

    // Its index is the artifact, and is kept.
    run(&scene, &["copy", "-q", "vm.tar", "oci:copy:1"]);
    let found = import(&scene, "copy", "amd64");
    assert!(found.disks["root"] == root && found.disks["data"] == data);
    assert_eq!(found.config["metadata"]["name"], "exported");
    let difference = scene.run(["diff", "vm.tar", "oci:copy:1"]);
    assert_eq!(difference.status, 0, "{}", difference.transcript());

    for (args, name, disk) in [
        (&["--disk", "root"][..], "root.raw", &root),
        (&["--disk", "data"], "data.raw", &data),
        (&["--disk", "data", "-o", "mine.img"], "mine.img", &data),
    ] {
        let printed = run(&scene, &[&["extract", "-q", "vm.tar"], args].concat());
        assert_eq!(printed, format!("{name}\n"));
        assert!(scene.read(name) == *disk, "{name}");
    }
    let refused = |args: &[&str]| scene.run_refused(scene.program(args));
    assert_data_eq!(
        refused(&["extract", "vm.tar"]) + &refused(&["extract", "oci:copy:1", "--disk", "x"]),
        str![[r#"
status: 2
stdout:
stderr:
error: which disk of `oci-archive:vm.tar`? it has several disks: `root`, `data`
 |
 = help: name one of them with `--disk NAME`
status: 2
stdout:
stderr:
error: which disk of `oci:copy:1`? it has none named `x`, but `root`, `data`
 |
 = help: name one of them with `--disk NAME`

"#]]
        .raw()
    );
}

#[test]
fn artifacts_go_through_registries() {
    let scene = scene(AMD64);
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let image = registry.reference("vms/shop:1");
    let insecure = "--tls-verify=false";
    let digest = scene.run(["build", "-q", "--push", insecure, "-t", &image]).digest();
    run(&scene, &["pull", "-q", insecure, &image, "-o", "oci:pulled:1"]);
    let pulled = import(&scene, "pulled", "amd64");
    assert!(pulled.disks["root"] == scene.read("root.raw"));
    assert_eq!(Layout::open(&scene.path("pulled")).find_tag("1").digest().to_string(), digest);
    run(&scene, &["verify", "--strict", insecure, &image]);
    let other = registry.reference("vms/other:2");
    run(&scene, &["push", "-q", insecure, "oci:pulled:1", &other]);
    assert_eq!(scene.run(["diff", insecure, &image, &other]).status, 0);
    run(&scene, &["extract", "-q", insecure, "--disk", "root", &other, "-o", "extracted"]);
    assert!(scene.read("extracted") == scene.read("root.raw"));
}

#[test]
fn differences_are_those_of_machines_and_disks() {
    let scene = scene(AMD64);
    scene.build(&[]);
    let mut root = scene.read("root.raw");
    root[5 * MIB] ^= 1;
    root[5 * MIB + 9] ^= 1;
    scene.write("root.raw", root);
    scene.write("machine.yaml", MACHINE.replace("cores: 2", "cores: 4"));
    scene.build_to("other", &[]);
    let outcome = scene.run(["diff", "out", "other"]);
    assert_eq!(outcome.status, 1);
    assert_data_eq!(
        String::from_utf8(outcome.stdout).unwrap(),
        str![[r#"
linux/amd64 config /spec/template/spec/domain/cpu/cores: another value
  - 2
  + 4
linux/amd64 layer 1: other bytes
  - bytes 5242880 to 5242889 of 11534336
  + 2 of them are different, of 11534336

"#]]
        .raw()
    );
}

#[test]
fn objects_of_machines_are_written() {
    let scene = scene(AMD64);
    scene.build(&[]);
    let objects = |args: &[&str]| {
        let fixed = ["manifests", "oci:out:1", "--image", "quay.io/me/shop:1"];
        kubernetes::parse_objects(&run(&scene, &[&fixed[..1], args, &fixed[1..]].concat()))
    };
    let found = objects(&["pvc,datavolume,vm", "--namespace", "test"]);
    let names: Vec<(&str, &str)> = found
        .iter()
        .map(|it| (it["kind"].as_str().unwrap(), it["metadata"]["name"].as_str().unwrap()))
        .collect();
    let expected = [
        ("PersistentVolumeClaim", "shop-root"),
        ("PersistentVolumeClaim", "shop-data"),
        ("DataVolume", "shop-root"),
        ("DataVolume", "shop-data"),
        ("VirtualMachine", "shop"),
    ];
    assert_eq!(names, expected);
    assert_eq!(found[0]["spec"]["resources"]["requests"]["storage"], "11Mi");
    let registry = &found[3]["spec"]["source"]["registry"];
    let annotation = json!({ "key": "io.kubevirt.disk.name", "value": "data" });
    assert_eq!(registry["layer"], json!({ "annotation": annotation }));
    assert!(registry["url"].as_str().unwrap().starts_with("docker://quay.io/me/shop@sha256:"));
    assert_eq!(registry["platform"], json!({ "architecture": "amd64" }));
    assert_eq!(found[3]["spec"]["storage"]["resources"]["requests"]["storage"], "20Mi");
    assert_eq!(found[4]["metadata"]["namespace"], "test");
    let found = objects(&["vm", "--name", "copy"]);
    let volumes = &found[0]["spec"]["template"]["spec"]["volumes"];
    assert_eq!(volumes[0]["persistentVolumeClaim"]["claimName"], "copy-root");
}

#[test]
fn objects_of_images_are_refused_for_machines() {
    let scene = scene(AMD64);
    scene.build(&[]);
    scene.write_spec("amd64: { disk: root.raw }");
    scene.build_to("image", &[]);
    let check = |layout: &str, args: &[&str], expected: &str| {
        let fixed = [layout, "--image", "quay.io/me/shop:1", "--namespace", "test"];
        let outcome = scene.run([&["manifests"], args, &fixed].concat());
        assert_eq!(outcome.status, 2, "{args:?} {}", outcome.stderr);
        let first = outcome.stderr.lines().next().unwrap();
        assert_eq!(first, format!("error: {expected}"), "{args:?}");
    };
    for kind in ["datasource", "dataimportcron", "helm-values"] {
        let message = format!("`{kind}` is for images, and this is a VM artifact");
        check("oci:out:1", &[kind], &message);
    }
    check("image", &["pvc"], "`pvc` is for the disks of VM artifacts, and this is an image");
    let own = "is for images, and a VM artifact has a machine of its own";
    for option in [
        &["--memory", "2Gi"][..],
        &["--disk", "import"],
        &["--cpus", "2"],
        &["--preference", "fedora"],
        &["--kernel-args", "quiet"],
    ] {
        check("oci:out:1", &[&["vm"], option].concat(), &format!("`{}` {own}", option[0]));
    }
    let node = "only the pod of CDI's importer reads VM artifacts";
    check("oci:out:1", &["datavolume", "--pull-method", "node"], node);
}

/// Options that change images are refused for artifacts, before anything is read.
#[test]
fn options_of_images_are_refused_for_machines() {
    let scene = scene(AMD64);
    let check = |args: &[&str], expected: &str, help: &str| {
        let outcome = scene.run([&["build", "-o", "oci:refused"], args].concat());
        let message = format!("error: {expected}\n |\n = help: {help}\n");
        assert_eq!((outcome.status, outcome.stderr), (2, message), "{args:?}");
    };
    for (option, help) in [
        (&["--convert", "qcow2"][..], "remove it: the disks of a VM artifact are raw"),
        (&["--convert", "raw"], "remove it: the disks of a VM artifact are raw"),
        (&["--size", "1Gi"], "set `size` of the disk in the spec"),
        (&["--label", "a=b"], "use `--annotation`"),
        (&["--env", "A=b"], "use `--annotation`"),
    ] {
        let message = format!("`{}` is for images, and this is a VM artifact", option[0]);
        check(option, &message, help);
    }
    for kind in ["gzip", "none", "zstd:chunked"] {
        check(
            &["--compression", kind],
            "the disks of a VM artifact are compressed with zstd",
            "leave `--compression` out; `--compression-level` sets the level",
        );
    }
    let help = "build with `--format oci`";
    check(&["--format", "docker"], "docker's format has no artifacts", help);
    assert!(!scene.path("refused").exists());
    // The level is one of zstd.
    scene.build_to("smallest", &["--compression-level", "19"]);
    run(&scene, &["verify", "--strict", "smallest"]);
    let mut load = scene.program(["build", "--load=podman"]);
    let tools = std::env::var("PATH").unwrap();
    load.env("PATH", format!("{}:{tools}", scene.path("bin").display()));
    scene.write_program("bin/podman", "#!/bin/sh\nexit 0\n");
    let refused = scene.run_refused(load);
    assert!(refused.contains("`--load` is for images, and this is a VM artifact"), "{refused}");
}

/// A disk of an artifact becomes that of a containerDisk, and the other way round.
#[test]
fn disks_are_taken_out_of_artifacts_and_put_into_them() {
    let scene =
        scene("  amd64: { disks: { root: root.raw, data: { path: data.raw, size: 24Mi } } }\n");
    let artifact = scene.build(&[]);
    scene.write("artifact.yaml", scene.read("diskette.yaml"));
    scene.write_spec("amd64: { disk: { image: \"oci:out:1\", disk: root } }");
    scene.build_to("image", &["-t", "q.io/image:1"]);
    run(&scene, &["verify", "--strict", "image"]);
    run(&scene, &["extract", "-q", "image", "-o", "extracted.raw"]);
    assert!(scene.read("extracted.raw") == scene.read("root.raw"));

    let back = "  amd64: { disks: { root: { image: \"oci:image:1\" }, data: { image: \"oci:out:1\", disk: data } } }\n";
    scene.write("diskette.yaml", format!("{SPEC}{back}"));
    let refused = scene.run_refused(scene.program(["build", "-o", "oci:back"]));
    assert!(refused.contains("error: cannot use `oci:image:1`: a disk is converted"), "{refused}");
    fs::create_dir(scene.path("spool")).unwrap();
    assert_eq!(scene.build_to("back", &["--spool", "spool"]), artifact);

    for (source, message) in [
        ("disk: other", "it has no disk `other`; its disks are `root`, `data`"),
        ("name: disk.img", "it has several disks: `root`, `data`"),
    ] {
        scene.write_spec(&format!("amd64: {{ disk: {{ image: \"oci:out:1\", {source} }} }}"));
        let refused = scene.run_refused(scene.program(["build", "-o", "oci:none"]));
        assert!(refused.contains(&format!("cannot use `oci:out:1`: {message}")), "{refused}");
    }
}

/// `zstd` decompresses a layer that skopeo copied, also as other programs do it: from a pipe.
#[test]
fn the_layers_are_read_by_zstd() {
    let scene = scene(AMD64);
    scene.build(&[]);
    let Some(zstd) = peer::find("zstd") else { return };
    let Some(skopeo) = peer::find("skopeo") else { return };
    let [from, to] = ["out", "skopeo"].map(|name| format!("oci:{}:1", scene.path(name).display()));
    skopeo.run(["--insecure-policy", "copy", "-q", "--all", &from, &to]);
    let image = &Layout::open(&scene.path("skopeo")).images("1")[0];
    let layers = image.manifest.layers();
    assert_eq!(layers.len(), 2);
    for (layer, disk) in layers.iter().zip(["root.raw", "data.raw"]) {
        let digest = layer.digest().to_string().replace(':', "/");
        let blob = scene.path(&format!("skopeo/blobs/{digest}"));
        zstd.run(["-q", "-t", peer::text(&blob)]);
        let mut piped = zstd.command();
        let output = piped.args(["-q", "-d", "-c"]).stdin(fs::File::open(&blob).unwrap()).output();
        assert!(output.unwrap().stdout == scene.read(disk), "{disk}");
    }
}

#[test]
fn rules_of_importers_are_checked() {
    let good = || Export {
        architecture: "amd64",
        is_template: false,
        config: json!({
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "metadata": { "name": "x" },
            "spec": { "template": { "spec": { "volumes": [
                { "name": "root", "persistentVolumeClaim": { "claimName": "c" } } ] } } },
        }),
        disks: vec![("root", mixed_bytes(1, MIB))],
    };
    let check = |exports: &[Export], expected: &[&str]| {
        let scene = Scene::new();
        write_archive(exports, &scene.path("vm.tar"));
        let outcome = scene.run(["verify", "--output-format", "json", "vm.tar"]);
        let report: Value = serde_json::from_slice(&outcome.stdout).unwrap();
        let rules = report["findings"].as_array().unwrap().iter();
        let rules: Vec<&str> = rules.map(|finding| finding["rule"].as_str().unwrap()).collect();
        assert_eq!(rules, expected, "{report:#}");
        let is_bad = report["errors"] != 0;
        assert_eq!(outcome.status, i32::from(is_bad), "{}", outcome.stderr);
    };
    let changed = |change: &dyn Fn(&mut Export)| {
        let mut export = good();
        change(&mut export);
        [export]
    };
    check(&[good()], &[]);
    check(&changed(&|it| it.is_template = true), &["vm-config"]);
    check(&changed(&|it| it.config = json!([])), &["vm-config"]);
    check(&changed(&|it| it.config["metadata"] = json!({})), &["vm-config"]);
    check(&changed(&|it| it.config["metadata"]["uid"] = json!("1")), &["vm-cluster"]);
    check(&changed(&|it| it.architecture = "arm64"), &["vm-platform"]);
    check(&[good(), good()], &["vm-platform"]);
    let twice = json!([
        { "name": "root", "persistentVolumeClaim": { "claimName": "c" } },
        { "name": "root", "emptyDisk": { "capacity": "1Gi" } },
    ]);
    check(
        &changed(&|it| it.config["spec"]["template"]["spec"]["volumes"] = twice.clone()),
        &["vm-config"],
    );
    check(&changed(&|it| it.disks.push(("root", vec![1; MIB]))), &["vm-disk-name"]);
    check(&changed(&|it| it.disks.push(("other", vec![1; MIB]))), &["vm-disk-volume"]);
    check(&changed(&|it| it.disks.clear()), &["vm-disk-volume"]);
    let data_volume = json!([{ "name": "root", "dataVolume": { "name": "c" } }]);
    check(
        &changed(&|it| it.config["spec"]["template"]["spec"]["volumes"] = data_volume.clone()),
        &["vm-config", "vm-disk-volume"],
    );
    let qcow2 = diskette_integration::disk::qcow2_disk(1, MIB);
    check(&changed(&|it| it.disks[0].1.clone_from(&qcow2)), &["vm-disk-format"]);
}

/// oras and skopeo of Debian 13 copy an artifact from a layout to a registry and back.
#[test]
fn oras_and_skopeo_move_artifacts_unharmed() {
    let scene = scene(AMD64);
    let Some(trixie) = Trixie::find(&scene) else { return };
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let image = registry.reference("vms/shop:1");
    let digest = scene.run(["build", "-q", "--push", "--tls-verify=false", "-t", &image]).digest();
    let unharmed = |layout: &str| {
        let layout = ArtifactLayout::new(&trixie.path(layout));
        // oras lists the manifests of an index beside it.
        let found = layout.artifacts().into_iter().find(|it| it["digest"] == json!(digest));
        let imported = layout.import(&found.unwrap(), "amd64").unwrap();
        assert!(imported.disks["root"] == scene.read("root.raw"));
    };
    trixie.run(&["oras", "cp", "--from-plain-http", "--to-oci-layout", &image, "oras:1"]);
    unharmed("oras");
    let from = format!("docker://{image}");
    let copy = ["skopeo", "--insecure-policy", "copy", "-q", "--all", "--src-tls-verify=false"];
    trixie.run(&[&copy[..], &[&from, "oci:skopeo:1"]].concat());
    unharmed("skopeo");
    let back = registry.reference("vms/back:1");
    trixie.run(&["oras", "cp", "--from-oci-layout", "--to-plain-http", "oras:1", &back]);
    assert_eq!(scene.run(["diff", "--tls-verify=false", &image, &back]).status, 0);
    trixie.run(&["oras", "pull", "--plain-http", "--platform", "linux/amd64", &back]);
    let pulled = fs::read(trixie.path("root.raw.zst")).unwrap();
    let disk = zstd::stream::decode_all(&pulled[..]).unwrap();
    assert!(disk == scene.read("root.raw"));
}

/// The documents of the disks of a machine say which disk they are about, and differ even if the disks do not.
#[test]
fn lists_of_packages_name_their_disks() {
    let scene = scene("  amd64: { disks: { root: root.raw, data: root.raw } }\n");
    let Some(root) = GuestRoot::debian(&scene) else { return };
    let Some(_) = root.make_ext(&scene, "root.raw", &[]) else { return };
    let built = scene.run(["build", "-q", "-o", "oci:out", "--attest", "sbom"]);
    assert_eq!(built.status, 0, "{}", built.stderr);
    let attestations = || -> Vec<Value> {
        let args = ["verify", "oci:out:1", "--progress", "none", "--output-format", "json"];
        let report: Value = serde_json::from_slice(&scene.run(args).stdout).unwrap();
        report["attestations"].as_array().unwrap().clone()
    };
    let field = |all: &[Value], pointer: &str| {
        let field = |it: &Value| it.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        all.iter().map(field).collect::<BTreeSet<_>>()
    };
    let all = attestations();
    let names = ["quay.io/me/shop:1#data", "quay.io/me/shop:1#root"].map(str::to_owned);
    assert_eq!(field(&all, "/predicate/name"), BTreeSet::from(names));
    assert_eq!(field(&all, "/predicate/documentNamespace").len(), 2);
    let attest = ["attest", "-q", "oci:out:1", "--sbom", "cyclonedx", "--disk", "data"];
    assert_eq!(scene.run(attest).status, 0);
    let attached: Vec<Value> = attestations().into_iter().filter(|it| !all.contains(it)).collect();
    let name = BTreeSet::from(["oci:out:1#data".to_owned()]);
    assert_eq!(field(&attached, "/predicate/metadata/component/name"), name);
    let sbom = ["sbom", "oci:out:1", "--disk", "root", "--format", "spdx"];
    let document: Value = serde_json::from_slice(&scene.run(sbom).stdout).unwrap();
    assert_eq!(document["name"], "oci:out:1#root");
}
