//! Why two images differ.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::fs;

use diskette_integration::disk::{MIB, mixed_bytes};
use diskette_integration::peer;
use diskette_integration::registry::stock::{ImageStock, MediaTypeFamily};
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use serde_json::{Value, json};
use snapbox::{IntoData, assert_data_eq, str};

fn check(scene: &Scene, args: &[&str], expected: impl IntoData) {
    let said = scene.run_refused(scene.program(["diff"].iter().chain(args)));
    assert_data_eq!(said, expected.raw());
}

#[test]
fn an_image_is_the_same_wherever_it_lies() {
    let scene = Scene::with_two_disks();
    scene.build(&[]);
    scene.build_to("oci-archive:vm.tar", &[]);
    for args in [&["out", "vm.tar"][..], &["oci:out:1", "oci-archive:vm.tar:1"]] {
        let outcome = scene.run(["diff"].iter().chain(args));
        assert_eq!((outcome.status, outcome.stdout.len()), (0, 0), "{}", outcome.stderr);
    }
    let outcome = scene.run(["diff", "--format", "json", "out", "vm.tar"]);
    let value: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    assert_eq!((&value["same"], &value["differences"]), (&json!(true), &json!([])));
}

#[test]
fn the_byte_and_the_field_are_found() {
    let scene = Scene::with_two_disks();
    scene.build(&[]);
    let mut disk = scene.read("x.raw");
    for byte in &mut disk[700_000..700_100] {
        *byte = byte.wrapping_add(1);
    }
    disk[1_500_000] ^= 1;
    scene.write("x.raw", disk);
    scene.build_to("bytes", &[]);
    check(
        &scene,
        &["out", "bytes"],
        str![[r#"
status: 1
stdout:
linux/amd64 layer 1 disk/x.raw: other bytes
  - bytes 700000 to 1500000 of 2097152
  + 101 of them are different, of 2097152
stderr:

"#]],
    );
    check(
        &scene,
        &["out", "bytes", "--format", "json"],
        str![[r#"
status: 1
stdout:
{
  "a": "oci:out",
  "b": "oci:bytes",
  "differences": [
    {
      "a": "bytes 700000 to 1500000 of 2097152",
      "b": "101 of them are different, of 2097152",
      "kind": "content",
      "place": "disk/x.raw",
      "subject": "linux/amd64 layer 1"
    }
  ],
  "same": false
}
stderr:

"#]],
    );
    scene.build_to("level", &["--compression-level", "1"]);
    check(
        &scene,
        &["bytes", "level"],
        str![[r#"
status: 1
stdout:
linux/amd64 layer 1: the same tar, compressed differently
  - gzip, 801599 bytes
  + gzip, 809897 bytes
linux/arm64 layer 1: the same tar, compressed differently
  - gzip, 411259 bytes
  + gzip, 416137 bytes
stderr:

"#]],
    );
    scene.build_to("zstd", &["--compression", "zstd"]);
    check(
        &scene,
        &["bytes", "zstd"],
        str![[r#"
status: 1
stdout:
linux/amd64 manifest /layers/0/mediaType: another value
  - "application/vnd.oci.image.layer.v1.tar+gzip"
  + "application/vnd.oci.image.layer.v1.tar+zstd"
linux/amd64 layer 1: the same tar, compressed differently
  - gzip, 801599 bytes
  + zstd, 708161 bytes
linux/arm64 manifest /layers/0/mediaType: another value
  - "application/vnd.oci.image.layer.v1.tar+gzip"
  + "application/vnd.oci.image.layer.v1.tar+zstd"
linux/arm64 layer 1: the same tar, compressed differently
  - gzip, 411259 bytes
  + zstd, 360451 bytes
stderr:

"#]],
    );
    let spec = String::from_utf8(scene.read("diskette.yaml")).unwrap();
    scene.write("diskette.yaml", spec + "kubevirt: { preference: fedora }\n");
    scene.build_to("label", &[]);
    check(
        &scene,
        &["bytes", "label"],
        str![[r#"
status: 1
stdout:
linux/amd64 config /config/Env: another value
  - nothing
  + ["INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE=fedora"]
linux/arm64 config /config/Env: another value
  - nothing
  + ["INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE=fedora"]
stderr:

"#]],
    );
    scene.write("x.raw", mixed_bytes(9, MIB));
    scene.write_spec("linux/amd64: { disk: x.raw }");
    scene.build_to("other", &[]);
    check(
        &scene,
        &["bytes", "other"],
        str![[r#"
status: 1
stdout:
image: other images
  - linux/amd64, linux/arm64
  + linux/amd64
index /manifests/1: another value
  - {"digest":"sha256:3cf91d82c571579c604d447d6a15604ab215f1af2e4678d21559ebd16f18f04a","mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"architecture":"arm64","os":"linux"},"size":404}
  + nothing
linux/amd64 layer 1 disk/x.raw: another entry
  - size 2097152
  + size 1048576
linux/amd64 layer 1 disk/x.raw: other bytes
  - bytes 5 to 1048575 of 2097152
  + 372203 of them are different, of 1048576
stderr:

"#]],
    );
}

/// Two images by hand.
fn stocked(a: &[(&str, &str)], b: &[(&str, &str)], expected: impl IntoData) {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let config = json!({ "architecture": "amd64", "os": "linux", "config": {} });
    let stock = ImageStock::new(&registry, "vm");
    stock.image("a", config.clone(), a);
    stock.image("b", config, b);
    let (a, b) = (registry.reference("vm:a"), registry.reference("vm:b"));
    check(&Scene::new(), &[&a, &b], expected);
}

#[test]
fn the_entry_is_found() {
    let disk = "dir disk\nfile 444 107:107 disk/a = abc";
    stocked(
        &[("gz", disk)],
        &[("none", disk)],
        str![[r#"
status: 1
stdout:
linux/amd64 manifest /layers/0/mediaType: another value
  - "application/vnd.oci.image.layer.v1.tar+gzip"
  + "application/vnd.oci.image.layer.v1.tar"
linux/amd64 layer 1: the same tar, compressed differently
  - gzip, 121 bytes
  + not compressed, 2560 bytes
stderr:

"#]],
    );
    stocked(
        &[("gz", disk)],
        &[("gz", "dir disk\nfile 440 0:107 disk/a = adcd")],
        str![[r#"
status: 1
stdout:
linux/amd64 layer 1 disk/a: another entry
  - mode 0444
  + mode 0440
linux/amd64 layer 1 disk/a: another entry
  - owner 107:107
  + owner 0:107
linux/amd64 layer 1 disk/a: another entry
  - size 3
  + size 4
linux/amd64 layer 1 disk/a: other bytes
  - bytes 1 to 1 of 3
  + 1 of them are different, of 4
stderr:

"#]],
    );
    stocked(
        &[("gz", disk)],
        &[("gz", "dir disk\nlink disk/a = b")],
        str![[r#"
status: 1
stdout:
linux/amd64 layer 1 disk/a: another entry
  - kind file
  + kind symbolic link to b
linux/amd64 layer 1 disk/a: another entry
  - mode 0444
  + mode 0777
linux/amd64 layer 1 disk/a: another entry
  - owner 107:107
  + owner 0:0
linux/amd64 layer 1 disk/a: another entry
  - size 3
  + size 0
stderr:

"#]],
    );
    stocked(
        &[("gz", disk)],
        &[("gz", "dir disk\nfile 444 107:107 disk/b = abc")],
        str![[r#"
status: 1
stdout:
linux/amd64 layer 1: another entry
  - disk/a
  + disk/b
stderr:

"#]],
    );
    stocked(
        &[("gz", disk)],
        &[("gz", "dir disk")],
        str![[r#"
status: 1
stdout:
linux/amd64 layer 1: another entry
  - disk/a
  + no more entries
stderr:

"#]],
    );
    stocked(
        &[("gz", disk)],
        &[("gz", disk), ("gz", "file b = b")],
        str![[r#"
status: 1
stdout:
linux/amd64 manifest /layers/1: another value
  - nothing
  + {"digest":"sha256:8b3fe3fe7877f0e44ffcfc4b365b4f4bf39ca2f38bdb7362f7832560a05c2af2","mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":82}
linux/amd64 manifest /layers: another number of layers
  - 1 layers
  + 2 layers
stderr:

"#]],
    );
}

#[test]
fn media_types_are_fields() {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let config = json!({ "architecture": "amd64", "os": "linux", "config": {} });
    for (family, tag) in [(MediaTypeFamily::Oci, "a"), (MediaTypeFamily::Docker, "b")] {
        let layers = [("gz", "dir disk\nfile disk/a = abc")];
        ImageStock { family, ..ImageStock::new(&registry, "vm") }.image(
            tag,
            config.clone(),
            &layers,
        );
    }
    let (a, b) = (registry.reference("vm:a"), registry.reference("vm:b"));
    check(
        &Scene::new(),
        &[&a, &b],
        str![[r#"
status: 1
stdout:
image /mediaType: another value
  - application/vnd.oci.image.manifest.v1+json
  + application/vnd.docker.distribution.manifest.v2+json
linux/amd64 manifest /config/mediaType: another value
  - "application/vnd.oci.image.config.v1+json"
  + "application/vnd.docker.container.image.v1+json"
linux/amd64 manifest /layers/0/mediaType: another value
  - "application/vnd.oci.image.layer.v1.tar+gzip"
  + "application/vnd.docker.image.rootfs.diff.tar.gzip"
linux/amd64 manifest /mediaType: another value
  - "application/vnd.oci.image.manifest.v1+json"
  + "application/vnd.docker.distribution.manifest.v2+json"
stderr:

"#]],
    );
}

/// Times are in the headers, where Docker and buildah put those of the files.
#[test]
fn the_time_is_found() {
    let Some(umoci) = peer::find("umoci") else { return };
    let scene = Scene::new();
    scene.write("tree/a", "a");
    let layout = scene.path("out");
    umoci.run(["init", "--layout", layout.to_str().unwrap()]);
    for (tag, time) in [("a", 1_000_000_000), ("b", 1_000_000_007)] {
        let file = fs::File::options().append(true).open(scene.path("tree/a")).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(time);
        file.set_modified(time).unwrap();
        let image = format!("{}:{tag}", layout.display());
        umoci.run(["new", "--image", &image]);
        let tree = scene.path("tree/a");
        umoci.run(["insert", "--rootless", "--image", &image, tree.to_str().unwrap(), "/disk/a"]);
    }
    let outcome = scene.run(["diff", "oci:out:a", "oci:out:b"]);
    let text = String::from_utf8(outcome.stdout).unwrap();
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert!(text.contains("mtime 1000000000"), "{text}");
    assert!(text.contains("mtime 1000000007"), "{text}");
}

#[test]
fn trouble_is_no_difference() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    check(
        &scene,
        &["out", "oci:out:2"],
        str![[r#"
status: 2
stdout:
stderr:
error: there is no image `oci:out:2`

"#]],
    );
    check(
        &scene,
        &["./nowhere", "out"],
        str![[r#"
status: 2
stdout:
stderr:
error: cannot open the layout `./nowhere`: No such file or directory (os error 2)

"#]],
    );
    scene.build_to("zstd", &["--compression", "zstd"]);
    let layer = fs::read_dir(scene.path("zstd/blobs/sha256")).unwrap().map(Result::unwrap);
    let layer = layer.max_by_key(|file| file.metadata().unwrap().len()).unwrap().path();
    let mut bytes = fs::read(&layer).unwrap();
    bytes[5000] ^= 1;
    fs::write(&layer, bytes).unwrap();
    let outcome = scene.run(["diff", "out", "zstd"]);
    assert_eq!((outcome.status, outcome.stdout.len()), (2, 0));
    let stderr = outcome.stderr;
    assert!(stderr.contains("of the second image: its bytes have the digest"), "{stderr}");
}
