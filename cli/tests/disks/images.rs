//! Disks that are taken out of images: `disk: { image: REF, disk: NAME }`.
#![expect(
    clippy::too_many_lines,
    reason = "a test is a table of what is done and what is said of it"
)]

use diskette_integration::disk::{MIB, mixed_bytes, sha256};
use diskette_integration::image::{Layout, build_disk};
use diskette_integration::qemu_img::QemuImg;
use diskette_integration::registry::{MANIFEST, Profile, Registry, RequestKind, StoredManifest};
use diskette_integration::scene::Scene;
use serde_json::{Value, json};
use snapbox::{IntoData as _, assert_data_eq, str};

/// Makes a scene whose layout `from` has an image of two platforms, with disks `x.raw` and `a.raw`.
fn scene_with_images() -> Scene {
    let scene = Scene::with_two_disks();
    scene.build_to("from", &[]);
    scene
}

fn disk_of(scene: &Scene, layout: &str, tag: &str, platform: &str) -> String {
    let layout = Layout::open(&scene.path(layout));
    let images = layout.images(tag);
    let image = images.iter().find(|image| image.platform == platform).unwrap();
    sha256(&layout.layer_file(image, "disk/disk.img"))
}

#[test]
fn the_disk_of_each_platform_is_taken() {
    let scene = scene_with_images();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    registry.put_image("me/vm", "1", &scene.path("from"), "1");
    scene.pack("from", "from.tar");
    let disks = [("linux/amd64", "x.raw"), ("linux/arm64", "a.raw")];
    let digest = registry.manifest("me/vm", "1").unwrap().digest;
    for from in [
        "oci:from:1".to_owned(),
        "oci-archive:from.tar".to_owned(),
        registry.reference("me/vm:1"),
        registry.reference(&format!("me/vm@{digest}")),
    ] {
        let source = format!("disk: {{ image: \"{from}\" }}");
        scene.write_spec(&format!("amd64: {{ {source} }}\n  arm64: {{ {source} }}"));
        scene.build(&["--no-cache"]);
        for (platform, disk) in disks {
            assert_eq!(disk_of(&scene, "out", "1", platform), sha256(&scene.read(disk)), "{from}");
        }
    }
    // Paths of layouts and archives are relative to the spec.
    scene.write_spec("amd64: { disk: { image: \"oci:../from:1\" } }");
    scene.write("sub/diskette.yaml", scene.read("diskette.yaml"));
    scene.build(&["-f", "sub/diskette.yaml"]);
    assert_eq!(disk_of(&scene, "out", "1", "linux/amd64"), sha256(&scene.read("x.raw")));
    // Nothing is read again: the digest of its layer says what the disk is.
    scene.write_spec(&format!(
        "amd64: {{ disk: {{ image: \"{}\" }} }}",
        registry.reference("me/vm:1")
    ));
    let first = scene.build(&[]);
    let layers = || {
        let requests = registry.take_requests();
        requests
            .iter()
            .filter(|it| it.kinds.contains(&RequestKind::GetBlob))
            .map(|it| it.path.clone())
            .collect::<Vec<_>>()
    };
    layers();
    assert_eq!(scene.build(&[]), first);
    // The config, and the start of the layer.
    assert_eq!(layers().len(), 2);
}

/// An archive on standard input is read once, whatever number of disks is taken out of it.
#[test]
fn disks_of_a_stream_are_taken() {
    let scene = scene_with_images();
    scene.pack("from", "from.tar");
    let source = "disk: { image: \"oci-archive:-\" }";
    scene.write_spec(&format!("amd64: {{ {source} }}\n  arm64: {{ {source} }}"));
    let args = ["build", "-q", "--no-cache", "-o", "out"];
    scene.run_with_input(&args, &scene.read("from.tar")).digest();
    for (platform, disk) in [("linux/amd64", "x.raw"), ("linux/arm64", "a.raw")] {
        assert_eq!(disk_of(&scene, "out", "1", platform), sha256(&scene.read(disk)));
    }
}

/// A disk that was taken by its name is not the only one of its layer, whatever the cache has.
#[test]
fn a_disk_without_a_name_is_the_only_one() {
    let scene = Scene::new();
    for name in ["a.img", "b.img"] {
        scene.write(&format!("disk/{name}"), mixed_bytes(2, MIB));
    }
    scene.write("Dockerfile", "FROM scratch\nCOPY disk/ /disk/\n");
    scene.allow_bad_images("it has two disks");
    let image = scene.run(["build", "-q", "-f", "Dockerfile", "-t", "vm:1", "-o", "from", "."]);
    assert_eq!(image.status, 0, "{}", image.stderr);
    let build = |disk: &str| {
        let source = format!("image: \"oci:from:1\"{disk}, name: d.img");
        scene.write_spec(&format!("amd64: {{ disk: {{ {source} }} }}"));
        scene.run(["build", "-q", "-o", "out"])
    };
    assert_eq!(build(", disk: a.img").status, 0);
    let said = build("").stderr;
    let error = "error: cannot use `oci:from:1`: it has several disks: `a.img`, `b.img`\n";
    assert!(said.starts_with(error), "{said}");
}

/// Stores an artifact of one layer in a registry, and returns the digest of the layer.
fn put_artifact(registry: &Registry, tag: &str, layer: &[u8], fields: &Value) -> String {
    let digest = format!("sha256:{}", sha256(layer));
    registry.put_blob("me/vm", &digest, layer);
    let empty = format!("sha256:{}", sha256(b"{}"));
    registry.put_blob("me/vm", &empty, b"{}");
    let mut descriptor = json!({ "mediaType": "a/disk", "digest": digest, "size": layer.len() });
    descriptor.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "a/b",
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2 },
        "layers": [descriptor],
    });
    registry.put_document(
        "me/vm",
        tag,
        StoredManifest::new(MANIFEST, manifest.to_string().into_bytes()),
    );
    digest
}

#[test]
fn layers_of_artifacts_are_disks() {
    let scene = Scene::new();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let raw = mixed_bytes(3, 2 * MIB);
    let zstd = zstd::encode_all(&raw[..], 1).unwrap();
    let vm = json!({
        "mediaType": "application/vnd.kubevirt.disk.raw+zstd",
        "annotations": { "io.kubevirt.disk.name": "root", "io.kubevirt.disk.size": "2Mi" },
    });
    put_artifact(&registry, "vm", &zstd, &vm);
    let title = json!({ "annotations": { "org.opencontainers.image.title": "disk.raw" } });
    put_artifact(&registry, "plain", &raw, &title);
    for from in ["vm", "plain"] {
        let image = registry.reference(&format!("me/vm:{from}"));
        scene.write_spec(&format!("amd64: {{ disk: {{ image: \"{image}\" }} }}"));
        scene.build(&["--no-cache"]);
        assert_eq!(disk_of(&scene, "out", "1", "linux/amd64"), sha256(&raw), "{from}");
    }
    let image = registry.reference("me/vm:vm");
    scene.write_spec(&format!(
        "amd64: {{ disk: {{ image: \"{image}\", disk: root, name: r.raw }} }}"
    ));
    assert!(std::fs::read(build_disk(&scene, &[], "r.raw").path).unwrap() == raw);
}

#[test]
fn disks_of_images_are_converted_through_a_file() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let raw = scene.write("raw", mixed_bytes(5, 3 * MIB));
    qemu.convert(&raw, &[], ("qcow2", &scene.path("disk.qcow2")));
    scene.write_spec("amd64: { disk: disk.qcow2 }");
    scene.build_to("from", &[]);
    scene.write_spec("amd64: { disk: { image: \"oci:from:1\", convert: raw, name: d.img } }");
    let said = scene.run_refused(scene.program(["build", "-q", "-o", "out"]));
    assert_data_eq!(said, str![[r#"
status: 1
stdout:
stderr:
error: cannot use `oci:from:1`: a disk is converted or resized from a file that can be read in any order; this is in an image
 --> ./diskette.yaml:5:27
  |
5 |   amd64: { disk: { image: "oci:from:1", convert: raw, name: d.img } }
  |                           ^^^^^^^^^^^^
  |
  = help: take it out with `diskette extract` first, and name the file
  = help: or pass `--spool DIR`, which writes it to a temporary file in that directory

"#]].raw());
    let built = build_disk(&scene, &["--spool", "."], "d.img");
    qemu.assert_equal(("raw", &raw), ("raw", &built.path));
}

/// Credentials are those of bases.
#[test]
fn credentials_are_for_the_registry_of_the_image() {
    let scene = scene_with_images();
    let source = Registry::start(Profile::DISTRIBUTION_3.with_basic());
    let target = Registry::start(Profile::DISTRIBUTION_3);
    source.put_image("me/vm", "1", &scene.path("from"), "1");
    let (image, target) = (source.reference("me/vm:1"), target.reference("me/new:1"));
    scene.write_spec(&format!("amd64: {{ disk: {{ image: \"{image}\" }} }}"));
    let build = ["build", "-q", "-o", "out"];
    let said = scene.run_refused(scene.program(build)).replace(&source.address(), "REGISTRY");
    assert_data_eq!(said, str![[r#"
status: 1
stdout:
stderr:
error: cannot use `REGISTRY/me/vm:1`: cannot read REGISTRY/me/vm:1: the server answered 401: it requires a user and a password, and none are known for it: UNAUTHORIZED, authentication required
 --> ./diskette.yaml:5:27
  |
5 |   amd64: { disk: { image: "REGISTRY/me/vm:1" } }
  |                           ^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: log in with `diskette login REGISTRY`; `diskette auth explain REGISTRY/me/vm:1` shows which credential is used

"#]].raw());
    let login = source.profile().credentials();
    let digest = scene.run(build.iter().chain(&["--creds", &login])).digest();
    let pushed = ["build", "-q", "-t", &target, "--push", "--src-creds", &login];
    assert_eq!(scene.run(pushed).digest(), digest);
}

/// What is wrong with an image is found before a tag is written.
#[test]
fn a_damaged_image_moves_no_name() {
    let scene = scene_with_images();
    let (registry, source) =
        (Registry::start(Profile::DISTRIBUTION_3), Registry::start(Profile::DISTRIBUTION_3));
    registry.put_image("me/new", "1", &scene.path("from"), "1");
    let before = registry.manifest("me/new", "1");
    let raw = mixed_bytes(3, 2 * MIB);
    let mut damaged = raw.clone();
    *damaged.last_mut().unwrap() ^= 1;
    // The first content of a blob stays.
    let digest = format!("sha256:{}", sha256(&raw));
    source.put_blob("me/vm", &digest, &damaged);
    put_artifact(&source, "plain", &raw, &json!({}));
    let (image, target) = (source.reference("me/vm:plain"), registry.reference("me/new:1"));
    scene.write_spec(&format!("amd64: {{ disk: {{ image: \"{image}\" }} }}"));
    let said = scene.run_refused(scene.program(["build", "-q", "-t", &target, "--push"]));
    let found = format!("sha256:{}", sha256(&damaged));
    let said = said
        .replace(&source.address(), "REGISTRY")
        .replace(&digest, "DIGEST")
        .replace(&found, "FOUND");
    assert_data_eq!(
        said,
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `REGISTRY/me/vm:plain`: the checksum is wrong: expected DIGEST, found FOUND
 --> ./diskette.yaml:5:27
  |
5 |   amd64: { disk: { image: "REGISTRY/me/vm:plain" } }
  |                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: the file is not the one that the checksum was made of; nothing was written

"#]]
        .raw()
    );
    assert_eq!(registry.manifest("me/new", "1"), before);
}

#[test]
fn what_images_do_not_have_is_reported() {
    let scene = scene_with_images();
    let check = |source: &str, expected: snapbox::data::Inline| {
        scene.write_spec(&format!("amd64: {{ disk: {{ {source} }} }}"));
        assert_data_eq!(scene.run_refused(scene.program(["build", "-o", "out"])), expected.raw());
    };
    check(
        "image: \"oci:from:2\"",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `oci:from:2`: there is no such image
 --> ./diskette.yaml:5:27
  |
5 |   amd64: { disk: { image: "oci:from:2" } }
  |                           ^^^^^^^^^^^^
  |
  = help: is its name spelled as where it comes from?

"#]],
    );
    scene.write_spec("amd64: { disk: x.raw }\n  arm64: { disk: a.raw }");
    scene.build_to("oci:several:1", &["--platform", "amd64"]);
    scene.build_to("oci:several:2", &["--platform", "arm64"]);
    check(
        "image: \"oci:several\"",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `oci:several`: it does not have exactly one image
 --> ./diskette.yaml:5:27
  |
5 |   amd64: { disk: { image: "oci:several" } }
  |                           ^^^^^^^^^^^^^
  |
  = help: name one of its images: `oci:DIR:TAG`

"#]],
    );
    check(
        "image: \"oci:none:1\"",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `oci:none:1`: cannot open the layout ./none: No such file or directory (os error 2)
 --> ./diskette.yaml:5:27
  |
5 |   amd64: { disk: { image: "oci:none:1" } }
  |                           ^^^^^^^^^^^^

"#]],
    );
    check(
        "image: \"oci:from:1\", disk: b.raw",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `oci:from:1`: it has no disk `b.raw`; its disks are `x.raw`
 --> ./diskette.yaml:5:27
  |
5 |   amd64: { disk: { image: "oci:from:1", disk: b.raw } }
  |                           ^^^^^^^^^^^^

"#]],
    );
    check(
        "image: \"oci:from:1\", path: x.raw",
        str![[r#"
status: 1
stdout:
stderr:
error: both `path` and `image` are given
 --> ./diskette.yaml:5:27
  |
5 |   amd64: { disk: { image: "oci:from:1", path: x.raw } }
  |                           ^^^^^^^^^^^^
  |
  = help: content comes from one place; remove one of the two

"#]],
    );
    check(
        "image: \"oci:from:1\", sha256: \"00\"",
        str![[r#"
status: 1
stdout:
stderr:
error: `sha256` is for files and downloads
 --> ./diskette.yaml:5:49
  |
5 |   amd64: { disk: { image: "oci:from:1", sha256: "00" } }
  |                                                 ^^^^
  |
  = help: pin the image by its digest: `image: oci:from:1@sha256:…`
error: this is not a sha256 checksum
 --> ./diskette.yaml:5:49
  |
5 |   amd64: { disk: { image: "oci:from:1", sha256: "00" } }
  |                                                 ^^^^
  |
  = help: a SHA-256 has 64 hexadecimal digits, this has 2

"#]],
    );
    check(
        "image: \"oci:from:1\", unpack: gz",
        str![[r#"
status: 1
stdout:
stderr:
error: `unpack` is for files and downloads
 --> ./diskette.yaml:5:49
  |
5 |   amd64: { disk: { image: "oci:from:1", unpack: gz } }
  |                                                 ^^
  |
  = help: remove it: an image says itself how its disk is compressed

"#]],
    );
    check(
        "path: x.raw, disk: b.raw",
        str![[r#"
status: 1
stdout:
stderr:
error: `disk` chooses a disk of an image
 --> ./diskette.yaml:5:39
  |
5 |   amd64: { disk: { path: x.raw, disk: b.raw } }
  |                                       ^^^^^
  |
  = help: add `image:`, or remove `disk`; for archives, use `ova: { path, disk }`

"#]],
    );
    check(
        "image: \"A/b\"",
        str![[r#"
status: 1
stdout:
stderr:
error: the repository `A/b` has upper-case letters; it looks like `quay.io/me/fedora:42`
 --> ./diskette.yaml:5:27
  |
5 |   amd64: { disk: { image: "A/b" } }
  |                           ^^^^^
  |
  = help: name it as in `quay.io/containerdisks/fedora:42`, or `oci:DIR:TAG`

"#]],
    );
    scene.write_spec("s390x: { disk: { image: \"oci:from:1\" } }");
    assert_data_eq!(scene.run_refused(scene.program(["build", "-o", "out"])), str![[r#"
status: 1
stdout:
stderr:
error: cannot use `oci:from:1`: `oci:from:1` has no image for linux/s390x; it has linux/amd64, linux/arm64
 --> ./diskette.yaml:5:27
  |
5 |   s390x: { disk: { image: "oci:from:1" } }
  |                           ^^^^^^^^^^^^

"#]].raw());
    scene.write_spec(
        "amd64: { disk: x.raw, files: [{ path: /a, source: { image: \"oci:from:1\" } }] }",
    );
    assert_data_eq!(
        scene.run_refused(scene.program(["build", "-o", "out"])),
        str![[r#"
status: 1
stdout:
stderr:
error: `image` is for disks
 --> ./diskette.yaml:5:62
  |
5 |   amd64: { disk: x.raw, files: [{ path: /a, source: { image: "oci:from:1" } }] }
  |                                                              ^^^^^^^^^^^^
  |
  = help: other files are taken as they are; remove `image`

"#]]
        .raw()
    );
}
