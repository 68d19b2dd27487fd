//! Disks that get larger on their way into the image: QEMU finds the same bytes followed by zeros,
//! and partitioning tools find a GPT that fits.
#![expect(
    clippy::too_many_lines,
    reason = "a test is a table of what is done and what is said of it"
)]

use std::path::PathBuf;

use diskette_integration::disk::{MIB, mixed_bytes, noise_bytes, write_sparse};
use diskette_integration::image::build_disk;
use diskette_integration::peer::{self, Peer, text};
use diskette_integration::qemu_img::QemuImg;
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, file, str};

const SIZE: u64 = 64 << 20;

/// Makes a raw disk of 48 MiB without a partition table.
fn raw(scene: &Scene) -> PathBuf {
    let path = scene.path("source.raw");
    let (text, noise) = (mixed_bytes(1, 2 * MIB + 4096), noise_bytes(2, 100 * 1024));
    let data: [(u64, &[u8]); 3] = [(0, &text), (17 << 20, &noise), ((48 << 20) - 512, &[7; 512])];
    write_sparse(&path, 48 << 20, &data);
    path
}

#[test]
fn disks_without_partitions_get_zeros_at_their_end() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let raw = raw(&scene);
    let sources: [(&str, &str, &[&str]); 8] = [
        ("raw", "raw", &[]),
        ("qcow2", "qcow2", &[]),
        ("qcow2", "qcow2", &["-c"]),
        ("qcow2", "qcow2", &["-o", "compat=0.10"]),
        ("qcow2", "qcow2", &["-o", "extended_l2=on,cluster_size=2M"]),
        // An L1 table that has no room in its cluster: one entry for 32 KiB.
        ("qcow2", "qcow2", &["-o", "cluster_size=512"]),
        ("qcow2", "qcow2", &["-c", "-o", "cluster_size=512,compression_type=zstd"]),
        ("qcow2", "qcow2", &["-o", "cluster_size=4k"]),
    ];
    for (end, format, options) in sources {
        let disk = scene.path(&format!("disk.{end}"));
        qemu.convert(&raw, options, (format, &disk));
        scene.write_spec(&format!("amd64: {{ disk: disk.{end} }}"));
        let built = build_disk(&scene, &["--size", "64Mi"], &format!("disk.{end}")).path;
        qemu.assert_enlarged((format, &disk), (format, &built), SIZE);
        let args = ["--size", "64Mi", "--convert", "qcow2"];
        let built = build_disk(&scene, &args, "disk.qcow2").path;
        qemu.assert_enlarged((format, &disk), ("qcow2", &built), SIZE);
    }
}

/// Only the header of a qcow2 changes where its tables have room.
#[test]
fn clusters_are_not_written_anew() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let raw = raw(&scene);
    let check = |options: &[&str], size: &str, bytes: u64, changed: usize| {
        let disk = scene.path("disk.qcow2");
        qemu.convert(&raw, options, ("qcow2", &disk));
        scene.write_spec(&format!("amd64: {{ disk: {{ path: disk.qcow2, size: {size} }} }}"));
        let built = build_disk(&scene, &[], "disk.qcow2").path;
        qemu.assert_enlarged(("qcow2", &disk), ("qcow2", &built), bytes);
        let (before, after) = (std::fs::read(disk).unwrap(), std::fs::read(built).unwrap());
        assert_eq!(before.len(), after.len());
        let differing = before.iter().zip(&after).filter(|(one, other)| one != other).count();
        assert_eq!(differing, changed, "{options:?} {size}");
    };
    check(&[], "64Mi", 64 << 20, 1);
    check(&["-c"], "1Ti", 1 << 40, 4);
    check(&["-o", "compat=0.10"], "67108864", 64 << 20, 1);
    check(&[], "20G", 20_000_000_000, 5);
}

/// Makes a disk with a GPT of two partitions, as sfdisk does.
fn partitioned(scene: &Scene, sfdisk: &Peer) -> PathBuf {
    let path = scene.path("gpt.raw");
    write_sparse(&path, 48 << 20, &[(20 << 20, &noise_bytes(3, 8 * MIB))]);
    let script =
        scene.write("script", "label: gpt\nstart=1MiB, size=8MiB, type=uefi\ntype=linux\n");
    let mut command = sfdisk.command();
    command.arg("--quiet").arg(&path);
    let status = command.stdin(std::fs::File::open(script).unwrap()).status().unwrap();
    assert!(status.success());
    path
}

#[test]
fn partition_tables_move_to_the_new_end() {
    let (Some(qemu), Some(sfdisk), Some(gdisk)) =
        (QemuImg::find(), peer::find("sfdisk"), peer::find("sgdisk"))
    else {
        return;
    };
    let scene = Scene::new();
    let raw = partitioned(&scene, &sfdisk);
    let parts = sfdisk.run(["--dump", text(&raw)]);
    let partitions = |dump: &str| {
        let lines = dump.lines().filter(|line| line.contains("start="));
        lines.map(|line| line.split_once(" : ").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    for (source, options) in [("raw", &[][..]), ("qcow2", &[][..]), ("qcow2", &["-c"][..])] {
        let disk = scene.path(&format!("disk.{source}"));
        qemu.convert(&raw, options, (source, &disk));
        scene.write_spec(&format!("amd64: {{ disk: {{ path: disk.{source}, size: 64Mi }} }}"));
        let built = build_disk(&scene, &[], &format!("disk.{source}")).path;
        if source == "qcow2" {
            let said = qemu.assert_sound(("qcow2", &built));
            assert_eq!(said.contains(" 0.00% compressed"), options.is_empty(), "{said}");
        }
        let larger = scene.path("larger.raw");
        qemu.run(["convert", "-f", source, "-O", "raw", text(&built), text(&larger)]);
        assert_eq!(std::fs::metadata(&larger).unwrap().len(), SIZE);
        let said = gdisk.run(["-v", text(&larger)]);
        assert!(said.contains("\nNo problems found."), "{said}");
        let dump = sfdisk.run(["--dump", text(&larger)]);
        assert_eq!(partitions(&dump), partitions(&parts), "{dump}");
        assert!(dump.contains("last-lba: 131038\n"), "{dump}");
        // Everything else is as it was: sfdisk moves the table of a copy to the same effect.
        let moved = scene.path("moved.raw");
        std::fs::copy(&raw, &moved).unwrap();
        qemu.run(["resize", "-q", "-f", "raw", text(&moved), "64M"]);
        sfdisk.run(["--quiet", "--relocate", "gpt-bak-std", text(&moved)]);
        let (mut moved, larger) = (scene.read("moved.raw"), scene.read("larger.raw"));
        // sfdisk writes no cylinder, whether the last sector has one or not.
        assert_eq!(moved[451..454], [0xff; 3]);
        moved[451..454].copy_from_slice(&larger[451..454]);
        assert!(moved == larger, "{source}");
    }
}

/// The table of an MBR has no copy.
#[test]
fn other_partition_tables_stay_as_they_are() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let mut mbr = noise_bytes(5, 4 * MIB);
    mbr[440..512].fill(0);
    mbr[446..462].copy_from_slice(&[0x80, 0, 0, 0, 0x83, 0, 0, 0, 8, 0, 0, 0, 0, 4, 0, 0]);
    mbr[510..512].copy_from_slice(&[0x55, 0xaa]);
    let mbr = scene.write("mbr.raw", mbr);
    scene.write_spec("amd64: { disk: { path: mbr.raw, size: 6M } }");
    let built = build_disk(&scene, &[], "mbr.raw").path;
    qemu.assert_enlarged(("raw", &mbr), ("raw", &built), 6_000_128);
}

#[test]
fn a_dockerfile_resizes() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let raw = raw(&scene);
    let first =
        "FROM scratch AS first\nCOPY source.raw /\nRUN qemu-img resize -f raw source.raw +16M\n";
    let second = "FROM scratch\nCOPY --from=first source.raw /disk/\n";
    scene.write("Dockerfile", [first, second].concat());
    let built = build_disk(&scene, &["-t", "quay.io/me/vm:1"], "source.raw").path;
    qemu.assert_enlarged(("raw", &raw), ("raw", &built), SIZE);
    scene.write("Dockerfile", "FROM scratch\nCOPY source.raw /disk/\n");
    let args = ["-t", "quay.io/me/vm:1", "--size", "64Mi"];
    qemu.assert_enlarged(
        ("raw", &raw),
        ("raw", &build_disk(&scene, &args, "source.raw").path),
        SIZE,
    );
}

/// A disk that already has the size stays as it is, and its image as it was.
#[test]
fn the_same_size_changes_nothing() {
    let scene = Scene::with_two_disks();
    scene.write_spec("amd64: { disk: x.raw }");
    let plain = scene.build_to("plain", &["--no-cache"]);
    assert_eq!(scene.build_to("sized", &["--no-cache", "--size", "2Mi"]), plain);
}

/// Runs a build that must fail and change nothing, and compares everything that is printed.
fn check(scene: &Scene, args: &[&str], expected: impl IntoData) {
    let command = scene.program(["build", "-o", "out"].iter().chain(args));
    assert_data_eq!(scene.run_refused(command), expected.raw());
}

#[test]
fn what_cannot_get_a_size_is_refused() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::with_disk();
    scene.write_spec("amd64: { disk: { path: disk.raw, size: 1Ki } }");
    check(&scene, &[], file!["../../errors/disks/cannot-use-the-disk-has-bytes-and-cannot.stderr"]);
    scene.write_spec("amd64: { disk: { path: disk.raw, size: 20GB } }");
    check(
        &scene,
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `20GB` is not a size
 --> ./diskette.yaml:5:42
  |
5 |   amd64: { disk: { path: disk.raw, size: 20GB } }
  |                                          ^^^^
  |
  = help: write it as a number and a unit, `10Gi` or `500M`

"#]],
    );
    scene.write_spec(
        "amd64: { disk: disk.raw, files: [{ path: /a, source: { path: disk.raw, size: 1Gi } }] }",
    );
    check(
        &scene,
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `size` is for disks
 --> ./diskette.yaml:5:80
  |
5 |   amd64: { disk: disk.raw, files: [{ path: /a, source: { path: disk.raw, size: 1Gi } }] }
  |                                                                                ^^^
  |
  = help: other files are taken as they are; remove `size`

"#]],
    );
    scene.write_spec("amd64: { disk: { url: 'http://127.0.0.1:9/disk.qcow2', size: 1Gi } }");
    check(
        &scene,
        &[],
        str![[r#"
status: 1
stdout:
stderr:
error: `http://127.0.0.1:9/disk.qcow2` has no checksum
 --> ./diskette.yaml:5:25
  |
5 |   amd64: { disk: { url: 'http://127.0.0.1:9/disk.qcow2', size: 1Gi } }
  |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: add the digest that the publisher gives: `sha256:` in a spec, `--checksum=sha256:…` with ADD, `sha256sum -c` in RUN
  = help: or pass `--allow-unverified` to accept the file without one

"#]],
    );
    let (raw, vmdk) = (scene.path("disk.raw"), scene.path("disk.vmdk"));
    qemu.convert(&raw, &[], ("vmdk", &vmdk));
    scene.write_spec("amd64: { disk: { path: disk.vmdk, size: 1Gi } }");
    check(
        &scene,
        &["--allow-cdi-only"],
        file!["../../errors/disks/cannot-use-a-disk-in-the-format-vmdk-cannot.stderr"],
    );
    scene.write("Dockerfile", "FROM scratch\nCOPY disk.raw /boot/\n");
    check(
        &scene,
        &["-f", "Dockerfile", "--size", "1Gi"],
        file!["../../errors/disks/there-is-no-disk-to-resize-no-file-goes.stderr"],
    );
    check(
        &scene,
        &["--size", "1GB"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '1GB' for '--size <SIZE>': write it as a number and a unit, `10Gi` or `500M`

For more information, try '--help'.

"#]],
    );
}

/// The first table is needed to make the second.
#[test]
fn a_damaged_partition_table_is_not_moved() {
    let Some(sfdisk) = peer::find("sfdisk") else { return };
    let scene = Scene::new();
    let mut bytes = std::fs::read(partitioned(&scene, &sfdisk)).unwrap();
    bytes[1024 + 100] ^= 1;
    scene.write("gpt.raw", bytes);
    scene.write_spec("amd64: { disk: { path: gpt.raw, size: 64Mi } }");
    check(
        &scene,
        &[],
        file!["../../errors/disks/cannot-use-the-first-of-its-two-partition.stderr"],
    );
}
