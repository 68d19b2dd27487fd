//! What the program says when something is wrong with the disks, and that it changes nothing then.

use std::fs;
use std::process::Command;

use diskette_integration::disk::mixed_bytes;
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, file};

/// Builds what must fail, changing nothing, and compares all that is said.
fn check(prepare: impl FnOnce(&Scene), args: &[&str], expected: impl IntoData) {
    let scene = Scene::with_image();
    prepare(&scene);
    let files = ["--iidfile", "iid", "--digestfile", "digest", "--metadata-file", "metadata"];
    let command = scene.program(["build", "-o", "out"].iter().chain(&files).chain(args));
    assert_data_eq!(scene.run_refused(command), expected.raw());
}

fn disk(platform: &str) -> impl FnOnce(&Scene) {
    move |scene| scene.write_spec(platform)
}

#[test]
fn not_a_disk() {
    check(
        disk("amd64: { disk: nowhere.raw }"),
        &[],
        file!["../../errors/files/cannot-find.stderr"],
    );
    check(
        disk("amd64: { disk: home }"),
        &[],
        file!["../../errors/files/cannot-use-not-a-regular-file.stderr"],
    );
    check(
        disk("amd64: { disk: /dev/zero }"),
        &[],
        file!["../../errors/files/cannot-use-not-a-regular-file-2.stderr"],
    );
    check(
        |scene| drop(scene.write("disk.raw", "")),
        &[],
        file!["../../errors/files/cannot-use-the-file-is-empty.stderr"],
    );
    let pipe = |scene: &Scene| {
        fs::remove_file(scene.path("disk.raw")).unwrap();
        assert!(Command::new("mkfifo").arg(scene.path("disk.raw")).status().unwrap().success());
    };
    check(pipe, &[], file!["../../errors/files/cannot-use-not-a-regular-file-3.stderr"]);
}

#[test]
fn several_disks_are_wrong() {
    check(
        disk(
            "amd64: { disk: nowhere.raw }\n  arm64: { disk: home }\n  s390x: { disk: nowhere.raw }",
        ),
        &[],
        file!["../../errors/files/cannot-find-2.stderr"],
    );
}

#[test]
fn unreadable_disk() {
    let scene = Scene::with_image();
    scene.write("secret.raw", mixed_bytes(7, 1000));
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    fs::set_permissions(scene.path("secret.raw"), private).unwrap();
    scene.write_spec("amd64: { disk: secret.raw }");
    let Some(command) = scene.unprivileged_program(["build", "-o", "out"]) else { return };
    let outcome = scene.run_command(command);
    assert_data_eq!(
        outcome.transcript(),
        file!["../../errors/files/cannot-read-permission-denied-os-error.stderr"].raw()
    );
}

#[test]
fn wrong_checksum() {
    let zeros = "0".repeat(64);
    check(
        disk(&format!("amd64: {{ disk: {{ path: disk.raw, sha256: {zeros:?} }} }}")),
        &[],
        file!["../../errors/files/cannot-use-the-checksum-is-wrong-expected-sha.stderr"],
    );
    let zeros = "0".repeat(128);
    check(
        disk(&format!("amd64: {{ disk: {{ path: disk.raw, sha512: {zeros:?} }} }}")),
        &[],
        file!["../../errors/files/cannot-use-the-checksum-is-wrong-expected-sha-2.stderr"],
    );
}

#[test]
fn platform_twice() {
    check(
        disk("amd64: { disk: disk.raw }\n  linux/amd64: { disk: disk.raw }"),
        &[],
        file!["../../errors/files/the-platform-is-given-twice.stderr"],
    );
}

#[test]
fn broken_spec() {
    check(
        |scene| drop(scene.write("diskette.yaml", "a: [")),
        &[],
        file!["../../errors/files/this-bracket-is-never-closed.stderr"],
    );
    check(
        |scene| drop(scene.write("diskette.yaml", [0xff, 0xfe])),
        &[],
        file!["../../errors/files/cannot-read-not-utf-text-is-it-a.stderr"],
    );
    check(
        |scene| fs::remove_file(scene.path("diskette.yaml")).unwrap(),
        &[],
        file!["../../errors/files/nothing-to-build-in.stderr"],
    );
    check(
        disk("amd46: { disk: disk.raw }\n  arm64: { disc: a.raw }"),
        &[],
        file!["../../errors/files/unknown-architecture.stderr"],
    );
    check(
        |_| (),
        &["-f", "disk.raw"],
        file!["../../errors/files/cannot-read-not-utf-text-is-it-a-2.stderr"],
    );
}
