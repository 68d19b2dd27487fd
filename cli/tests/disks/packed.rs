//! What the program says when a disk is packed and should not be, or the other way round, or damaged.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use diskette_integration::disk::mixed_bytes;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, str};

/// Builds what must fail, changing nothing, and compares all that is said.
fn check(scene: &Scene, expected: impl IntoData) {
    let command = scene.program(["build", "-o", "out", "--iidfile", "iid"]);
    assert_data_eq!(scene.run_refused(command), expected.raw());
}

#[test]
fn wrong_suffix() {
    for (suffix, expected) in [
        (
            "gz",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw.gz`: not packed with gzip
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.gz }
  |                  ^^^^^^^^^^^
  |
  = help: the name says that it is packed, the content does not; say `unpack: none` to take it as it is

"#]],
        ),
        (
            "xz",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw.xz`: not packed with xz
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.xz }
  |                  ^^^^^^^^^^^
  |
  = help: the name says that it is packed, the content does not; say `unpack: none` to take it as it is

"#]],
        ),
        (
            "zst",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw.zst`: not packed with zstd
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.zst }
  |                  ^^^^^^^^^^^^
  |
  = help: the name says that it is packed, the content does not; say `unpack: none` to take it as it is

"#]],
        ),
        (
            "bz2",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw.bz2`: not packed with bzip2
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.bz2 }
  |                  ^^^^^^^^^^^^
  |
  = help: the name says that it is packed, the content does not; say `unpack: none` to take it as it is

"#]],
        ),
    ] {
        let rename = |scene: &Scene| {
            scene.write(&format!("disk.raw.{suffix}"), mixed_bytes(7, 1000));
            scene.write_spec(&format!("amd64: {{ disk: disk.raw.{suffix} }}"));
        };
        let scene = Scene::new();
        rename(&scene);
        check(&scene, expected);
    }
}

/// Makes `disk.raw` a packed one; false where the packer is missing.
fn pack(scene: &Scene, name: &'static str, to: &str) -> bool {
    let Some(peer) = peer::find(name) else { return false };
    let content = peer.run_for_bytes(["-c".as_ref(), scene.path("disk.raw").as_os_str()]);
    scene.write(to, content);
    true
}

#[test]
fn packed_without_asking() {
    for (packer, expected) in [
        (
            "gzip",
            str![[r#"
status: 1
stdout:
stderr:
error[disk-packed]: cannot use `disk.raw`: the disk is packed with gzip
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw }
  |                  ^^^^^^^^
  |
  = help: unpack it with `gunzip -c disk.raw >new.img`, and name the result; in a spec, `unpack: gz` does that during the build

"#]],
        ),
        (
            "xz",
            str![[r#"
status: 1
stdout:
stderr:
error[disk-packed]: cannot use `disk.raw`: the disk is packed with xz
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw }
  |                  ^^^^^^^^
  |
  = help: unpack it with `xz -dc disk.raw >new.img`, and name the result; in a spec, `unpack: xz` does that during the build

"#]],
        ),
        (
            "zstd",
            str![[r#"
status: 1
stdout:
stderr:
error[disk-packed]: cannot use `disk.raw`: the disk is packed with zstd
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw }
  |                  ^^^^^^^^
  |
  = help: unpack it with `zstd -dc disk.raw >new.img`, and name the result; in a spec, `unpack: zst` does that during the build

"#]],
        ),
        (
            "bzip2",
            str![[r#"
status: 1
stdout:
stderr:
error[disk-packed]: cannot use `disk.raw`: the disk is packed with bzip2
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw }
  |                  ^^^^^^^^
  |
  = help: unpack it with `bzip2 -dc disk.raw >new.img`, and name the result; in a spec, `unpack: bz2` does that during the build

"#]],
        ),
    ] {
        let scene = Scene::with_image();
        if pack(&scene, packer, "disk.raw") {
            check(&scene, expected);
        }
    }
}

#[test]
fn truncated_packed_disk() {
    for (packer, suffix, expected) in [
        (
            "gzip",
            "gz",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw.gz`: damaged gzip data: incomplete deflate stream
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.gz }
  |                  ^^^^^^^^^^^
  |
  = help: was the download cut off?

"#]],
        ),
        (
            "xz",
            "xz",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw.xz`: damaged xz data: premature eof
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.xz }
  |                  ^^^^^^^^^^^
  |
  = help: was the download cut off?

"#]],
        ),
        (
            "zstd",
            "zst",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw.zst`: damaged zstd data: incomplete frame
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.zst }
  |                  ^^^^^^^^^^^^
  |
  = help: was the download cut off?

"#]],
        ),
        (
            "bzip2",
            "bz2",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw.bz2`: damaged bzip2 data: decompression not finished but EOF reached
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.bz2 }
  |                  ^^^^^^^^^^^^
  |
  = help: was the download cut off?

"#]],
        ),
    ] {
        let scene = Scene::with_image();
        let name = format!("disk.raw.{suffix}");
        if pack(&scene, packer, &name) {
            let packed = scene.read(&name);
            scene.write(&name, &packed[..packed.len() * 2 / 3]);
            scene.write_spec(&format!("amd64: {{ disk: {name} }}"));
            check(&scene, expected);
        }
    }
}

#[test]
fn damaged_packed_disk() {
    for (packer, suffix, expected) in [
        (
            "gzip",
            "gz",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw.gz`: damaged gzip data: corrupt gzip stream does not have a matching checksum
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.gz }
  |                  ^^^^^^^^^^^
  |
  = help: was the download cut off?

"#]],
        ),
        (
            "xz",
            "xz",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw.xz`: damaged xz data: lzma data error
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.xz }
  |                  ^^^^^^^^^^^
  |
  = help: was the download cut off?

"#]],
        ),
        (
            "bzip2",
            "bz2",
            str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw.bz2`: damaged bzip2 data: bzip2: invalid data
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.bz2 }
  |                  ^^^^^^^^^^^^
  |
  = help: was the download cut off?

"#]],
        ),
    ] {
        let scene = Scene::with_image();
        let name = format!("disk.raw.{suffix}");
        if pack(&scene, packer, &name) {
            let mut packed = scene.read(&name);
            let middle = packed.len() / 2;
            packed[middle..middle + 64].fill(0xff);
            scene.write(&name, packed);
            scene.write_spec(&format!("amd64: {{ disk: {name} }}"));
            check(&scene, expected);
        }
    }
}

#[test]
fn nothing_in_it() {
    for (packer, suffix, expected) in [
        (
            "gzip",
            "gz",
            str![[r#"
status: 1
stdout:
stderr:
error[disk-blank]: cannot use `disk.raw.gz`: the file is empty
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.gz }
  |                  ^^^^^^^^^^^
  |
  = help: use the right file; was its download or conversion cut off?

"#]],
        ),
        (
            "xz",
            "xz",
            str![[r#"
status: 1
stdout:
stderr:
error[disk-blank]: cannot use `disk.raw.xz`: the file is empty
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.xz }
  |                  ^^^^^^^^^^^
  |
  = help: use the right file; was its download or conversion cut off?

"#]],
        ),
        (
            "zstd",
            "zst",
            str![[r#"
status: 1
stdout:
stderr:
error[disk-blank]: cannot use `disk.raw.zst`: the file is empty
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.zst }
  |                  ^^^^^^^^^^^^
  |
  = help: use the right file; was its download or conversion cut off?

"#]],
        ),
        (
            "bzip2",
            "bz2",
            str![[r#"
status: 1
stdout:
stderr:
error[disk-blank]: cannot use `disk.raw.bz2`: the file is empty
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw.bz2 }
  |                  ^^^^^^^^^^^^
  |
  = help: use the right file; was its download or conversion cut off?

"#]],
        ),
    ] {
        let scene = Scene::with_image();
        scene.write("disk.raw", "");
        let name = format!("disk.raw.{suffix}");
        if pack(&scene, packer, &name) {
            scene.write_spec(&format!("amd64: {{ disk: {name} }}"));
            check(&scene, expected);
        }
    }
}
