//! Disks that can be read only from front to back are converted and resized from a temporary file, in
//! the directory that the user names.

use std::path::{Path, PathBuf};

use diskette_integration::disk::{MIB, mixed_bytes, qcow2_disk, sha256};
use diskette_integration::image::Layout;
use diskette_integration::peer::{self, Peer};
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Builds from the spec, and takes the disk out of the image.
fn build(scene: &Scene, name: &str) -> PathBuf {
    scene.build_to("out", &["--no-cache", "--spool", "spool", "--allow-unverified"]);
    let layout = Layout::open(&scene.path("out"));
    let image = layout.images("1").remove(0);
    let disk = layout.layer_file(&image, &format!("disk/{name}"));
    let left = std::fs::read_dir(scene.path("spool")).unwrap().count();
    assert_eq!(left, 0, "nothing is left behind");
    scene.write(&format!("built/{name}"), disk)
}

fn judge(qemu: &Peer, raw: &Path, built: &Path) {
    let said = qemu.run(["compare", "-f", "raw", "-F", "qcow2", text(raw), text(built)]);
    let said = said.trim_start_matches("Warning: Image size mismatch!\n");
    assert_eq!(said, "Images are identical.\n");
    let said = qemu.run(["check", "-f", "qcow2", text(built)]);
    assert!(said.starts_with("No errors were found on the image.\n"), "{said}");
}

fn spool_scene() -> Scene {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("spool")).unwrap();
    scene
}

#[test]
fn streams_are_converted() {
    let Some(qemu) = peer::find("qemu-img") else { return };
    let scene = spool_scene();
    let raw = scene.write("raw", mixed_bytes(1, 5 * MIB));
    let vmdk = scene.path("disk.vmdk");
    let options = ["-o", "subformat=streamOptimized"];
    let convert = ["convert", "-f", "raw", "-O", "vmdk"];
    qemu.run([&convert[..], &options, &[text(&raw), text(&vmdk)]].concat());
    for (tool, args) in [("gzip", &["-k"][..]), ("xz", &["-k"]), ("zstd", &["-q", "-k"])] {
        let Some(tool) = peer::find(tool) else { continue };
        tool.run([args, &[text(&vmdk)]].concat());
    }
    for end in ["gz", "xz", "zst"] {
        scene
            .write_spec(&format!("amd64: {{ disk: {{ path: disk.vmdk.{end}, convert: qcow2 }} }}"));
        judge(&qemu, &raw, &build(&scene, "disk.qcow2"));
    }
    let Some(tar) = peer::find("tar") else { return };
    let archive = scene.path("disk.tar.gz");
    let mut command = tar.command();
    command.args(["-czf", text(&archive), "disk.vmdk"]).current_dir(scene.path("."));
    assert!(command.status().unwrap().success());
    scene.write_spec("amd64: { disk: { path: disk.tar.gz, convert: qcow2, size: 8Mi } }");
    judge(&qemu, &raw, &build(&scene, "disk.qcow2"));
}

#[test]
fn downloads_get_a_size() {
    let Some(qemu) = peer::find("qemu-img") else { return };
    let scene = spool_scene();
    let disk = qcow2_disk(4, 2 * MIB);
    let server = Server::start([("/d.qcow2", ServerAnswer::Content(disk.clone()))]);
    let local = scene.write("local.qcow2", &disk);
    let (url, digits) = (server.url("/d.qcow2"), sha256(&disk));
    let line = format!("amd64: {{ disk: {{ url: '{url}', sha256: {digits}, size: 1Gi }} }}");
    scene.write_spec(&line);
    let built = build(&scene, "d.qcow2");
    let args = ["compare", "-f", "qcow2", "-F", "qcow2", text(&local), text(&built)];
    assert_eq!(qemu.run(args), "Warning: Image size mismatch!\nImages are identical.\n");
    assert!(qemu.run(["info", text(&built)]).contains("1 GiB"));
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
