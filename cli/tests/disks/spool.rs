//! Disks that can be read only from front to back are converted and resized from a temporary file, in
//! the directory that the user names.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use diskette_integration::disk::{MIB, mixed_bytes, qcow2_disk, sha256};
use diskette_integration::image::build_disk;
use diskette_integration::peer::{self, text};
use diskette_integration::qemu_img::QemuImg;
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};

/// Builds from the spec, and takes the disk out of the image.
fn build(scene: &Scene, name: &str) -> PathBuf {
    let built = build_disk(scene, &["--spool", "spool", "--allow-unverified"], name);
    let left = std::fs::read_dir(scene.path("spool")).unwrap().count();
    assert_eq!(left, 0, "nothing is left behind");
    built.path
}

fn spool_scene() -> Scene {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("spool")).unwrap();
    scene
}

#[test]
fn streams_are_converted() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = spool_scene();
    let raw = scene.write("raw", mixed_bytes(1, 5 * MIB));
    let vmdk = scene.path("disk.vmdk");
    qemu.convert(&raw, &["-o", "subformat=streamOptimized"], ("vmdk", &vmdk));
    for (tool, args) in [("gzip", &["-k"][..]), ("xz", &["-k"]), ("zstd", &["-q", "-k"])] {
        let Some(tool) = peer::find(tool) else { continue };
        tool.run([args, &[text(&vmdk)]].concat());
    }
    for end in ["gz", "xz", "zst"] {
        scene
            .write_spec(&format!("amd64: {{ disk: {{ path: disk.vmdk.{end}, convert: qcow2 }} }}"));
        qemu.assert_equal(("raw", &raw), ("qcow2", &build(&scene, "disk.qcow2")));
    }
    let Some(tar) = peer::find("tar") else { return };
    let archive = scene.path("disk.tar.gz");
    let mut command = tar.command();
    command.args(["-czf", text(&archive), "disk.vmdk"]).current_dir(scene.path("."));
    assert!(command.status().unwrap().success());
    scene.write_spec("amd64: { disk: { path: disk.tar.gz, convert: qcow2, size: 8Mi } }");
    let built = build(&scene, "disk.qcow2");
    qemu.assert_enlarged(("raw", &raw), ("qcow2", &built), 8 << 20);
}

#[test]
fn downloads_get_a_size() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = spool_scene();
    let disk = qcow2_disk(4, 2 * MIB);
    let server = Server::start([("/d.qcow2", ServerAnswer::Content(disk.clone()))]);
    let local = scene.write("local.qcow2", &disk);
    let (url, digits) = (server.url("/d.qcow2"), sha256(&disk));
    let line = format!("amd64: {{ disk: {{ url: '{url}', sha256: {digits}, size: 1Gi }} }}");
    scene.write_spec(&line);
    let built = build(&scene, "d.qcow2");
    qemu.assert_enlarged(("qcow2", &local), ("qcow2", &built), 1 << 30);
    // The layer is in the cache: nothing is downloaded.
    scene.build(&["--spool", "spool"]);
    server.take_requests();
    scene.build(&["--spool", "spool"]);
    assert_eq!(server.take_requests(), [""; 0]);
}

/// Runs a build that must fail with this error, and leave nothing in the directory.
#[track_caller]
fn check(scene: &Scene, directory: &str, expected: &str) {
    let outcome = scene.run(["build", "-o", "out", "--spool", directory]);
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    assert_eq!(std::fs::read_dir(scene.path("spool")).unwrap().count(), 0);
}

#[test]
fn streams_are_checked_before_they_are_converted() {
    let scene = spool_scene();
    let disk = mixed_bytes(1, MIB);
    scene.write("disk.raw.zst", zstd::encode_all(&disk[..], 1).unwrap());
    let digits = "0".repeat(64);
    scene.write_spec(&format!(
        "amd64: {{ disk: {{ path: disk.raw.zst, convert: qcow2, sha256: '{digits}' }} }}"
    ));
    check(&scene, "spool", "the checksum is wrong: expected sha256:0000");
    check(&scene, "none", "cannot open the directory `none`: No such file or directory");
    scene.write("page.raw.zst", zstd::encode_all(&b"<!DOCTYPE html>\n<p>Log in"[..], 1).unwrap());
    scene.write_spec("amd64: { disk: { path: page.raw.zst, convert: qcow2 } }");
    check(&scene, "spool", "it is a web page, and no disk");
    let head = "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n";
    let descriptor = format!("{head}RW 8 FLAT \"a\" 0\n");
    scene.write("split.vmdk.zst", zstd::encode_all(descriptor.as_bytes(), 1).unwrap());
    scene.write_spec("amd64: { disk: { path: split.vmdk.zst, convert: qcow2 } }");
    check(&scene, "spool", "its file `a` is not beside a download or in an archive");
}

#[test]
fn the_directory_must_be_writable() {
    let scene = spool_scene();
    scene.write("disk.raw.zst", zstd::encode_all(&mixed_bytes(1, MIB)[..], 1).unwrap());
    scene.write_spec("amd64: { disk: { path: disk.raw.zst, convert: qcow2 } }");
    std::fs::set_permissions(scene.path("spool"), Permissions::from_mode(0o555)).unwrap();
    let args = ["build", "-o", "out", "--no-cache", "--spool", "spool"];
    let Some(command) = scene.unprivileged_program(args) else { return };
    let outcome = scene.run_command(command);
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    let expected =
        "cannot use `disk.raw.zst`: it cannot be written to the spool directory: Permission denied";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
}

/// A download is converted without a file if its server sends ranges.
#[test]
fn downloads_are_read_by_ranges() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let raw = scene.write("raw", mixed_bytes(1, 5 * MIB + 512));
    let disk = scene.path("disk.vmdk");
    qemu.convert(&raw, &[], ("vmdk", &disk));
    let bytes = scene.read("disk.vmdk");
    let content = || ServerAnswer::Content(bytes.clone());
    let server = Server::start([
        ("/disk.vmdk", content()),
        ("/whole.vmdk", ServerAnswer::Whole(bytes.clone())),
        (
            "/busy.vmdk",
            ServerAnswer::Then(vec![content(), content(), ServerAnswer::Status(503), content()]),
        ),
    ]);
    let write = |name: &str, digits: &str, rest: &str| {
        let url = server.url(&format!("/{name}.vmdk"));
        let line = format!("amd64: {{ disk: {{ url: '{url}', sha256: '{digits}', {rest} }} }}");
        scene.write_spec(&line);
    };
    let digits = sha256(&bytes);
    for name in ["disk", "busy"] {
        write(name, &digits, "convert: qcow2");
        let built = build_disk(&scene, &[], &format!("{name}.qcow2")).path;
        qemu.assert_equal(("raw", &raw), ("qcow2", &built));
    }
    write("disk", &digits, "convert: raw, size: 16Mi");
    let built = build_disk(&scene, &[], "disk.img").path;
    qemu.assert_enlarged(("raw", &raw), ("raw", &built), 16 << 20);

    let check = |expected: &str| {
        let outcome = scene.run(["build", "-q", "-o", "other", "--no-cache", "--retry", "1"]);
        assert_eq!(outcome.status, 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    };
    write("disk", &"a".repeat(64), "convert: qcow2");
    check("the checksum is wrong: expected sha256:aaaa");
    write("whole", &digits, "convert: qcow2");
    check("from a file that can be read in any order; this is a download, whose server sends no");
    write("none", &digits, "convert: qcow2");
    check("the server answered 404");
    // The server has another file as soon as the first was read: one of its bytes differs.
    let mut other = bytes.clone();
    let last = other.len() - 40_000;
    other[last] ^= 1;
    let then = vec![content(), content(), ServerAnswer::Content(other)];
    server.set_answer("/disk.vmdk", ServerAnswer::Then(then));
    write("disk", &digits, "convert: qcow2");
    check("the file on the server changed while it was downloaded");
    let then = vec![content(), content(), ServerAnswer::Content(bytes[..2 << 20].to_vec())];
    server.set_answer("/disk.vmdk", ServerAnswer::Then(then));
    check("the file on the server changed while it was downloaded");
}
