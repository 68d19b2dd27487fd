//! What the program says of Dockerfiles that are wrong, and that it changes nothing then.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::fs;
use std::os::unix::fs::symlink;

use diskette_integration::disk::mixed;
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, str};

/// A context with a disk, a text and a few traps.
fn scene(dockerfile: &str) -> Scene {
    let scene = Scene::with_image();
    fs::create_dir(scene.path("c")).unwrap();
    scene.write("c/disk.qcow2", mixed(1, 70_000));
    scene.write("c/a.txt", "a\n");
    scene.write("c/hidden.txt", "h\n");
    scene.write("c/.dockerignore", "# what is not for the image\nhidden.*\n");
    symlink("../../outside", scene.path("c/out")).unwrap();
    scene.write("c/Dockerfile", dockerfile);
    scene
}

/// Builds what must fail, changing nothing, and compares all that is said.
fn check(dockerfile: &str, args: &[&str], expected: impl IntoData) {
    let scene = scene(dockerfile);
    let command = scene.program(["build", "-o", "out", "--iidfile", "iid", "c"].iter().chain(args));
    assert_data_eq!(scene.refused(command), expected.raw());
}

#[test]
fn the_language() {
    check("FORM scratch\n", &[], str![]);
    check("FROM scratch\nCOPPY a b\nCOPY --chwon=1 a.txt /\n", &[], str![]);
    check("", &[], str![]);
    check("# nothing\n", &[], str![]);
    check("COPY a.txt /\n", &[], str![]);
    check("# syntax=me/mine\nFROM scratch\n", &[], str![]);
    check("ARG BASE\nFROM $BASE\n", &[], str![]);
    check("FROM scratch\nENV A=${B:?must be set}\n", &[], str![]);
    check("FROM scratch AS a\n", &["--target", "b"], str![]);
}

#[test]
fn sources() {
    check("FROM scratch\nCOPY nothing.txt /\n", &[], str![]);
    check("FROM scratch\nCOPY *.raw /disk/\n", &[], str![]);
    check("FROM scratch\nCOPY ../c/a.txt /\n", &[], str![]);
    check("FROM scratch\nCOPY out /\n", &[], str![]);
    check("FROM scratch\nCOPY hidden.txt /\n", &[], str![]);
    check("FROM scratch\nCOPY a.txt disk.qcow2 /both\n", &[], str![]);
    check("FROM scratch\nCOPY --from=1 a.txt /\n", &[], str![]);
    check("FROM scratch\nCOPY --from=$X a.txt /\n", &[], str![]);
    check("FROM scratch\nCOPY --exclude=[ . /\n", &[], str![]);
}

#[test]
fn owners_and_modes() {
    check("FROM scratch\nCOPY --chown=qemu a.txt /\n", &[], str![]);
    check("FROM scratch\nCOPY --chmod=rwx a.txt /\n", &[], str![]);
}

#[test]
fn disks() {
    check("FROM scratch\nADD disk.qcow2 /disk\n", &[], str![]);
    check("FROM scratch\nADD a.txt /disk/sub/\nADD disk.qcow2 /disk/sub\n/disk", &[], str![]);
}

#[test]
fn downloads() {
    check("FROM scratch\nADD https://localhost/disk.qcow2 /disk/\n", &[], str![]);
    check("FROM scratch\nADD --checksum=md5:0 https://localhost/disk.qcow2 /disk/\n", &[], str![]);
    check("FROM scratch\nADD --checksum=sha256:0 a.txt /\n", &[], str![]);
    check("FROM scratch\nADD https://localhost/ /disk/\n", &[], str![]);
    check("FROM scratch\nADD https://localhost/me/disks.git#main /disk/\n", &[], str![]);
}

#[test]
fn run_lines() {
    check("FROM scratch\nRUN mkdir /a && \\\n    apt-get update\n", &[], str![]);
    check("FROM scratch\nRUN --mount=type=cache,target=/a true\n", &[], str![]);
    check("FROM scratch\nRUN mkdir /a/b\n", &[], str![]);
    check("FROM scratch\nRUN echo a > /b\n", &[], str![]);
}

#[test]
fn config() {
    check("FROM scratch\nEXPOSE 80/icmp\n", &[], str![]);
    check("FROM scratch\nSTOPSIGNAL SIGNONE\n", &[], str![]);
    check("FROM scratch\nUSER $NOBODY\n", &[], str![]);
    check("FROM scratch\nWORKDIR /a\nCOPY a.txt /b\nWORKDIR /b/c\n", &[], str![]);
}

#[test]
fn options() {
    check("FROM scratch\n", &["--platform", "linux/x86_64"], str![]);
    check("FROM scratch\n", &["--build-context", "a"], str![]);
    check("FROM scratch\n", &["--build-context", "a=nowhere"], str![]);
    check("FROM scratch\n", &["--source-date-epoch", "yesterday"], str![]);
    check("FROM scratch\n", &["-f", "nowhere"], str![]);
    check("FROM scratch\n", &["--squash"], str![]);
}

#[test]
fn what_is_doubtful_is_said_and_built() {
    let check = |dockerfile: &str, args: &[&str], expected: &dyn Fn() -> snapbox::Data| {
        let scene = scene(dockerfile);
        let outcome = scene.run(["build", "-o", "out", "--progress", "none", "c"].iter().chain(args));
        assert_data_eq!(outcome.stderr, expected().raw());
        assert_eq!(outcome.status, Some(0));
    };
    check("FROM kubevirt.io:disk\nADD disk.qcow2 /disk\n", &[], &|| str![].into_data());
    check("FROM scratch\nCOPY a.txt disk.qcow2 /disk/\n", &[], &|| str![].into_data());
    check("FROM scratch\nCOPY a.txt /\n", &["--build-arg", "A=b"], &|| str![].into_data());
}

#[test]
fn checking_writes_nothing() {
    let scene = scene("FROM scratch\nADD disk.qcow2 /disk/\n");
    let before = scene.files(".");
    let outcome = scene.run(["build", "--check", "-o", "new", "c"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(0), ""), "{}", outcome.stderr);
    assert_eq!(scene.files("."), before);
}
