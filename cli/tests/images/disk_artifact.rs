//! Disk artifacts: what `--format artifact` builds, and what all commands and other programs make of it.

use std::fs;

use diskette_integration::disk::{MIB, mixed_bytes};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image_volume;
use diskette_integration::qemu_img::QemuImg;
use diskette_integration::scene::Scene;
use diskette_integration::trixie::Trixie;
use serde_json::{Value, json};
use snapbox::{IntoData as _, assert_data_eq, str};

const TITLE: &str = "org.opencontainers.image.title";

/// Returns a scene with two disks and a spec.
fn scene(rest: &str) -> Scene {
    let scene = Scene::new();
    scene.write("amd.raw", mixed_bytes(1, 3 * MIB));
    scene.write("arm.raw", mixed_bytes(2, 2 * MIB));
    scene.write(
        "diskette.yaml",
        format!(
            "apiVersion: diskette/v1\n{rest}platforms:\n  amd64: {{ disk: amd.raw }}\n  arm64: {{ disk: arm.raw }}\n"
        ),
    );
    scene
}

/// Runs the program, which must succeed, and returns what it printed.
fn run(scene: &Scene, args: &[&str]) -> String {
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 0, "{args:?} {}", outcome.stderr);
    String::from_utf8(outcome.stdout).unwrap()
}

fn document(scene: &Scene, digest: &str) -> Value {
    let hex = digest.strip_prefix("sha256:").unwrap();
    serde_json::from_slice(&scene.read(&format!("out/blobs/sha256/{hex}"))).unwrap()
}

/// Returns the index and its first manifest.
fn shown_documents(scene: &Scene, digest: &str) -> String {
    let index = document(scene, digest);
    let manifest = document(scene, index["manifests"][0]["digest"].as_str().unwrap());
    format!("{index:#}\n{manifest:#}\n")
}

/// Returns the name and the content of the disk that KubeVirt finds.
fn mounted_disk(scene: &Scene, digest: &str, architecture: &str) -> (String, Vec<u8>) {
    image_volume::mounted_disk(&scene.path("out"), digest, architecture)
}

#[test]
fn the_disk_is_the_only_layer() {
    let scene = scene("format: artifact\nannotations: { a: b }\n");
    assert_data_eq!(
        shown_documents(&scene, &scene.build(&[])),
        str![[r#"
{
  "annotations": {
    "a": "b"
  },
  "artifactType": "application/vnd.kubevirt.disk.v1",
  "manifests": [
    {
      "digest": "sha256:b168ebee176272687aba4c278b60ad7e62a793351a663648ffc08bca88031bce",
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "platform": {
        "architecture": "amd64",
        "os": "linux"
      },
      "size": 510
    },
    {
      "digest": "sha256:da2c917bbacd726f9f950999628a0f4c2633730c941c8db5621d04bf67f78abf",
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "platform": {
        "architecture": "arm64",
        "os": "linux"
      },
      "size": 510
    }
  ],
  "mediaType": "application/vnd.oci.image.index.v1+json",
  "schemaVersion": 2
}
{
  "annotations": {
    "a": "b"
  },
  "artifactType": "application/vnd.kubevirt.disk.v1",
  "config": {
    "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "mediaType": "application/vnd.oci.empty.v1+json",
    "size": 2
  },
  "layers": [
    {
      "annotations": {
        "org.opencontainers.image.title": "amd.raw"
      },
      "digest": "sha256:f23e95dc359f7df831d5cddecce3da714458dc5d7fc773d4b8d30d035fa02e08",
      "mediaType": "application/octet-stream",
      "size": 3145728
    }
  ],
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "schemaVersion": 2
}

"#]]
        .raw()
    );
}

#[test]
fn kubevirt_finds_the_disk_of_each_platform() {
    let scene = scene("format: artifact\n");
    let digest = scene.build(&[]);
    for (architecture, name) in [("amd64", "amd.raw"), ("arm64", "arm.raw")] {
        let (found, content) = mounted_disk(&scene, &digest, architecture);
        assert_eq!(found, name);
        assert!(content == scene.read(name), "{name} differs");
    }
}

/// The same artifact results from a format in the spec, from the option, from a disk, and from a Dockerfile.
#[test]
fn the_option_makes_the_same_artifact() {
    let expected = scene("format: artifact\n").build(&[]);
    let check = |rest: &str, args: &[&str]| {
        let scene = scene(rest);
        scene.write(
            "Dockerfile",
            "FROM scratch\nARG TARGETARCH\nADD --chown=107:107 --chmod=0440 ${TARGETARCH%64}.raw /disk/\n",
        );
        let built = scene.run([&["build", "-q", "-o", "out"], args].concat());
        assert_eq!(built.digest(), expected, "{args:?} {}", built.stderr);
    };
    check("", &["--format", "artifact"]);
    check("format: oci\ncompression: gzip\n", &["--format", "artifact", "--compression", "none"]);
    check("", &["--format", "artifact", "amd64=amd.raw", "arm64=arm.raw"]);
    let dockerfile =
        ["--format", "artifact", "-f", "Dockerfile", "--platform", "linux/amd64,linux/arm64", "."];
    check("", &dockerfile);
    let scene = scene("");
    let outcome = scene.run(["build", "-q", "-o", "type=oci,tar=false,dest=out,format=artifact"]);
    assert_eq!(outcome.digest(), expected, "{}", outcome.stderr);
}

#[test]
fn a_disk_is_converted_and_its_clusters_are_compressed() {
    let scene = scene("");
    let args = [
        "--format",
        "artifact",
        "--convert",
        "qcow2",
        "--convert-compress",
        "zstd",
        "--size",
        "5Mi",
    ];
    let digest = scene.build(&args);
    let (name, content) = mounted_disk(&scene, &digest, "amd64");
    assert_eq!(name, "amd.qcow2");
    scene.write("found.qcow2", content);
    let info: Value =
        serde_json::from_str(&run(&scene, &["inspect", "--output-format", "json", "found.qcow2"]))
            .unwrap();
    assert_eq!(info["disk"]["virtual_size"], 5 * MIB);
    assert_eq!(info["disk"]["format"], "qcow2");
    if let Some(qemu_img) = QemuImg::find() {
        qemu_img.assert_sound(("qcow2", &*scene.path("found.qcow2")));
    }
}

#[test]
fn all_commands_understand_disk_artifacts() {
    let scene = scene("format: artifact\n");
    let digest = scene.build(&["-t", "a.example/disk:1"]);
    assert_data_eq!(
        run(&scene, &["verify", "--strict", "out"]).replace(&digest, "DIGEST"),
        str![[r#"
oci:out  DIGEST

linux/amd64: /amd.raw, raw, 3.00 MiB

linux/arm64: /arm.raw, raw, 2.00 MiB

no problems found

"#]]
    );
    assert_data_eq!(
        run(&scene, &["inspect", "out", "--platform", "linux/arm64"]),
        str![[r#"
oci:out
  digest      sha256:a49848836a4ecfd82f780e9eb6bed77c11aa4d49e8e8f92534a08a048564aa82
  type        application/vnd.oci.image.index.v1+json

linux/arm64
  manifest    sha256:8a7e4d5c55952b06cbb5af3d52070d8d0036731475c7ae64775d4ee599bb8f71
  config      sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
  disk        arm.raw
  format      raw
  size        2.00 MiB
  file        2.00 MiB
  layer       sha256:7c2cc088d3eb4e7f2b9704c5b64d25090e4fc6baa53ecf8cc4d78de75cee7119    2.00 MiB  not compressed  100.0 % of the disk's file

"#]]
    );
    let seen: Value =
        serde_json::from_str(&run(&scene, &["inspect", "--output-format", "json", "out"])).unwrap();
    assert_eq!(seen["platforms"][0]["disk"]["path"], "/amd.raw");
    assert_eq!(seen["platforms"][0]["disk"].get("mode"), None);

    run(&scene, &["copy", "-q", "oci:out", "oci-archive:copy.tar"]);
    assert_eq!(scene.run(["diff", "oci:out", "oci-archive:copy.tar"]).status, 0);
    fs::create_dir(scene.path("found")).unwrap();
    let args =
        ["extract", "-q", "--platform", "linux/amd64", "-o", "found", "oci-archive:copy.tar"];
    run(&scene, &args);
    assert!(scene.read("found/amd.raw") == scene.read("amd.raw"));
    run(&scene, &[&args[..], &["--disk", "amd.raw", "--force"]].concat());
    assert!(scene.run([&args[..], &["--disk", "b.raw"]].concat()).stderr.contains("`amd.raw`"));

    let mut changed = scene.read("amd.raw");
    changed[MIB] ^= 1;
    scene.write("amd.raw", changed);
    scene.build_to("other", &[]);
    let outcome = scene.run(["diff", "oci:out", "oci:other"]);
    assert_eq!(outcome.status, 1);
    let text = String::from_utf8(outcome.stdout).unwrap();
    assert!(text.contains("bytes 1048576 to 1048576 of 3145728"), "{text}");
}

/// A disk artifact is a source, and becomes a containerDisk with the same disk.
#[test]
fn an_artifact_is_a_source() {
    let scene = scene("format: artifact\n");
    scene.build_to("artifact", &[]);
    scene.write(
        "diskette.yaml",
        "apiVersion: diskette/v1\nplatforms:\n  amd64: { disk: { image: 'oci:artifact' } }\n",
    );
    scene.build(&[]);
    run(&scene, &["extract", "-q", "-o", "found", "out"]);
    assert!(scene.read("found") == scene.read("amd.raw"));
}

#[test]
fn a_machine_boots_the_artifact() {
    let scene = scene("format: artifact\n");
    scene.build(&[]);
    let args =
        ["manifests", "--image", "a.example/disk:1", "--by-tag", "--platform", "linux/amd64"];
    let with = |rest: &[&str]| {
        let all = [&args[..1], &[rest[0], "oci:out"], &args[1..], &rest[1..]].concat();
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_data_eq!(
        String::from_utf8(scene.run(with(&["vm"])).stdout).unwrap(),
        str![[r##"
# a.example/disk:1 for linux/amd64
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: disk
spec:
  runStrategy: Always
  template:
    metadata:
      annotations:
        kubevirt.io/image-volume-skip-digest-resolution: "true"
      labels:
        vm.kubevirt.io/name: disk
    spec:
      architecture: amd64
      domain:
        devices:
          disks:
          - disk:
              bus: virtio
            name: root
          interfaces:
          - masquerade: {}
            name: default
          rng: {}
        memory:
          guest: 2Gi
      networks:
      - name: default
        pod: {}
      volumes:
      - containerDisk:
          image: a.example/disk:1
        name: root

"##]]
    );
    let check = |rest: &[&str], expected: &str| {
        let outcome = scene.run(with(rest));
        assert_eq!(outcome.status, 2, "{rest:?}");
        assert!(outcome.stderr.contains(expected), "{rest:?} {}", outcome.stderr);
    };
    check(&["datavolume"], "`datavolume` is for images, and this is a disk artifact");
    check(&["vm,datasource", "-n", "a"], "`datasource` is for images, and this is a disk artifact");
    check(&["pvc"], "`pvc` is for images, and this is a disk artifact");
    check(&["vm", "--disk", "import"], "`--disk` is for images, and this is a disk artifact");
    check(&["vm", "--path", "/a.raw"], "`--path` is for images, and this is a disk artifact");
}

#[test]
fn a_cluster_that_cannot_mount_it_is_reported() {
    let scene = scene("format: artifact\n");
    scene.build(&[]);
    let check = |target: &str, expected: &[&str]| {
        let args = [
            "verify",
            "--output-format",
            "json",
            "--platform",
            "linux/amd64",
            "--for",
            target,
            "out",
        ];
        let outcome = scene.run(args);
        let report: Value = serde_json::from_slice(&outcome.stdout).unwrap();
        let rules = report["findings"].as_array().unwrap().iter();
        let rules: Vec<&Value> = rules.map(|finding| &finding["rule"]).collect();
        assert_eq!(json!(rules), json!(expected), "{target}");
        assert_eq!(outcome.status, i32::from(!expected.is_empty()));
    };
    check("kubevirt=1.10,runtime=crio", &[]);
    check("kubevirt=1.10,runtime=containerd", &["artifact-runtime"]);
    check("kubevirt=1.9", &["artifact-kubevirt"]);
    // A container image is for every cluster, and that is said.
    let image = self::scene("");
    image.build(&[]);
    let outcome = image.run(["verify", "--for", "kubevirt=1.0,runtime=containerd", "out"]);
    assert_eq!(outcome.status, 0);
    let note = "a container image is for every version of KubeVirt and every container runtime";
    assert_eq!(outcome.stderr.matches(note).count(), 1, "{}", outcome.stderr);
    let outcome = scene.run(["verify", "--for", "kubevirt=new", "out"]);
    assert_eq!(outcome.status, 2);
    assert!(
        outcome.stderr.contains("`new` is no version of KubeVirt, e.g. 1.10"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn what_only_images_have_is_refused() {
    let check = |rest: &str, args: &[&str], expected: &str| {
        let scene = scene(rest);
        scene.write("kernel", "k");
        let outcome = scene.run([&["build", "-q", "-o", "out"], args].concat());
        assert_ne!(outcome.status, 0, "{rest} {args:?}");
        assert!(outcome.stderr.contains(expected), "{rest} {args:?} {}", outcome.stderr);
        assert_eq!(outcome.stderr.matches("error:").count(), 1, "{}", outcome.stderr);
    };
    let artifact = "format: artifact\n";
    check(artifact, &["--label", "a=b"], "`--label` is for images, and this is a disk artifact");
    check(artifact, &["--env", "A=b"], "`--env` is for images, and this is a disk artifact");
    let compressed = "the layer of a disk artifact is the disk, and is not compressed";
    check(artifact, &["--compression", "zstd"], compressed);
    check(artifact, &["--compression-level", "3"], compressed);
    let option = ["--format", "artifact"];
    for (key, value) in [
        ("labels", "{ a: b }"),
        ("env", "{ A: b }"),
        ("kubevirt", "{ instancetype: u1.small }"),
        ("files", "[{ path: /boot/vmlinuz, source: kernel }]"),
    ] {
        let (line, message) = (format!("{key}: {value}\n"), format!("`{key}` is for images"));
        check(&line, &option, &message);
        check(&line, &option, "diskette.yaml:2:1");
        check(&(artifact.to_owned() + &line), &[], &message);
    }
    check("format: artifact\ncompression: gzip\n", &[], "`compression` is for images");
    check(
        "",
        &["--format", "artifact", "--preference", "fedora", "amd64=amd.raw"],
        "`--preference` is for images, and this is a disk artifact",
    );
}

/// What a Dockerfile sets beside the disk is refused, and nothing of it is left out.
#[test]
fn dockerfiles_have_a_disk_alone() {
    let check = |rest: &str, expected: &str| {
        let scene = scene("");
        scene.write("Dockerfile", format!("FROM scratch\n{rest}\n"));
        let args = ["build", "-q", "--format", "artifact", "-o", "out", "-f", "Dockerfile", "."];
        let outcome = scene.run(args);
        assert_eq!(outcome.status, 2, "{rest}");
        assert!(outcome.stderr.contains(expected), "{rest} {}", outcome.stderr);
        // The last line is the one that is refused.
        let line = format!(" --> Dockerfile:{}:", rest.lines().count() + 1);
        let has_line = outcome.stderr.contains(&line);
        assert_eq!(has_line, !expected.contains("no file goes to"), "{rest} {}", outcome.stderr);
    };
    let disk = "ADD amd.raw /disk/\n";
    for (instruction, name) in [
        ("ENTRYPOINT [\"/a\"]", "Entrypoint"),
        ("CMD a", "Cmd"),
        ("USER 107", "User"),
        ("WORKDIR /disk", "WorkingDir"),
        ("EXPOSE 80", "ExposedPorts"),
        ("VOLUME /a", "Volumes"),
        ("STOPSIGNAL TERM", "StopSignal"),
        ("HEALTHCHECK CMD a", "Healthcheck"),
        ("SHELL [\"a\"]", "Shell"),
        ("ONBUILD RUN a", "OnBuild"),
        ("MAINTAINER a", "author"),
    ] {
        let expected = format!("has no settings of containers, and this has `{name}`");
        check(&format!("{disk}{instruction}"), &expected);
    }
    check(&format!("{disk}LABEL a=b"), "a disk artifact has no labels, and this has `a`");
    let variable = "a disk artifact has no environment variables, and this has";
    check(&format!("{disk}ENV A=b"), &format!("{variable} `A`"));
    check(&format!("{disk}ENV PATH=/b"), &format!("{variable} `PATH`"));
    check(
        &format!("{disk}ADD arm.raw /disk/"),
        "a disk artifact has one disk, and this has `/disk/amd.raw` and `/disk/arm.raw`",
    );
    let other = "a disk artifact has a disk alone, and this has";
    check(&format!("{disk}ADD arm.raw /a/"), &format!("{other} `/a/arm.raw`"));
    check("ADD arm.raw /a/", &format!("{other} `/a/arm.raw`"));
    check("LABEL a=b", "a disk artifact has no labels");
    check(&format!("{disk}ARG NAME=b\nLABEL a=c\nLABEL $NAME=c a=d"), "and this has `a`");
    check("RUN mkdir /disk", "a disk artifact has a disk, and no file goes to /disk");
}

/// An option overrides the format in the spec.
#[test]
fn the_option_makes_the_same_image() {
    let check = |option: &[&str]| {
        let expected = scene("").build(option);
        assert_eq!(scene("format: artifact\n").build(option), expected, "{option:?}");
    };
    check(&["--format", "oci"]);
    check(&["--format", "docker"]);
    check(&["--format", "oci", "--compression", "zstd", "--label", "a=b"]);
    let expected = scene("").build(&["--format", "artifact"]);
    for compression in ["gzip", "zstd", "none", "{ type: zstd, level: 9 }"] {
        let scene = scene(&format!("compression: {compression}\n"));
        assert_eq!(scene.build(&["--format", "artifact"]), expected, "{compression}");
    }
}

/// The commands that copy images keep an artifact as it is.
#[test]
fn copies_are_the_artifact() {
    let scene = scene("format: artifact\n");
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let (first, second) = (registry.reference("disks/a:1"), registry.reference("disks/b:1"));
    let digest = scene.build(&[]);
    let manifest = document(&scene, &digest)["manifests"][1]["digest"].as_str().unwrap().to_owned();
    let open = "--tls-verify=false";
    run(&scene, &["push", "-q", open, "oci:out", &first]);
    run(&scene, &["pull", "-q", open, &first, "-o", "oci:pulled"]);
    assert_eq!(scene.run(["digest", "oci:pulled"]).digest(), digest);
    let by_digest = format!("{}@{digest}", first.trim_end_matches(":1"));
    run(&scene, &["copy", "-q", open, &by_digest, &second]);
    assert_eq!(scene.run(["digest", open, &second]).digest(), digest);
    run(&scene, &["copy", "-q", open, "--platform", "linux/arm64", &second, "oci:arm"]);
    run(&scene, &["verify", "--strict", "oci:arm"]);
    run(&scene, &["extract", "-q", "-o", "found", "oci:arm"]);
    assert!(scene.read("found") == scene.read("arm.raw"));
    // Each machine builds the index of its own platform.
    let created = registry.reference("disks/index:1");
    scene.build_to("one", &["--platform", "linux/arm64"]);
    scene.build_to("other", &["--platform", "linux/amd64"]);
    run(&scene, &["index", "create", open, &created, "oci:other", "oci:one"]);
    assert_eq!(scene.run(["digest", open, &created]).digest(), digest);
    // A manifest alone does not say its platform, as its config is empty.
    let of_arm = format!("{}@{manifest}", first.trim_end_matches(":1"));
    let outcome = scene.run(["index", "create", open, &created, &of_arm]);
    assert_eq!(outcome.status, 1);
    for expected in ["does not say what it runs on", "name its index"] {
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    }
}

#[test]
fn an_artifact_is_not_loaded_into_an_engine() {
    let scene = scene("format: artifact\n");
    scene.write_program("bin/podman", "#!/bin/sh\nexit 0\n");
    let mut command = scene.program(["build", "-q", "--load=podman"]);
    command.env("PATH", scene.path("bin"));
    let outcome = scene.run_command(command);
    assert_eq!(outcome.status, 2);
    assert!(
        outcome.stderr.contains("`--load` is for images, and this is a disk artifact"),
        "{}",
        outcome.stderr
    );
}

/// oras and podman of Debian 13 pull the disk from a registry.
#[test]
fn oras_and_podman_pull_the_disk() {
    let scene = scene("format: artifact\n");
    let Some(trixie) = Trixie::find(&scene) else { return };
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let image = registry.reference("disks/a:1");
    let digest = scene.run(["build", "-q", "--push", "--tls-verify=false", "-t", &image]).digest();
    trixie.run(&["oras", "pull", "--plain-http", "--platform", "linux/arm64", &image]);
    assert!(fs::read(trixie.path("arm.raw")).unwrap() == scene.read("arm.raw"));

    // What oras pushes is read like ours.
    let pushed = registry.reference("disks/oras:1");
    trixie.run(&["oras", "push", "--plain-http", &pushed, "arm.raw"]);
    let report = run(&scene, &["verify", "--strict", "--tls-verify=false", &pushed]);
    assert!(report.contains("/arm.raw, raw"), "{report}");

    let podman = |args: &[&str]| {
        let storage = ["--root", "graph", "--runroot", "run", "--storage-driver", "vfs"];
        let storage = storage.map(|word| match word {
            "graph" | "run" => format!("{}/{word}", trixie.home()),
            word => word.to_owned(),
        });
        let storage = storage.iter().map(String::as_str);
        let args: Vec<&str> =
            ["podman"].into_iter().chain(storage).chain(args.iter().copied()).collect();
        trixie.run(&args)
    };
    podman(&["artifact", "pull", "-q", "--tls-verify=false", &image]);
    let found: Value = serde_json::from_str(&podman(&["artifact", "inspect", &image])).unwrap();
    assert_eq!(found["Manifest"]["layers"][0]["annotations"][TITLE], "amd.raw", "{digest}");
    // Podman 5.4 has no command to write a file, and keeps the blobs in a layout.
    let blob = found["Manifest"]["layers"][0]["digest"].as_str().unwrap().replace(':', "/");
    let kept = fs::read(trixie.path(&format!("graph/artifacts/blobs/{blob}"))).unwrap();
    assert!(kept == scene.read("amd.raw"));
}
