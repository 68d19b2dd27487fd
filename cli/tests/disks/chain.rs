//! Disks that stand on other files: the chain becomes one disk, as `qemu-img convert` makes it.
#![expect(
    clippy::too_many_lines,
    reason = "a test is a table of what is done and what is said of it"
)]

use std::os::unix::fs::symlink;
use std::path::Path;

use diskette_integration::disk::{MIB, mixed_bytes};
use diskette_integration::image::build_disk;
use diskette_integration::peer::{self, Peer, text};
use diskette_integration::qemu_img::QemuImg;
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, file, str};

/// Makes a file of a chain in the directory of the scene.
fn create(scene: &Scene, qemu: &Peer, options: &[&str], base: (&str, &str), name: &str) {
    let mut command = qemu.command();
    command.args(["create", "-q", "-f", "qcow2", "-F", base.0, "-b", base.1]).args(options);
    let directory = scene.path(name);
    let (directory, name) = (directory.parent().unwrap(), directory.file_name().unwrap());
    assert!(command.arg(name).arg("6M").current_dir(directory).status().unwrap().success());
}

/// Writes to a disk through QEMU: patterns, and zeros that hide what is below them.
fn write(io: &Peer, disk: &Path, commands: &[&str]) {
    let commands = commands.iter().flat_map(|command| ["-c", command]);
    io.run(["-f", "qcow2"].into_iter().chain(commands).chain([text(disk)]));
}

#[test]
fn a_chain_becomes_one_disk() {
    let (Some(qemu), Some(io)) = (QemuImg::find(), peer::find("qemu-io")) else { return };
    let kinds: [&[&str]; 5] = [
        &[],
        &["-o", "compat=0.10"],
        &["-o", "cluster_size=4k"],
        &["-o", "extended_l2=on,cluster_size=128k"],
        &["-o", "compression_type=zstd"],
    ];
    for options in kinds {
        let scene = Scene::new();
        scene.write("vm/images/base.raw", mixed_bytes(1, 4 * MIB - 512));
        create(&scene, &qemu, &[], ("raw", "base.raw"), "vm/images/middle.qcow2");
        let middle = scene.path("vm/images/middle.qcow2");
        write(&io, &middle, &["write -P 7 1M 100k", "write -z 2M 64k", "write -P 9 5M 4k"]);
        create(&scene, &qemu, options, ("qcow2", "images/middle.qcow2"), "vm/top.qcow2");
        let top = scene.path("vm/top.qcow2");
        write(&io, &top, &["write -P 3 1050k 10k", "write -z 1M 4k", "write -z 3M 128k"]);
        let expected = scene.path("expected.raw");
        qemu.run(["convert", "-O", "raw", text(&top), text(&expected)]);
        for (more, name, format) in [
            ("", "top.qcow2", "qcow2"),
            (", convert: raw", "top.img", "raw"),
            (", convert: qcow2, compress: zstd", "top.qcow2", "qcow2"),
        ] {
            let line = format!("amd64: {{ disk: {{ path: vm/top.qcow2, flatten: true{more} }} }}");
            scene.write_spec(&line);
            let built = build_disk(&scene, &[], name).path;
            qemu.assert_equal(("raw", &expected), (format, &built));
            assert!(!qemu.run(["info", text(&built)]).contains("backing file"));
        }
        let line = "amd64: { disk: { path: vm/top.qcow2, flatten: true, size: 8Mi } }";
        scene.write_spec(line);
        let info = qemu.run(["info", text(&build_disk(&scene, &[], "top.qcow2").path)]);
        assert!(info.contains("8 MiB") && !info.contains("backing file"), "{info}");
    }
}

/// A disk without a backing file stays the disk that it is.
#[test]
fn a_single_file_is_a_chain_too() {
    let scene = Scene::new();
    scene.write("disk.raw", mixed_bytes(1, MIB));
    scene.write_spec("amd64: { disk: disk.raw }");
    let plain = scene.build(&["--no-cache"]);
    scene.write_spec("amd64: { disk: { path: disk.raw, flatten: true } }");
    assert_eq!(scene.build(&["--no-cache"]), plain);
}

/// Runs a build that must fail and change nothing, and compares everything that is printed.
fn check(scene: &Scene, expected: impl IntoData) {
    let command = scene.program(["build", "-o", "out"]);
    assert_data_eq!(scene.run_refused(command), expected.raw());
}

#[test]
fn what_leads_out_of_the_directory_is_refused() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let base = scene.write("base.raw", mixed_bytes(1, 4 * MIB));
    scene.write("vm/base.raw", mixed_bytes(1, 4 * MIB));
    scene.write_spec("amd64: { disk: { path: vm/top.qcow2, flatten: true } }");
    create(&scene, &qemu, &[], ("raw", "../base.raw"), "vm/top.qcow2");
    check(
        &scene,
        str![[r#"
status: 1
stdout:
stderr:
error[disk-data-file]: cannot use `vm/top.qcow2`: its file `../base.raw` is not in the directory of the disk
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm/top.qcow2, flatten: true } }
  |                          ^^^^^^^^^^^^
  |
  = help: put all files of the disk into one directory, under the names that the disk has for them

"#]],
    );
    create(&scene, &qemu, &[], ("raw", text(&base)), "vm/top.qcow2");
    let command = scene.program(["build", "-o", "out"]);
    assert!(scene.run_refused(command).contains("is not in the directory of the disk"));
    create(&scene, &qemu, &[], ("raw", "base.raw"), "vm/top.qcow2");
    std::fs::remove_file(scene.path("vm/base.raw")).unwrap();
    check(
        &scene,
        str![[r#"
status: 1
stdout:
stderr:
error[disk-data-file]: cannot use `vm/top.qcow2`: its file `base.raw` cannot be read: No such file or directory (os error 2)
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm/top.qcow2, flatten: true } }
  |                          ^^^^^^^^^^^^
  |
  = help: put all files of the disk into one directory, under the names that the disk has for them

"#]],
    );
    symlink("../base.raw", scene.path("vm/base.raw")).unwrap();
    check(
        &scene,
        str![[r#"
status: 1
stdout:
stderr:
error[disk-data-file]: cannot use `vm/top.qcow2`: its file `base.raw` cannot be read: a path led outside of the filesystem
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm/top.qcow2, flatten: true } }
  |                          ^^^^^^^^^^^^
  |
  = help: put all files of the disk into one directory, under the names that the disk has for them

"#]],
    );
    std::fs::remove_file(scene.path("vm/base.raw")).unwrap();
    // The file has another format than the one above it says.
    scene.write("vm/base.raw", mixed_bytes(1, 4 * MIB));
    let rebase = ["rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "base.raw"];
    qemu.run([&rebase[..], &[text(&scene.path("vm/top.qcow2"))]].concat());
    check(&scene, file!["../../errors/disks/cannot-use-its-file-should-be-qcow-and-is.stderr"]);
    // A file that is its own backing file.
    let rebase = ["rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "top.qcow2"];
    qemu.run([&rebase[..], &[text(&scene.path("vm/top.qcow2"))]].concat());
    check(
        &scene,
        str![[r#"
status: 1
stdout:
stderr:
error[disk-backing-file]: cannot use `vm/top.qcow2`: its backing chain has more than 32 files
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm/top.qcow2, flatten: true } }
  |                          ^^^^^^^^^^^^
  |
  = help: make one file of both, with the program that wrote them

"#]],
    );
    scene.write_spec("amd64: { disk: { path: vm/top.qcow2, convert: qcow2 } }");
    check(&scene, file!["../../errors/disks/cannot-use-it-has-a-backing-file.stderr"]);
    scene.write_spec("amd64: { disk: { path: vm/top.qcow2, flatten: 1 } }");
    check(
        &scene,
        str![[r#"
status: 1
stdout:
stderr:
error: expected true or false, found a number
 --> ./diskette.yaml:5:49
  |
5 |   amd64: { disk: { path: vm/top.qcow2, flatten: 1 } }
  |                                                 ^
  |
  = help: write `true` or `false`, without quotes

"#]],
    );
}
