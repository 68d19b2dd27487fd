//! Disks that consist of several files, as VMware leaves them: a descriptor, and the extents that it
//! names.
#![expect(
    clippy::too_many_lines,
    reason = "a test is a table of what is done and what is said of it"
)]

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use diskette_integration::disk::{MIB, mixed_bytes, noise_bytes, write_sparse};
use diskette_integration::image::build_disk;
use diskette_integration::peer::text;
use diskette_integration::qemu_img::QemuImg;
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, file, str};

/// Makes a raw disk of 4 GiB and 3 MiB, in two or three extents, with data around the ends of both.
fn write_raw(scene: &Scene) -> PathBuf {
    let path = scene.path("source.raw");
    let (start, end) = (mixed_bytes(1, MIB), noise_bytes(2, 2 * MIB));
    let gib = 1_u64 << 30;
    let data: [(u64, &[u8]); 4] =
        [(0, &start), (2 * gib - 70_000, &end), (4 * gib - 512, &end), (4 * gib + 2560, &[7; 512])];
    write_sparse(&path, 4 * gib + (3 << 20), &data);
    path
}

#[test]
fn extents_become_one_disk() {
    let Some(qemu) = QemuImg::find() else { return };
    for kind in ["twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "monolithicFlat"] {
        let scene = Scene::new();
        let raw = write_raw(&scene);
        std::fs::create_dir(scene.path("vm")).unwrap();
        let vmdk = scene.path("vm/disk.vmdk");
        let subformat = format!("subformat={kind}");
        qemu.convert(&raw, &["-o", &subformat], ("vmdk", &vmdk));
        scene.write_spec("amd64: { disk: { path: vm/disk.vmdk, convert: qcow2 } }");
        qemu.assert_equal(("raw", &raw), ("qcow2", &build_disk(&scene, &[], "disk.qcow2").path));
        if kind == "twoGbMaxExtentSparse" {
            // The same without a spec, and in a Dockerfile.
            let args = ["vm/disk.vmdk", "--platform", "amd64", "-t", "quay.io/me/vm:1"];
            qemu.assert_equal(
                ("raw", &raw),
                ("qcow2", &build_disk(&scene, &args, "disk.qcow2").path),
            );
            scene.write("vm/Dockerfile", "FROM scratch\nCOPY disk.vmdk /disk/\n");
            let args = ["vm", "--convert", "qcow2", "-t", "quay.io/me/vm:1"];
            qemu.assert_equal(
                ("raw", &raw),
                ("qcow2", &build_disk(&scene, &args, "disk.qcow2").path),
            );
        }
    }
}

/// Returns the header of an extent of ESX, whose directory of this many tables is at sector 4.
fn cowd_header(sectors: u32, grain_sectors: u32, tables: u32) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..4].copy_from_slice(b"COWD");
    // Version, flags, sectors, sectors of a grain, directory, its length, and the next free sector.
    let numbers = [1, 3, sectors, grain_sectors, 4, tables, 128];
    for (number, value) in numbers.into_iter().enumerate() {
        header[4 + number * 4..8 + number * 4].copy_from_slice(&value.to_le_bytes());
    }
    header
}

/// An extent of ESX: the header that QEMU calls `VMDK3Header`, a directory, tables of 4096 entries.
#[test]
fn extents_of_esx_become_one_disk() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let (data, sectors) = (noise_bytes(4, 64 << 10), 40 << 11);
    let mut extent = cowd_header(sectors, 1, 20);
    extent.resize(64 << 10, 0);
    // The second table: sectors 4096 and following.
    extent[4 * 512 + 4..4 * 512 + 8].copy_from_slice(&8_u32.to_le_bytes());
    for grain in 0..128_u32 {
        let at = 8 * 512 + grain as usize * 4;
        extent[at..at + 4].copy_from_slice(&(128 + grain).to_le_bytes());
    }
    extent.extend(data);
    scene.write("vm-1.vmdk", &extent);
    scene.write("vm-flat.vmdk", noise_bytes(5, 1 << 20));
    let descriptor = format!(
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n\
         createType=\"vmfsSparse\"\nRW {sectors} VMFSSPARSE \"vm-1.vmdk\"\nRW 2048 VMFS \"vm-flat.vmdk\"\n"
    );
    let vmdk = scene.write("vm.vmdk", descriptor);
    scene.write_spec("amd64: { disk: { path: vm.vmdk, convert: qcow2 } }");
    let raw = scene.path("expected.raw");
    qemu.run(["convert", "-f", "vmdk", "-O", "raw", text(&vmdk), text(&raw)]);
    qemu.assert_equal(("raw", &raw), ("qcow2", &build_disk(&scene, &[], "vm.qcow2").path));
}

/// Puts numbers of 8 bytes into a file, each at its offset.
fn put_numbers(file: &mut Vec<u8>, numbers: impl IntoIterator<Item = (usize, u64)>) {
    for (at, number) in numbers {
        file.resize(file.len().max(at + 8), 0);
        file[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
}

/// Sectors of a space-efficient extent: directory, tables and grains.
const PARTS: [u64; 3] = [16, 32, 32 + 3 * 64];

/// Returns the headers of a space-efficient extent of ESX, in the form that QEMU's `block/vmdk.c` reads.
fn sesparse_headers(sectors: u64) -> Vec<u8> {
    let mut file = Vec::new();
    let [directory, tables, grains] = PARTS;
    put_numbers(
        &mut file,
        [(0, 0xcafe_babe), (8, 0x2_0000_0001), (16, sectors), (24, 8), (32, 64)],
    );
    put_numbers(&mut file, [(80, 2), (88, 1), (128, directory), (136, 1)]);
    put_numbers(&mut file, [(144, tables), (152, 3 * 64), (192, grains), (200, 64), (512, 0)]);
    put_numbers(&mut file, [(1024, 0xcafe_cafe), (1024 + 504, 0)]);
    file
}

/// An extent of ESX from version 6 on: a directory, tables of 4096 entries, grains of 4 KiB.
#[test]
fn space_efficient_extents_become_one_disk() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let [directory, tables, grains] = PARTS.map(|sector| usize::try_from(sector * 512).unwrap());
    // The third table of the disk is the first of the file, and the second one does not exist.
    let sectors = 3 * 4096 * 8 - 8;
    let mut extent = sesparse_headers(sectors);
    put_numbers(&mut extent, [(directory, 1 << 60 | 1), (directory + 16, 1 << 60)]);
    let grain = |number: u64| 3 << 60 | (number & 0xfff) << 48 | number >> 12;
    let entry = |table: usize, entry: usize| tables + (table * 4096 + entry) * 8;
    let entries = [
        (entry(1, 0), grain(3)),
        (entry(1, 1), 2 << 60),
        (entry(1, 2), grain(1)),
        (entry(1, 3), 1 << 60 | 0x4d),
        (entry(1, 4095), grain(0)),
        (entry(0, 0), grain(2)),
        (entry(0, 4094), grain(5000)),
    ];
    put_numbers(&mut extent, entries);
    extent.resize(grains, 0);
    extent.extend(noise_bytes(4, 16 << 10));
    extent.resize(grains + 5000 * 4096, 0);
    extent.extend(noise_bytes(5, 4096));
    scene.write("vm-sesparse.vmdk", &extent);
    scene.write("vm-flat.vmdk", noise_bytes(5, 1 << 20));
    let lines =
        format!("RW {sectors} SESPARSE \"vm-sesparse.vmdk\"\nRW 2048 VMFS \"vm-flat.vmdk\"\n");
    let head = "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"seSparse\"\n";
    let vmdk = scene.write("vm.vmdk", format!("{head}{lines}"));
    scene.write_spec("amd64: { disk: { path: vm.vmdk, convert: qcow2 } }");
    let raw = scene.path("expected.raw");
    qemu.run(["convert", "-f", "vmdk", "-O", "raw", text(&vmdk), text(&raw)]);
    qemu.assert_equal(("raw", &raw), ("qcow2", &build_disk(&scene, &[], "vm.qcow2").path));
}

/// What QEMU refuses is refused.
#[test]
fn damaged_space_efficient_extents_are_refused() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    scene.write_spec("amd64: { disk: { path: vm.vmdk, convert: qcow2 } }");
    scene.write("vm.vmdk", "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"seSparse\"\nRW 32768 SESPARSE \"a.vmdk\"\n");
    let [directory, tables, _] = PARTS.map(|sector| usize::try_from(sector * 512).unwrap());
    let check = |change: (usize, u64), expected: &str| {
        let mut extent = sesparse_headers(4096 * 8);
        let table = [(directory, 1 << 60), (tables, 3 << 60)];
        put_numbers(&mut extent, table);
        extent.resize(256 << 10, 7);
        put_numbers(&mut extent, [change]);
        scene.write("a.vmdk", &extent);
        let outcome = scene.run(["build", "-o", "out"]);
        assert_eq!(outcome.status, 1, "{change:?}");
        assert!(outcome.stderr.contains(expected), "{change:?}: {}", outcome.stderr);
        let args = ["convert", "-f", "vmdk", "-O", "raw", "vm.vmdk", "a.raw"];
        let mut command = qemu.command();
        let outcome = command.args(args).current_dir(scene.path(".")).output().unwrap();
        // QEMU reads zeros behind the end of the file.
        let is_behind = expected.contains("562949953421312");
        assert_eq!(outcome.status.success(), is_behind, "{change:?}");
    };
    check((0, 1), "an extent has no header of space-efficient sparse ones");
    check((8, 3), "an extent has no header of space-efficient sparse ones");
    check((24, 16), "the grains or the tables of an extent have an unknown length");
    check((32, 1), "the grains or the tables of an extent have an unknown length");
    check((40, 1), "the header of an extent has unknown flags");
    check((72, 1), "the header of an extent has unknown flags");
    check((504, 1), "the header of an extent has unknown flags");
    check((80, 3), "the volatile header of an extent is damaged");
    check((1024 + 24, 1), "the journal of an extent has to be replayed, which only ESX does");
    check((128, 1 << 40), "the directory of 1 tables at byte 562949953421312 exceeds the file");
    check((136, 0), "the directory of 1 tables at byte 8192 exceeds the file");
    check((directory, 2 << 60), "entry 0 of the directory of grains is 0x2000000000000000");
    check((directory, 1), "entry 0 of the directory of grains is 0x1");
    check((tables, 4 << 60), "entry 0 of a table of grains is 0x4000000000000000");
    check((tables, 9), "entry 0 of a table of grains is 0x9");
}

/// The cache notices a change of any of the files, and so does a build.
#[test]
fn every_extent_counts() {
    let scene = Scene::new();
    scene.write("vm-flat.vmdk", noise_bytes(5, 1 << 20));
    let lines = "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n";
    scene.write("vm.vmdk", format!("{lines}RW 2048 FLAT \"vm-flat.vmdk\" 0\n"));
    scene.write_spec("amd64: { disk: { path: vm.vmdk, convert: raw } }");
    scene.wait_until_old();
    let first = scene.build(&[]);
    assert_eq!(scene.build(&[]), first);
    scene.write("vm-flat.vmdk", noise_bytes(6, 1 << 20));
    let second = scene.build(&[]);
    assert_ne!(first, second);
    assert_eq!(scene.build(&["--no-cache"]), second);
}

/// Builds from a descriptor with these lines, which must fail and change nothing, and returns what is printed.
fn refuse(scene: &Scene, lines: &str) -> String {
    let head = "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n";
    scene.write("vm.vmdk", format!("{head}{lines}"));
    scene.run_refused(scene.program(["build", "-o", "out"]))
}

fn check(scene: &Scene, lines: &str, expected: impl IntoData) {
    assert_data_eq!(refuse(scene, lines), expected.raw());
}

#[test]
fn extents_are_limited() {
    let scene = Scene::new();
    scene.write_spec("amd64: { disk: { path: vm.vmdk, convert: qcow2 } }");
    let check = |lines: &str, expected: &str| {
        let said = refuse(&scene, lines);
        assert!(said.contains(expected), "{lines}: {said}");
    };
    let esx = "RW 8192 VMFSSPARSE \"esx.vmdk\"\n";
    for (grain_sectors, tables, expected) in [
        (0, 2, "error[disk-malformed]: cannot use `vm.vmdk`: grains of 0 sectors are not allowed"),
        (0x20_0001, 2, "grains of 2097153 sectors are not allowed"),
        (1, 1, "cannot use `vm.vmdk`: the directory of 2 tables at byte 2048 exceeds the file"),
        (1, 2, "the directory of 2 tables at byte 2048 exceeds the file"),
    ] {
        scene.write("esx.vmdk", cowd_header(8192, grain_sectors, tables));
        check(esx, expected);
    }
    let many = "error[disk-unsupported]: cannot use `vm.vmdk`: it has 1025 extents, and at most 1024 are read";
    check(&"RW 8 FLAT \"flat.vmdk\" 0\n".repeat(1025), many);
    check(&"RW 8 FLAT \"flat.vmdk\" 0\n".repeat(1024), "its file `flat.vmdk` cannot be read");
}

#[test]
fn what_does_not_fit_is_refused() {
    let scene = Scene::new();
    scene.write("a.vmdk", noise_bytes(5, 4096));
    scene.write("tmp/secret", noise_bytes(6, 4096));
    std::fs::create_dir(scene.path("dir.vmdk")).unwrap();
    symlink("/etc/passwd", scene.path("link.vmdk")).unwrap();
    symlink("a.vmdk", scene.path("inside.vmdk")).unwrap();
    scene.write_spec("amd64: { disk: { path: vm.vmdk, convert: qcow2 } }");
    check(
        &scene,
        "RW 8 FLAT \"a.vmdk\" 0\nRW 8 FLAT \"b.vmdk\" 0\n",
        file!["../../errors/disks/cannot-use-its-file-cannot-be-read-no.stderr"],
    );
    check(
        &scene,
        "RW 8 FLAT \"../a.vmdk\" 0\n",
        file!["../../errors/disks/cannot-use-its-file-is-not-in-the-directory.stderr"],
    );
    check(
        &scene,
        "RW 8 FLAT \"/etc/passwd\" 0\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-data-file]: cannot use `vm.vmdk`: its file `/etc/passwd` is not in the directory of the disk
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: put all files of the disk into one directory, under the names that the disk has for them

"#]],
    );
    check(
        &scene,
        "RW 1 FLAT \"link.vmdk\" 0\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-data-file]: cannot use `vm.vmdk`: its file `link.vmdk` cannot be read: a path led outside of the filesystem
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: put all files of the disk into one directory, under the names that the disk has for them

"#]],
    );
    check(
        &scene,
        "RW 1 FLAT \"dir.vmdk\" 0\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-data-file]: cannot use `vm.vmdk`: its file `dir.vmdk` cannot be read: not a regular file
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: put all files of the disk into one directory, under the names that the disk has for them

"#]],
    );
    check(
        &scene,
        "RW 9 FLAT \"a.vmdk\" 0\n",
        file!["../../errors/disks/cannot-use-its-extent-has-bytes-and-are.stderr"],
    );
    check(
        &scene,
        "RW 8 FLAT \"a.vmdk\" 1\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-truncated]: cannot use `vm.vmdk`: its extent `a.vmdk` has 4096 bytes, and 4608 are needed
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: get the disk again; was its download or conversion cut off?

"#]],
    );
    check(
        &scene,
        "RW 8 SPARSE \"a.vmdk\"\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-malformed]: cannot use `vm.vmdk`: its extent `a.vmdk` is no sparse extent
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: get the disk again, or make it anew

"#]],
    );
    check(
        &scene,
        "RW 8 ZERO \"a.vmdk\"\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-unsupported]: cannot use `vm.vmdk`: its extent `a.vmdk` is of the kind ZERO
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: use the right file, or convert it to qcow2 with a program that reads its format

"#]],
    );
    check(
        &scene,
        "parentFileNameHint=\"base.vmdk\"\nRW 8 FLAT \"a.vmdk\" 0\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-backing-file]: cannot use `vm.vmdk`: what is not in it is in its parent, base.vmdk
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: make one file of both with `qemu-img convert -O qcow2 vm.vmdk new.qcow2`

"#]],
    );
    scene.write_spec("amd64: { disk: vm.vmdk }");
    check(
        &scene,
        "RW 8 FLAT \"a.vmdk\" 0\n",
        file!["../../errors/disks/cannot-use-its-data-is-in-other-files.stderr"],
    );
    let digits = "0".repeat(64);
    let line =
        format!("amd64: {{ disk: {{ path: vm.vmdk, convert: qcow2, sha256: '{digits}' }} }}");
    scene.write_spec(&line);
    check(
        &scene,
        "RW 8 FLAT \"inside.vmdk\" 0\n",
        file!["../../errors/disks/cannot-use-a-checksum-is-that-of-one-file.stderr"],
    );
    scene.write_spec("amd64: { disk: { path: vm.vmdk, convert: qcow2 } }");
    scene.write("vm.vmdk", "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\nRW 8 FLAT \"inside.vmdk\" 0\n");
    scene.build(&[]);
}

/// One extent alone is refused, and so is the descriptor without being converted.
#[test]
fn a_part_is_not_taken_for_the_whole() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let raw = write_raw(&scene);
    let vmdk = scene.path("vm.vmdk");
    qemu.convert(&raw, &["-o", "subformat=twoGbMaxExtentSparse"], ("vmdk", &vmdk));
    for disk in ["vm-s001.vmdk", "vm-s003.vmdk"] {
        scene.write_spec(&format!("amd64: {{ disk: {{ path: {disk}, convert: qcow2 }} }}"));
        let outcome = scene.run(["build", "-o", "out"]);
        assert_eq!(outcome.status, 1);
        let said = "it is an extent of a VMDK, without the descriptor that belongs to it";
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("name the whole disk, vm.vmdk"), "{}", outcome.stderr);
    }
    std::fs::remove_file(scene.path("vm-s002.vmdk")).unwrap();
    scene.write_spec("amd64: { disk: { path: vm.vmdk, convert: qcow2 } }");
    let outcome = scene.run(["build", "-o", "out"]);
    let said = "its file `vm-s002.vmdk` cannot be read: No such file or directory";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
}
