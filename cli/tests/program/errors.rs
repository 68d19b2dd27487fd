//! What the program says when something is wrong with the disks, and that it changes nothing then.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::fs;
use std::process::Command;

use diskette_integration::disk::mixed;
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, str};

/// Builds what must fail, changing nothing, and compares all that is said.
fn check(prepare: impl FnOnce(&Scene), args: &[&str], expected: impl IntoData) {
    let scene = Scene::with_image();
    prepare(&scene);
    let files = ["--iidfile", "iid", "--digestfile", "digest", "--metadata-file", "metadata"];
    let command = scene.program(["build", "-o", "out"].iter().chain(&files).chain(args));
    assert_data_eq!(scene.refused(command), expected.raw());
}

fn disk(platform: &str) -> impl FnOnce(&Scene) {
    move |scene| scene.spec(platform)
}

#[test]
fn not_a_disk() {
    check(
        disk("amd64: { disk: nowhere.raw }"),
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot find `nowhere.raw`
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: nowhere.raw }
  |                  ^^^^^^^^^^^
  |
  = help: paths are relative to the directory of the spec

"#]],
    );
    check(
        disk("amd64: { disk: home }"),
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `home`: not a regular file
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: home }
  |                  ^^^^
  |
  = help: name the disk image itself

"#]],
    );
    check(
        disk("amd64: { disk: /dev/zero }"),
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `/dev/zero`: not a regular file
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: /dev/zero }
  |                  ^^^^^^^^^
  |
  = help: name the disk image itself

"#]],
    );
    check(
        |scene| drop(scene.write("disk.raw", "")),
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error[disk-blank]: cannot use `disk.raw`: the file is empty
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw }
  |                  ^^^^^^^^
  |
  = help: use the right file; was its download or conversion cut off?

"#]],
    );
    let pipe = |scene: &Scene| {
        fs::remove_file(scene.path("disk.raw")).unwrap();
        assert!(Command::new("mkfifo").arg(scene.path("disk.raw")).status().unwrap().success());
    };
    check(
        pipe,
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw`: not a regular file
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: disk.raw }
  |                  ^^^^^^^^
  |
  = help: name the disk image itself

"#]],
    );
}

#[test]
fn several_disks_are_wrong() {
    check(
        disk(
            "amd64: { disk: nowhere.raw }\n  arm64: { disk: home }\n  s390x: { disk: nowhere.raw }",
        ),
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot find `nowhere.raw`
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: nowhere.raw }
  |                  ^^^^^^^^^^^
  |
  = help: paths are relative to the directory of the spec
error: cannot use `home`: not a regular file
 --> ./diskette.yaml:6:18
  |
6 |   arm64: { disk: home }
  |                  ^^^^
  |
  = help: name the disk image itself

"#]],
    );
}

#[test]
fn unreadable_disk() {
    let scene = Scene::with_image();
    scene.write("secret.raw", mixed(7, 1000));
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    fs::set_permissions(scene.path("secret.raw"), private).unwrap();
    scene.spec("amd64: { disk: secret.raw }");
    let Some(command) = scene.unprivileged(["build", "-o", "out"]) else { return };
    let outcome = scene.outcome(command);
    assert_data_eq!(
        outcome.transcript(),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read `secret.raw`: Permission denied (os error 13)
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: secret.raw }
  |                  ^^^^^^^^^^
  |
  = help: make the file readable for the user who builds

"#]]
        .raw()
    );
}

#[test]
fn wrong_checksum() {
    let zeros = "0".repeat(64);
    check(
        disk(&format!("amd64: {{ disk: {{ path: disk.raw, sha256: {zeros:?} }} }}")),
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw`: the checksum is wrong: expected sha256:0000000000000000000000000000000000000000000000000000000000000000, found sha256:204ad2a0a92104195cdcd538af9be0bdf6fec389f862d72ff4fa60b34d55b4a1
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: disk.raw, sha256: "0000000000000000000000000000000000000000000000000000000000000000" } }
  |                          ^^^^^^^^
  |
  = help: the file is not the one that the checksum was made of; nothing was written

"#]],
    );
    let zeros = "0".repeat(128);
    check(
        disk(&format!("amd64: {{ disk: {{ path: disk.raw, sha512: {zeros:?} }} }}")),
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw`: the checksum is wrong: expected sha512:00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000, found sha512:a5ac64f879b435ac18af02b9c610273df3f02436f7195991dbe911a70704a26fb91e3c4f7a32e1981ef0de2e950d3bb0fbdeecd0b1aa94942d1f7605bafa87a7
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: disk.raw, sha512: "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000...
  |                          ^^^^^^^^
  |
  = help: the file is not the one that the checksum was made of; nothing was written

"#]],
    );
}

#[test]
fn platform_twice() {
    check(
        disk("amd64: { disk: disk.raw }\n  linux/amd64: { disk: disk.raw }"),
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: the platform `linux/amd64` is given twice
 --> ./diskette.yaml:6:3
  |
6 |   linux/amd64: { disk: disk.raw }
  |   ^^^^^^^^^^^
  |
  = help: `amd64` on line 5 means the same

"#]],
    );
}

#[test]
fn broken_spec() {
    check(
        |scene| drop(scene.write("diskette.yaml", "a: [")),
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: this bracket is never closed
 --> ./diskette.yaml:1:4
  |
1 | a: [
  |    ^
  |
  = help: add the closing `]` or `}`

"#]],
    );
    check(
        |scene| drop(scene.write("diskette.yaml", [0xff, 0xfe])),
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read `./diskette.yaml`: not UTF-8 text, is it a disk?

"#]],
    );
    check(
        |scene| fs::remove_file(scene.path("diskette.yaml")).unwrap(),
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: nothing to build in `.`
 |
 = help: write a `diskette.yaml` or a `Dockerfile`, or name another file with `-f`

"#]],
    );
    check(
        disk("amd46: { disk: disk.raw }\n  arm64: { disc: a.raw }"),
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: unknown architecture `amd46`
 --> ./diskette.yaml:5:3
  |
5 |   amd46: { disk: disk.raw }
  |   ^^^^^
  |
  = help: did you mean `linux/amd64`?
error: unknown key `disc` in a platform
 --> ./diskette.yaml:6:12
  |
6 |   arm64: { disc: a.raw }
  |            ^^^^
  |
  = help: did you mean `disk`?

"#]],
    );
    check(
        |_| (),
        &["-f", "disk.raw"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read `disk.raw`: not UTF-8 text, is it a disk?

"#]],
    );
}
