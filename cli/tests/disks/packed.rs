//! What the program says when a disk is compressed and should not be, or the other way round, or
//! damaged.

use diskette_integration::disk::mixed_bytes;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq};

/// Builds a spec whose disk is `name`, which must fail, and compares everything that is printed.
fn check(scene: &Scene, name: &str, message: &str, help: &str) {
    scene.write_spec(&format!("amd64: {{ disk: {name} }}"));
    let command = scene.program(["build", "-o", "out", "--iidfile", "iid"]);
    let underline = "^".repeat(name.len());
    let expected = format!(
        "status: 1\nstdout:\nstderr:\n{message}\n --> ./diskette.yaml:5:18\n  |\n\
         5 |   amd64: {{ disk: {name} }}\n  |                  {underline}\n  |\n  = help: {help}\n"
    );
    assert_data_eq!(scene.run_refused(command), expected.raw());
}

#[test]
fn wrong_suffix() {
    for (suffix, format) in [("gz", "gzip"), ("xz", "xz"), ("zst", "zstd"), ("bz2", "bzip2")] {
        let scene = Scene::new();
        let name = format!("disk.raw.{suffix}");
        scene.write(&name, mixed_bytes(7, 1000));
        check(
            &scene,
            &name,
            &format!("error: cannot use `{name}`: not compressed with {format}"),
            "the name says that it is compressed, the content does not; use `unpack: none` to take it as it is",
        );
    }
}

/// Compresses `disk.raw` to a file; false if the program is missing.
fn pack(scene: &Scene, name: &'static str, to: &str) -> bool {
    let Some(peer) = peer::find(name) else { return false };
    let content = peer.run_for_bytes(["-c".as_ref(), scene.path("disk.raw").as_os_str()]);
    scene.write(to, content);
    true
}

#[test]
fn packed_without_asking() {
    for (packer, unpack, suffix) in [
        ("gzip", "gunzip -c", "gz"),
        ("xz", "xz -dc", "xz"),
        ("zstd", "zstd -dc", "zst"),
        ("bzip2", "bzip2 -dc", "bz2"),
    ] {
        let scene = Scene::with_image();
        if pack(&scene, packer, "disk.raw") {
            let message = format!(
                "error[disk-packed]: cannot use `disk.raw`: the disk is compressed with {packer}"
            );
            let help = format!(
                "unpack it with `{unpack} disk.raw >new.img`, and name the result; in a spec, \
                 `unpack: {suffix}` does that during the build"
            );
            check(&scene, "disk.raw", &message, &help);
        }
    }
}

/// Compresses a disk, damages the file, and compares what a build says of it.
fn check_damaged(packer: &'static str, suffix: &str, damage: fn(&mut Vec<u8>), detail: &str) {
    let scene = Scene::with_image();
    let name = format!("disk.raw.{suffix}");
    if pack(&scene, packer, &name) {
        let mut content = scene.read(&name);
        damage(&mut content);
        scene.write(&name, content);
        let message = format!("error: cannot use `{name}`: damaged {packer} data: {detail}");
        check(&scene, &name, &message, "was the download cut off?");
    }
}

#[test]
fn truncated_packed_disk() {
    for (packer, suffix, detail) in [
        ("gzip", "gz", "incomplete deflate stream"),
        ("xz", "xz", "premature eof"),
        ("zstd", "zst", "incomplete frame"),
        ("bzip2", "bz2", "decompression not finished but EOF reached"),
    ] {
        check_damaged(packer, suffix, |bytes| bytes.truncate(bytes.len() * 2 / 3), detail);
    }
}

#[test]
fn damaged_packed_disk() {
    let damage = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle..middle + 64].fill(0xff);
    };
    for (packer, suffix, detail) in [
        ("gzip", "gz", "corrupt gzip stream does not have a matching checksum"),
        ("xz", "xz", "lzma data error"),
        ("bzip2", "bz2", "bzip2: invalid data"),
    ] {
        check_damaged(packer, suffix, damage, detail);
    }
}

#[test]
fn nothing_in_it() {
    for (packer, suffix) in [("gzip", "gz"), ("xz", "xz"), ("zstd", "zst"), ("bzip2", "bz2")] {
        let scene = Scene::with_image();
        scene.write("disk.raw", "");
        let name = format!("disk.raw.{suffix}");
        if pack(&scene, packer, &name) {
            let message = format!("error[disk-blank]: cannot use `{name}`: the file is empty");
            let help = "use the right file; was its download or conversion cut off?";
            check(&scene, &name, &message, help);
        }
    }
}
