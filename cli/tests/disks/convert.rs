//! Disks that are converted on their way into the image: QEMU finds them equal to their source and
//! without a fault, and they are the same every time.
#![expect(
    clippy::too_many_lines,
    reason = "a test is a table of what is done and what is said of it"
)]

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use diskette_integration::disk::{MIB, mixed_bytes, noise_bytes, write_sparse};
use diskette_integration::image::build_disk;
use diskette_integration::peer::text;
use diskette_integration::qemu_img::QemuImg;
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};
use snapbox::{IntoData, assert_data_eq, file, str};

/// What a disk can be converted to: arguments, name of the file, format for QEMU.
const TARGETS: [(&[&str], &str, &str); 4] = [
    (&["--convert", "qcow2"], "disk.qcow2", "qcow2"),
    (&["--convert", "qcow2", "--convert-compress", "zlib"], "disk.qcow2", "qcow2"),
    (&["--convert", "qcow2", "--convert-compress", "zstd"], "disk.qcow2", "qcow2"),
    (&["--convert", "raw"], "disk.img", "raw"),
];

/// What a disk can be converted from: the end of its name, its format for QEMU, and options to make
/// it.
const SOURCES: [(&str, &str, &[&str]); 14] = [
    ("raw", "raw", &[]),
    ("qcow2", "qcow2", &[]),
    ("qcow2", "qcow2", &["-o", "compat=0.10"]),
    ("qcow2", "qcow2", &["-c", "-o", "compression_type=zstd"]),
    ("qcow2", "qcow2", &["-c", "-o", "cluster_size=4k"]),
    ("qcow2", "qcow2", &["-o", "extended_l2=on,cluster_size=2M"]),
    ("vmdk", "vmdk", &[]),
    ("vmdk", "vmdk", &["-o", "subformat=streamOptimized"]),
    ("vhd", "vpc", &["-o", "force_size=on"]),
    ("vhd", "vpc", &["-o", "force_size=on,subformat=fixed"]),
    ("vhdx", "vhdx", &[]),
    ("vhdx", "vhdx", &["-o", "subformat=fixed"]),
    ("vdi", "vdi", &[]),
    ("vdi", "vdi", &["-o", "static=on"]),
];

/// Makes a disk with data, noise, zeros that were written, and holes.
fn raw(scene: &Scene) -> PathBuf {
    let path = scene.path("source.raw");
    let (text, noise) = (mixed_bytes(1, 2 * MIB + 4096), noise_bytes(2, 100 * 1024));
    let mib = MIB as u64;
    write_sparse(
        &path,
        48 * mib,
        &[(0, &text), (17 * mib + 512, &noise), (48 * mib - 512, &[7; 512])],
    );
    path
}

#[test]
fn every_format_becomes_any_other() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let raw = raw(&scene);
    for (end, format, options) in SOURCES {
        let disk = scene.path(&format!("disk.{end}"));
        qemu.convert(&raw, options, (format, &disk));
        scene.write_spec(&format!("amd64: {{ disk: disk.{end} }}"));
        for (args, name, target) in TARGETS {
            let name = if (end, target) == ("raw", "raw") { "disk.raw" } else { name };
            let built = build_disk(&scene, args, name).path;
            qemu.assert_equal((format, &disk), (target, &built));
        }
    }
}

/// The spec says the same as the command line, and names the disk as it likes.
#[test]
fn a_spec_converts() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let raw = raw(&scene);
    let check = |details: &str, name: &str, target: &str| {
        scene.write_spec(&format!("amd64: {{ disk: {{ path: source.raw, {details} }} }}"));
        let built = build_disk(&scene, &[], name);
        qemu.assert_equal(("raw", &raw), (target, &built.path));
        built.digest
    };
    let zstd = check("convert: qcow2, compress: zstd", "source.qcow2", "qcow2");
    scene.write_spec("amd64: { disk: source.raw }");
    let args = ["--convert", "qcow2", "--convert-compress", "zstd"];
    assert_eq!(build_disk(&scene, &args, "source.qcow2").digest, zstd);
    check("convert: qcow2, name: boot", "boot", "qcow2");
    check("convert: raw", "source.raw", "raw");
}

#[test]
fn a_dockerfile_converts() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let raw = raw(&scene);
    scene.write("Dockerfile", "FROM scratch\nCOPY source.raw /disk/\n");
    let args = ["-t", "quay.io/me/vm:1", "--convert", "qcow2"];
    let built = build_disk(&scene, &args, "source.qcow2").path;
    qemu.assert_equal(("raw", &raw), ("qcow2", &built));
}

#[test]
fn the_result_does_not_depend_on_threads_or_holes() {
    let scene = Scene::new();
    let raw = raw(&scene);
    scene.write("dense.raw", std::fs::read(raw).unwrap());
    for args in [&["--convert", "raw"][..], TARGETS[0].0, TARGETS[1].0, TARGETS[2].0] {
        let mut digests = Vec::new();
        for disk in ["source.raw", "dense.raw"] {
            scene.write_spec(&format!("amd64: {{ disk: {{ path: {disk}, name: disk.qcow2 }} }}"));
            for jobs in ["1", "2", "3"] {
                let args = [args, &["--no-cache", "--jobs", jobs]].concat();
                digests.push(scene.build(&args));
            }
        }
        assert!(digests.iter().all(|digest| *digest == digests[0]), "{args:?}: {digests:?}");
    }
}

/// A conversion is cached like any other input, under a key of its own.
#[test]
fn a_conversion_is_not_done_again() {
    let scene = Scene::with_disk();
    scene.wait_until_old();
    let layer = |args: &[&str]| {
        let args = [&["build", "-o", "out", "--progress", "json"], args].concat();
        let outcome = scene.run(&args);
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        outcome.stderr
    };
    let first = layer(TARGETS[1].0);
    assert!(first.contains(r#""event":"surveying""#), "{first}");
    let again = layer(TARGETS[1].0);
    assert!(!again.contains("surveying") && again.contains(r#""reused":true"#), "{again}");
    for args in [&[][..], TARGETS[0].0, TARGETS[2].0] {
        let other = layer(args);
        assert!(other.contains(r#""reused":false"#), "{other}");
    }
}

#[test]
fn a_disk_that_changes_meanwhile_is_told() {
    let scene = Scene::new();
    let path = scene.write("disk.raw", mixed_bytes(1, 48 * MIB));
    scene.write_spec("amd64: { disk: disk.raw }");
    let args =
        ["build", "-o", "out", "--jobs", "1", "--progress", "json", "--compression-level", "12"];
    let mut command = scene.program(args.iter().chain(TARGETS[1].0));
    let log = File::create(scene.path("tmp/log")).unwrap();
    let mut child = command.stderr(log).spawn().unwrap();
    let said = || String::from_utf8(scene.read("tmp/log")).unwrap();
    while !said().contains("started") {
        assert!(child.try_wait().unwrap().is_none(), "{}", said());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    File::options().write(true).open(path).unwrap().write_all_at(&[1; 4096], 40 << 20).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{}", said());
    let last = "cannot use `disk.raw`: the file changed while it was read";
    assert!(said().contains(last), "{}", said());
}

/// Runs a build that must fail and change nothing, and compares everything that is printed.
fn check(scene: &Scene, args: &[&str], expected: impl IntoData) {
    let command = scene.program(["build", "-o", "out"].iter().chain(args));
    assert_data_eq!(scene.run_refused(command), expected.raw());
}

#[test]
fn what_cannot_be_converted_is_refused() {
    let scene = Scene::with_disk();
    let disk = scene.read("disk.raw");
    scene.write("disk.raw.zst", zstd::encode_all(&disk[..], 1).unwrap());
    for unpack in ["", " unpack: none,"] {
        let line = format!("amd64: {{ disk: {{ path: disk.raw.zst,{unpack} convert: qcow2 }} }}");
        scene.write_spec(&line);
        let expected = format!(
            "status: 1\nstdout:\nstderr:\nerror: cannot use `disk.raw.zst`: a disk is converted or resized \
             from a file that can be read in any order; this is compressed with zstd\n --> ./diskette.yaml:5:26\n  |\n\
             5 |   {line}\n  |                          ^^^^^^^^^^^^\n  |\n  \
             = help: unpack it first, and name the unpacked file\n  \
             = help: or pass `--spool DIR`, which writes it to a temporary file in that directory\n"
        );
        check(&scene, &[], expected);
    }
    let server = Server::start([("/disk.vmdk", ServerAnswer::Whole(disk.clone()))]);
    let (url, digits) = (server.url("/disk.vmdk"), "a".repeat(64));
    let line = format!("amd64: {{ disk: {{ url: '{url}', sha256: {digits}, convert: raw }} }}");
    scene.write_spec(&line);
    let refused = scene.run_refused(scene.program(["build", "-o", "out"]));
    // A port of as many digits.
    let shown = refused.replace(server.url("").trim_end_matches('/'), "http://127.0.0.1:50000");
    assert_data_eq!(
        shown,
        file!["../../errors/disks/cannot-use-a-disk-is-converted-or-resized.stderr"].raw()
    );
    scene.write_spec("amd64: { disk: { path: disk.raw, compress: zstd } }");
    check(
        &scene,
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `compress` is for disks that are converted to qcow2
 --> ./diskette.yaml:5:46
  |
5 |   amd64: { disk: { path: disk.raw, compress: zstd } }
  |                                              ^^^^
  |
  = help: set `convert: qcow2` too, or remove `compress`; layers are compressed anyway

"#]],
    );
    scene.write_spec("amd64: { disk: { path: disk.raw, convert: vmdk, compress: gzip } }");
    check(
        &scene,
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: unknown format `vmdk`
 --> ./diskette.yaml:5:45
  |
5 |   amd64: { disk: { path: disk.raw, convert: vmdk, compress: gzip } }
  |                                             ^^^^
  |
  = help: known formats: qcow2, raw
error: unknown compression `gzip`
 --> ./diskette.yaml:5:61
  |
5 |   amd64: { disk: { path: disk.raw, convert: vmdk, compress: gzip } }
  |                                                             ^^^^
  |
  = help: known compressions: zlib, zstd, none

"#]],
    );
    scene.write_spec("amd64: { disk: disk.raw, files: [{ path: /a, source: { path: disk.raw, convert: raw } }] }");
    check(
        &scene,
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `convert` is for disks
 --> ./diskette.yaml:5:83
  |
5 |   amd64: { disk: disk.raw, files: [{ path: /a, source: { path: disk.raw, convert: raw } }] }
  |                                                                                   ^^^
  |
  = help: other files are taken as they are; remove `convert`

"#]],
    );
    scene.write_spec("amd64: { disk: disk.raw }");
    check(
        &scene,
        &["--convert-compress", "zstd"],
        str![[r#"
status: 2
stdout:
stderr:
error: `--convert-compress` is for disks that are converted to qcow2
 |
 = help: use `--convert qcow2` too; layers are compressed anyway

"#]],
    );
    scene.write("Dockerfile", "FROM scratch\nCOPY disk.raw /boot/\n");
    check(
        &scene,
        &["-f", "Dockerfile", "--convert", "raw"],
        str![[r#"
status: 2
stdout:
stderr:
error: there is no disk to convert: no file goes to /disk
 |
 = help: disks of base images stay as they are

"#]],
    );
}

/// Disks that need another file are refused, and damaged ones are reported.
#[test]
fn disks_that_cannot_be_read_are_told() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::with_disk();
    let backed = scene.path("backed.qcow2");
    let create = ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", "disk.raw", text(&backed)];
    qemu.run(create);
    scene.write_spec("amd64: { disk: { path: backed.qcow2, convert: qcow2 } }");
    check(
        &scene,
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error[disk-backing-file]: cannot use `backed.qcow2`: it has a backing file, `disk.raw`
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: backed.qcow2, convert: qcow2 } }
  |                          ^^^^^^^^^^^^
  |
  = help: set `flatten: true` in a spec, all files in one directory, or make one file of both with `qemu-img convert -O qcow2 backed.qcow2 new.qcow2`

"#]],
    );
}

#[test]
fn blank_disks_are_refused_when_converted_too() {
    let scene = Scene::new();
    scene.write("blank.raw", vec![0; 70_000]);
    scene.write_spec("amd64: { disk: { path: blank.raw, convert: qcow2 } }");
    check(
        &scene,
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error[disk-blank]: cannot use `blank.raw`: all of its 70000 bytes are zero
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: blank.raw, convert: qcow2 } }
  |                          ^^^^^^^^^
  |
  = help: use the right file; was its download or conversion cut off?

"#]],
    );
    let Some(qemu) = QemuImg::find() else { return };
    let blank = scene.path("blank.qcow2");
    qemu.run(["create", "-q", "-f", "qcow2", text(&blank), "8M"]);
    scene.write_spec("amd64: { disk: blank.qcow2 }");
    check(
        &scene,
        &["--convert", "raw"],
        file!["../../errors/disks/cannot-use-no-byte-of-the-disk-in-it.stderr"],
    );
}

/// Changes that a machine left in the log of a VHDX are in the converted disk, as QEMU applies them.
#[test]
fn the_log_of_a_vhdx_is_replayed() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let raw = raw(&scene);
    let vhdx = scene.path("disk.vhdx");
    qemu.convert(&raw, &[], ("vhdx", &vhdx));
    let mut file = std::fs::read(&vhdx).unwrap();
    let start = mixed_bytes(1, 16);
    let found = file.chunks(4096).position(|sector| sector.starts_with(&start)).unwrap();
    let at = found as u64 * 4096;
    crate::remedies::write_log(&mut file, &[(at, Some(&noise_bytes(7, 4096)[..]))]);
    std::fs::write(&vhdx, &file).unwrap();
    let repaired = scene.write("repaired.vhdx", file);
    qemu.run(["check", "-q", "-r", "all", "-f", "vhdx", text(&repaired)]);
    scene.write_spec("amd64: { disk: { path: disk.vhdx, convert: qcow2 } }");
    let built = build_disk(&scene, &[], "disk.qcow2").path;
    qemu.assert_equal(("vhdx", &repaired), ("qcow2", &built));
    let compare = ["compare", "-f", "raw", "-F", "qcow2", text(&raw), text(&built)];
    let status = qemu.command().args(compare).output().unwrap().status;
    assert_eq!(status.code(), Some(1), "the log changes the disk");
}

/// A log that cannot be applied is not ignored.
#[test]
fn a_damaged_log_of_a_vhdx_is_refused() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let vhdx = scene.path("disk.vhdx");
    qemu.convert(&raw(&scene), &[], ("vhdx", &vhdx));
    let disk = std::fs::read(&vhdx).unwrap();
    scene.write_spec("amd64: { disk: { path: disk.vhdx, convert: qcow2 } }");
    let check = |changes: &[(u64, Option<&[u8]>)], damage: fn(&mut Vec<u8>), expected: &str| {
        let mut file = disk.clone();
        crate::remedies::write_log(&mut file, changes);
        damage(&mut file);
        scene.write("disk.vhdx", file);
        let said = scene.run_refused(scene.program(["build", "-o", "out"]));
        let expected = format!("error[disk-corrupt]: cannot use `disk.vhdx`: {expected}\n");
        assert!(said.contains(&expected), "{said}");
    };
    check(&[(100, None)], |_| {}, "its log has a change that is not allowed");
    let damage = |file: &mut Vec<u8>| {
        let at = file.chunks(4096).position(|sector| sector.starts_with(b"loge")).unwrap();
        file[at * 4096 + 100] ^= 1;
    };
    check(&[(0, None)], damage, "its log has changes, and none of them is complete");
}
