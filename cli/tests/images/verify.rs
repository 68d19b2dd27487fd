//! What `verify` reports for finished images, made by any tool.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use diskette_integration::cluster::handmade::{HandmadeImage, dir, file};
use diskette_integration::disk::{MIB, mixed_bytes};
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::{ProgramOutcome, Scene, is_root};
use serde_json::Value;
use snapbox::{IntoData, assert_data_eq, str};

/// Judges an image; digests are left out of what is returned.
fn verify(scene: &Scene, args: &[&str]) -> ProgramOutcome {
    let args = ["verify", "--progress", "none"].iter().chain(args);
    let mut outcome = scene.run(args);
    let text = String::from_utf8(outcome.stdout).unwrap();
    outcome.stdout = without_digests(&text).into_bytes();
    outcome
}

fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        format!("{text}[DIGEST]{rest}")
    })
}

#[track_caller]
fn check(scene: &Scene, args: &[&str], expected: impl IntoData) {
    assert_data_eq!(verify(scene, args).transcript(), expected.raw());
}

/// A scene with an image that has two disks, and a label that CDI cannot set.
fn spoilt() -> Scene {
    let scene = Scene::with_disk();
    scene.allow_bad_images("what is wrong with the image is what is looked for");
    scene.write("b.raw", mixed_bytes(2, MIB));
    scene.write(
        "Dockerfile",
        "FROM scratch\nCOPY disk.raw b.raw /disk/\nENV KUBEVIRT_IO_A=- CDI_KUBEVIRT_IO_A=a\n",
    );
    let outcome = scene.run([
        "build",
        "-f",
        "Dockerfile",
        "-o",
        "out",
        "-t",
        "1",
        "--platform",
        "linux/amd64",
    ]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    scene
}

#[test]
fn good_images_are_good() {
    let scene = Scene::with_two_disks();
    for compression in ["gzip", "zstd", "none"] {
        scene.build(&["--compression", compression]);
        check(
            &scene,
            &["--strict", "out"],
            str![[r#"
status: 0
stdout:
oci:out  [DIGEST]

linux/amd64: /disk/x.raw, raw, 2.00 MiB

linux/arm64: /disk/a.raw, raw, 1.00 MiB

no problems found
stderr:

"#]],
        );
        check(
            &scene,
            &["oci:out:1", "--platform", "linux/arm64"],
            str![[r#"
status: 0
stdout:
oci:out:1  [DIGEST]

linux/arm64: /disk/a.raw, raw, 1.00 MiB

no problems found
stderr:

"#]],
        );
    }
    check(
        &scene,
        &["oci:out:1", "--format", "json"],
        str![[r#"
status: 0
stdout:
{
  "digest": "[DIGEST]",
  "errors": 0,
  "findings": [],
  "image": "oci:out:1",
  "notes": 0,
  "platforms": [
    {
      "digest": "[DIGEST]",
      "disk": {
        "format": "raw",
        "path": "/disk/x.raw",
        "size": 2097152,
        "virtual_size": 2097152
      },
      "platform": "linux/amd64"
    },
    {
      "digest": "[DIGEST]",
      "disk": {
        "format": "raw",
        "path": "/disk/a.raw",
        "size": 1052672,
        "virtual_size": 1052672
      },
      "platform": "linux/arm64"
    }
  ],
  "warnings": 0
}
stderr:

"#]],
    );
}

#[test]
fn findings_are_told() {
    let scene = spoilt();
    check(
        &scene,
        &["out"],
        str![[r#"
status: 1
stdout:
oci:out  [DIGEST]

linux/amd64:
  error[label-value]: variable KUBEVIRT_IO_A: `-` is not a label value: it must begin and end with a letter or digit
    why: the API server refuses the label, and the import never completes
    fix: use at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends
  error[disk-several]: /disk: it holds 2: b.raw, disk.raw
    why: KubeVirt says `more than one file found in folder /disk, only one disk is allowed`
    fix: leave only the disk in `/disk`; make an image for each disk
  warning[label-reserved]: variable CDI_KUBEVIRT_IO_A: it makes the label `cdi.kubevirt.io/a`
    why: CDI writes it onto the volume, where CDI and others read their own meaning into it
    fix: remove the variable

2 errors, 1 warning
stderr:

"#]],
    );
    check(
        &scene,
        &["out", "--format", "json"],
        str![[r#"
status: 1
stdout:
{
  "digest": "[DIGEST]",
  "errors": 2,
  "findings": [
    {
      "detail": "`-` is not a label value: it must begin and end with a letter or digit",
      "fix": "use at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends",
      "platform": "linux/amd64",
      "rule": "label-value",
      "severity": "error",
      "source": "CDI pkg/importer/util.go envsToLabels; Kubernetes apimachinery, validation.go",
      "subject": "variable KUBEVIRT_IO_A",
      "why": "the API server refuses the label, and the import never completes"
    },
    {
      "detail": "it holds 2: b.raw, disk.raw",
      "fix": "leave only the disk in `/disk`; make an image for each disk",
      "platform": "linux/amd64",
      "rule": "disk-several",
      "severity": "error",
      "source": "KubeVirt pkg/container-disk/container-disk.go GetImage; CDI tools/cdi-containerimage-server/main.go",
      "subject": "/disk",
      "why": "KubeVirt says `more than one file found in folder /disk, only one disk is allowed`"
    },
    {
      "detail": "it makes the label `cdi.kubevirt.io/a`",
      "fix": "remove the variable",
      "platform": "linux/amd64",
      "rule": "label-reserved",
      "severity": "warning",
      "source": "CDI pkg/controller/util.go; pkg/controller/common/util.go",
      "subject": "variable CDI_KUBEVIRT_IO_A",
      "why": "CDI writes it onto the volume, where CDI and others read their own meaning into it"
    }
  ],
  "image": "oci:out",
  "notes": 0,
  "platforms": [
    {
      "digest": "[DIGEST]",
      "disk": null,
      "platform": "linux/amd64"
    }
  ],
  "warnings": 1
}
stderr:

"#]],
    );
    check(
        &scene,
        &["out", "--allow", "disk-several", "--allow", "label-value"],
        str![[r#"
status: 0
stdout:
oci:out  [DIGEST]

linux/amd64:
  warning[label-reserved]: variable CDI_KUBEVIRT_IO_A: it makes the label `cdi.kubevirt.io/a`
    why: CDI writes it onto the volume, where CDI and others read their own meaning into it
    fix: remove the variable

1 warning
stderr:

"#]],
    );
    let strict = ["out", "--strict", "--allow", "disk-several", "--allow", "label-value"];
    assert_eq!(verify(&scene, &strict).status, 1);
}

#[test]
fn sarif_is_as_the_standard_has_it() {
    let schema: Value = serde_json::from_str(include_str!("verify/sarif.json")).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let scene = Scene::with_two_disks();
    scene.build(&[]);
    let (good, spoilt) = (scene, spoilt());
    for (scene, results) in [(&good, 0), (&spoilt, 3)] {
        let outcome = verify(scene, &["out", "--format", "sarif"]);
        let log: Value = serde_json::from_slice(&outcome.stdout).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&log).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        let run = &log["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), results);
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
    }
    let outcome = verify(&spoilt, &["out", "--format", "sarif"]);
    let log: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    assert_data_eq!(format!("{:#}\n", log["runs"][0]["results"]), str![[r#"
[
  {
    "level": "error",
    "locations": [
      {
        "logicalLocations": [
          {
            "fullyQualifiedName": "linux/amd64: variable KUBEVIRT_IO_A"
          }
        ],
        "physicalLocation": {
          "artifactLocation": {
            "index": 0,
            "uri": "out"
          }
        }
      }
    ],
    "message": {
      "text": "linux/amd64: variable KUBEVIRT_IO_A: `-` is not a label value: it must begin and end with a letter or digit"
    },
    "ruleId": "label-value",
    "ruleIndex": 51
  },
  {
    "level": "error",
    "locations": [
      {
        "logicalLocations": [
          {
            "fullyQualifiedName": "linux/amd64: /disk"
          }
        ],
        "physicalLocation": {
          "artifactLocation": {
            "index": 0,
            "uri": "out"
          }
        }
      }
    ],
    "message": {
      "text": "linux/amd64: /disk: it holds 2: b.raw, disk.raw"
    },
    "ruleId": "disk-several",
    "ruleIndex": 31
  },
  {
    "level": "warning",
    "locations": [
      {
        "logicalLocations": [
          {
            "fullyQualifiedName": "linux/amd64: variable CDI_KUBEVIRT_IO_A"
          }
        ],
        "physicalLocation": {
          "artifactLocation": {
            "index": 0,
            "uri": "out"
          }
        }
      }
    ],
    "message": {
      "text": "linux/amd64: variable CDI_KUBEVIRT_IO_A: it makes the label `cdi.kubevirt.io/a`"
    },
    "ruleId": "label-reserved",
    "ruleIndex": 54
  }
]

"#]].raw());
    assert_eq!(log["runs"][0]["artifacts"][0]["location"]["uri"], "out");
}

#[test]
fn what_is_asked_must_make_sense() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    check(
        &scene,
        &[],
        str![[r#"
status: 2
stdout:
stderr:
error: the following required arguments were not provided:
  <IMAGE>

Usage: diskette verify --progress <HOW> <IMAGE>

For more information, try '--help'.

"#]],
    );
    check(
        &scene,
        &["out", "--allow", "disk-server"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'disk-server' for '--allow <RULE>': no such rule; `diskette verify --rules` lists them

For more information, try '--help'.

"#]],
    );
    check(
        &scene,
        &["out", "--rules"],
        str![[r#"
status: 2
stdout:
stderr:
error: the argument '[IMAGE]' cannot be used with '--rules'

Usage: diskette verify --progress <HOW> <IMAGE>

For more information, try '--help'.

"#]],
    );
    check(
        &scene,
        &["--rules", "--format", "sarif"],
        str![[r#"
status: 2
stdout:
stderr:
error: rules cannot be listed as SARIF
 |
 = help: use `--output-format json`

"#]],
    );
    check(
        &scene,
        &["out", "--platform", "linux/s390x"],
        str![[r#"
status: 2
stdout:
stderr:
error: `oci:out` has no image for linux/s390x; it has linux/amd64
 |
 = help: choose one of them with `--platform`

"#]],
    );
    check(
        &scene,
        &["oci:out:2"],
        str![[r#"
status: 1
stdout:
stderr:
error: there is no image `oci:out:2`

"#]],
    );
    check(
        &scene,
        &["./nothing"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot open the layout `./nothing`: No such file or directory (os error 2)

"#]],
    );
}

#[test]
fn rules_are_listed() {
    let scene = Scene::new();
    let text = String::from_utf8(verify(&scene, &["--rules"]).stdout).unwrap();
    let json = verify(&scene, &["--rules", "--format", "json"]).stdout;
    let rules: Value = serde_json::from_slice(&json).unwrap();
    for rule in rules.as_array().unwrap() {
        for field in ["id", "severity", "summary", "why", "source", "fix"] {
            assert!(text.contains(rule[field].as_str().unwrap()), "{rule}");
        }
    }
    assert_data_eq!(
        text.lines().take(10).collect::<Vec<_>>().join("\n"),
        str![[r#"
document (error)
  every manifest, index and config that the image names is there, undamaged and readable
  else: nobody can pull the image
  from: OCI image specification, descriptor.md; containers/image, which CDI reads with
  fix:  push or copy the image again from where it is whole
index-empty (error)
  an index has an image
  else: there is nothing to pull: an index may hold attestations only after its images
  from: CDI pkg/importer/transport.go, by containers/image
  fix:  build the image for at least one platform
"#]]
    );
}

#[test]
fn images_are_judged_wherever_they_lie() {
    let scene = Scene::with_two_disks();
    scene.build_to("oci-archive:vm.tar", &[]);
    check(
        &scene,
        &["vm.tar", "--platform", "amd64"],
        str![[r#"
status: 0
stdout:
oci-archive:vm.tar  [DIGEST]

linux/amd64: /disk/x.raw, raw, 2.00 MiB

no problems found
stderr:

"#]],
    );
    scene.build(&[]);
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let there = registry.reference("team/vm:1");
    let copied = scene.run(["copy", "-q", "oci:out:1", &there]);
    assert_eq!(copied.status, 0, "{}", copied.stderr);
    drop(registry.take_requests());
    let said = verify(&scene, &[&there]).transcript().replace(&registry.address(), "[REGISTRY]");
    assert_data_eq!(
        said,
        str![[r#"
status: 0
stdout:
[REGISTRY]/team/vm:1  [DIGEST]

linux/amd64: /disk/x.raw, raw, 2.00 MiB

linux/arm64: /disk/a.raw, raw, 1.00 MiB

no problems found
stderr:

"#]]
        .raw()
    );
    let requests = registry.take_requests();
    let blobs = requests.iter().filter(|asked| asked.path.contains("/blobs/"));
    let blobs: Vec<&str> = blobs.map(|asked| asked.path.as_str()).collect();
    let distinct: BTreeSet<&str> = blobs.iter().copied().collect();
    // A config and a layer of each platform, and nothing twice.
    assert_eq!((blobs.len(), distinct.len()), (4, 4), "{blobs:?}");
}

type Damage = fn(&mut Vec<u8>);

#[test]
fn damage_is_told() {
    let damages: [(&str, Damage); 3] = [
        ("truncated", |blob| blob.truncate(blob.len() / 2)),
        ("changed", |blob| *blob.last_mut().unwrap() ^= 1),
        ("longer", |blob| blob.push(0)),
    ];
    let mut found = String::new();
    for (name, damage) in damages {
        let scene = Scene::with_disk();
        scene.build(&[]);
        for blob in Layout::open(&scene.path("out")).reachable_blobs("1") {
            let path = format!("out/blobs/sha256/{}", blob.digest().digest());
            let good = scene.read(&path);
            let mut bad = good.clone();
            damage(&mut bad);
            scene.write(&path, bad);
            let outcome = verify(&scene, &["out"]);
            assert_eq!(outcome.status, 1, "{name} {}", blob.media_type());
            let what = String::from_utf8(outcome.stdout).unwrap() + &outcome.stderr;
            let is_told = |line: &&str| line.contains("error");
            let what =
                what.lines().find(is_told).unwrap().trim().replace(blob.digest().digest(), "[HEX]");
            writeln!(found, "{name} {}:\n  {what}", blob.media_type()).unwrap();
            scene.write(&path, good);
        }
    }
    assert_data_eq!(without_digests(&found), str![[r#"
truncated application/vnd.oci.image.index.v1+json:
  error: out/blobs/sha256/[HEX] cannot be used: the manifest is not JSON: EOF while parsing a string at line 1 column 144
truncated application/vnd.oci.image.manifest.v1+json:
  error[document]: image: out/blobs/sha256/[HEX] cannot be used: the manifest is not JSON: EOF while parsing a string at line 1 column 202
truncated application/vnd.oci.image.config.v1+json:
  error[document]: image: out/blobs/sha256/[HEX] has 146 bytes, not 293 as its manifest says
truncated application/vnd.oci.image.layer.v1.tar+gzip:
  error[blob-size]: layer 1: it has 602055 bytes, not 1204111 as its manifest says
changed application/vnd.oci.image.index.v1+json:
  error: out/blobs/sha256/[HEX] cannot be used: the manifest is not JSON: expected `,` or `}` at line 1 column 289
changed application/vnd.oci.image.manifest.v1+json:
  error[document]: image: out/blobs/sha256/[HEX] cannot be used: the manifest is not JSON: expected `,` or `}` at line 1 column 405
changed application/vnd.oci.image.config.v1+json:
  error[document]: image: the document [DIGEST] cannot be used: it is damaged: its bytes have another digest
changed application/vnd.oci.image.layer.v1.tar+gzip:
  error[blob-digest]: layer 1: its bytes have the digest [DIGEST]
longer application/vnd.oci.image.index.v1+json:
  error: out/blobs/sha256/[HEX] cannot be used: the manifest is not JSON: trailing characters at line 1 column 290
longer application/vnd.oci.image.manifest.v1+json:
  error[document]: image: out/blobs/sha256/[HEX] cannot be used: the manifest is not JSON: trailing characters at line 1 column 406
longer application/vnd.oci.image.config.v1+json:
  error[document]: image: out/blobs/sha256/[HEX] has 294 bytes, not 293 as its manifest says
longer application/vnd.oci.image.layer.v1.tar+gzip:
  error[blob-size]: layer 1: it has 1204112 bytes, not 1204111 as its manifest says

"#]].raw());
}

#[test]
fn a_layer_that_is_missing_is_told() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let layout = Layout::open(&scene.path("out"));
    let layer = layout.images("1").remove(0).manifest.layers()[0].digest().digest().to_owned();
    std::fs::remove_file(scene.path(&format!("out/blobs/sha256/{layer}"))).unwrap();
    let outcome = verify(&scene, &["out"]).transcript().replace(&layer, "[HEX]");
    assert_data_eq!(outcome, str![[r#"
status: 1
stdout:
oci:out  [DIGEST]

linux/amd64:
  error[blob-unreadable]: layer 1: cannot read out/blobs/sha256/[HEX]: No such file or directory (os error 2)
    why: nobody can pull the image
    fix: push or copy the image again from where it is whole

1 error
stderr:

"#]].raw());
}

#[test]
fn umoci_images_are_judged() {
    let Some(umoci) = peer::find("umoci") else { return };
    let scene = Scene::with_disk();
    let layout = scene.path("out");
    let image = format!("{}:1", layout.display());
    umoci.run(["init", "--layout", layout.to_str().unwrap()]);
    umoci.run(["new", "--image", &image]);
    let disk = scene.path("disk.raw");
    let args =
        ["insert", "--rootless", "--image", &image, disk.to_str().unwrap(), "/disk/disk.raw"];
    umoci.run(args);
    umoci.run([
        "config",
        "--image",
        &image,
        "--config.env",
        "KUBEVIRT_IO_A=a",
        "--architecture",
        "arm64",
    ]);
    check(
        &scene,
        &["oci:out:1"],
        str![[r#"
status: 0
stdout:
oci:out:1  [DIGEST]

linux/arm64: /disk/disk.raw, raw, 3.00 MiB

no problems found
stderr:

"#]],
    );
}

#[test]
fn buildah_and_podman_images_are_judged() {
    let Some(skopeo) = peer::find("skopeo") else { return };
    for name in ["buildah", "podman"] {
        let Some(builder) = peer::find(name) else { continue };
        if !is_root() {
            peer::note_skipped("not root: buildah builds only with user namespaces");
            return;
        }
        let scene = Scene::with_disk();
        scene.write("Containerfile", "FROM scratch\nADD disk.raw /disk/\n");
        build(&builder, &scene, name, &skopeo);
        let judged = verify(&scene, &["oci:out:1"]);
        assert_data_eq!(
            judged.transcript(),
            str![[r#"
status: 0
stdout:
oci:out:1  [DIGEST]

linux/amd64: /disk/disk.raw, raw, 3.00 MiB

no problems found
stderr:

"#]]
            .raw()
        );
    }
}

/// Builds as users do, and puts the image into the layout `out`.
fn build(builder: &peer::Peer, scene: &Scene, name: &str, skopeo: &peer::Peer) {
    let path = |name: &str| scene.path(name).to_str().unwrap().to_owned();
    let (root, run) = (path("storage"), path("run"));
    let mut storage = vec!["--root", &root, "--runroot", &run, "--storage-driver", "vfs"];
    if name == "podman" {
        storage.extend(["--cgroup-manager", "cgroupfs", "--events-backend", "none"]);
    }
    let (file, archive) = (path("Containerfile"), format!("docker-archive:{}", path("image.tar")));
    let context = path("");
    let verb = if name == "podman" { "build" } else { "bud" };
    let args = [verb, "--isolation", "chroot", "-q", "-t", "vm:1", "-f", &file, &context];
    builder.run(storage.iter().copied().chain(args));
    scene.write("policy.json", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
    let policy = path("policy.json");
    let push = ["push", "-q", "--signature-policy", &policy, "localhost/vm:1", &archive];
    builder.run(storage.iter().copied().chain(push));
    let layout = format!("oci:{}:1", path("out"));
    skopeo.run(["--insecure-policy", "copy", "-q", &archive, &layout]);
    assert!(Path::new(&path("out/index.json")).exists());
}

/// What two disks have in common is said once, and what is to be done about each.
#[test]
fn fixes_are_those_of_the_disks() {
    let scene = Scene::new();
    for (name, start) in [("page", "<html>"), ("zip", "PK\u{3}\u{4}")] {
        let disk = [start.as_bytes(), &mixed_bytes(1, 70_000)].concat();
        let items = [dir("disk"), file("disk/disk.img", &disk)];
        HandmadeImage::new().layer(&items).write(&scene.path(name));
    }
    check(
        &scene,
        &["page"],
        str![[r#"
status: 1
stdout:
oci:page  [DIGEST]

linux/amd64: /disk/disk.img, raw, 68.50 KiB
  error[disk-unsupported]: /disk/disk.img: it is a web page, and no disk
    why: KubeVirt takes qcow2 and raw, CDI vmdk, vpc, vhdx and vdi too; all others are refused
    fix: download the disk again: a server sent a page in its place, to log in or to choose, or an error

1 error
stderr:

"#]],
    );
    check(
        &scene,
        &["zip"],
        str![[r#"
status: 1
stdout:
oci:zip  [DIGEST]

linux/amd64: /disk/disk.img, raw, 68.50 KiB
  error[disk-unsupported]: /disk/disk.img: it is a zip archive, and no disk
    why: KubeVirt takes qcow2 and raw, CDI vmdk, vpc, vhdx and vdi too; all others are refused
    fix: unpack it with `unzip DISK`, and name the disk in it

1 error
stderr:

"#]],
    );
    let outcome = verify(&scene, &["zip", "--format", "json"]);
    let report: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    assert_eq!(
        report["findings"][0]["fix"],
        "unpack it with `unzip DISK`, and name the disk in it"
    );
    let outcome = verify(&scene, &["zip", "--format", "sarif"]);
    let report: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    let message = report["runs"][0]["results"][0]["message"]["text"].as_str().unwrap();
    assert!(
        message.ends_with("; unpack it with `unzip DISK`, and name the disk in it"),
        "{message}"
    );
}
