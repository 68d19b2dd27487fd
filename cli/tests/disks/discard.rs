//! Disks whose free space becomes zeros on their way into the image: the programs of a file system say what is
//! free, and that all else is as before.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use diskette_integration::disk::{MIB, mixed_bytes, noise_bytes};
use diskette_integration::image::build_disk;
use diskette_integration::peer::{self, Peer, text};
use diskette_integration::qemu_img::QemuImg;
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, str};

/// Where the file system begins in a disk with partitions.
const PARTITION: usize = 8 * MIB;

/// Programs of ext file systems.
struct ExtPrograms {
    make: Peer,
    debug: Peer,
    check: Peer,
    resize: Peer,
    dump: Peer,
}

impl ExtPrograms {
    fn find() -> Option<Self> {
        Some(Self {
            make: peer::find("mkfs.ext4")?,
            debug: peer::find("debugfs")?,
            check: peer::find("e2fsck")?,
            resize: peer::find("resize2fs")?,
            dump: peer::find("dumpe2fs")?,
        })
    }

    /// Makes a file system in a file that was full of noise, and removes one of its files.
    fn make(&self, scene: &Scene, name: &str, len: usize, options: &[&str]) -> PathBuf {
        let path = scene.write(name, noise_bytes(7, len));
        scene.write("root/kept.bin", mixed_bytes(2, MIB));
        scene.write("root/gone.bin", noise_bytes(3, MIB));
        let root = scene.path("root");
        let given = ["-F", "-q", "-E", "nodiscard,root_owner=0:0", "-d", text(&root)];
        self.make.run([&given[..], options, &[text(&path)]].concat());
        self.debug.run(["-w", "-R", "rm gone.bin", text(&path)]);
        self.check_clean(&path);
        path
    }

    fn check_clean(&self, path: &Path) {
        self.check.run(["-f", "-n", text(path)]);
    }

    /// Returns the ranges of bytes that are free.
    fn free(&self, path: &Path) -> Vec<Range<usize>> {
        let report = self.dump.run([text(path)]);
        let number = |name: &str| {
            let line = report.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse::<usize>().ok())
        };
        let block_len = number("Block size:").unwrap();
        // Of a cluster of several blocks it names the first.
        let unit = number("Cluster size:").map_or(1, |len| len / block_len);
        let lists = report.lines().filter_map(|line| line.strip_prefix("  Free blocks: "));
        let ranges = lists.flat_map(|list| list.split(", ")).filter(|range| !range.is_empty());
        let range = |range: &str| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let [first, last] = [first, last].map(|block| block.parse::<usize>().unwrap());
            first * block_len..(last + unit) * block_len
        };
        ranges.map(range).collect()
    }
}

/// Returns bytes with zeros in some ranges.
fn with_zeros(mut bytes: Vec<u8>, start: usize, zeros: &[Range<usize>]) -> Vec<u8> {
    for range in zeros {
        bytes[start + range.start..start + range.end].fill(0);
    }
    bytes
}

/// Builds with `discard` and returns the disk.
fn discard(scene: &Scene, disk: &str, more: &str, name: &str) -> PathBuf {
    scene.write_spec(&format!("amd64: {{ disk: {{ path: {disk}, discard: true{more} }} }}"));
    build_disk(scene, &["--compression", "none"], name).path
}

#[test]
fn what_is_free_in_ext_becomes_zeros() {
    let Some(programs) = ExtPrograms::find() else { return };
    let scene = Scene::new();
    let check = |len: usize, options: &[&str]| {
        let path = programs.make(&scene, "disk.raw", len, options);
        let free = programs.free(&path);
        let count: usize = free.iter().map(Range::len).sum();
        assert!(count > 4 * MIB, "{options:?}: {count}");
        let expected = with_zeros(fs::read(&path).unwrap(), 0, &free);
        let built = discard(&scene, "disk.raw", "", "disk.raw");
        assert!(fs::read(&built).unwrap() == expected, "{options:?}");
        programs.check_clean(&built);
    };
    let len = 12 * MIB;
    check(len, &[]);
    check(len, &["-b", "1024"]);
    check(len, &["-t", "ext2", "-b", "2048"]);
    check(len, &["-t", "ext3"]);
    check(len, &["-O", "^64bit,^metadata_csum"]);
    check(len, &["-b", "1024", "-O", "^metadata_csum,uninit_bg"]);
    check(len, &["-b", "1024", "-g", "1024", "-O", "^flex_bg"]);
    check(len, &["-b", "1024", "-g", "512", "-O", "meta_bg,^resize_inode"]);
    check(len, &["-b", "1024", "-g", "1024", "-O", "sparse_super2,^flex_bg"]);
    check(len, &["-b", "1024", "-g", "1024", "-O", "^sparse_super,^flex_bg,^resize_inode"]);
    check(len, &["-O", "metadata_csum_seed", "-U", "random"]);
    check(len, &["-O", "bigalloc", "-C", "16384"]);
    check(len, &["-b", "1024", "-O", "bigalloc", "-C", "8192"]);
    // A file system that ends inside its last group, and in front of the end of the disk.
    check(len, &["-b", "1024", "-g", "4096"]);
    check(len + 512, &["-b", "4096"]);
}

/// Groups that are added are not written until they have a file.
#[test]
fn file_systems_that_grew_are_read() {
    let Some(programs) = ExtPrograms::find() else { return };
    let scene = Scene::new();
    for options in [&["-b", "1024"][..], &["-b", "1024", "-O", "meta_bg,^resize_inode"]] {
        let path = programs.make(&scene, "disk.raw", 12 * MIB, options);
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.write_all_at(&noise_bytes(8, 20 * MIB), 12 * MIB as u64).unwrap();
        programs.resize.run([text(&path)]);
        programs.check_clean(&path);
        let expected = with_zeros(fs::read(&path).unwrap(), 0, &programs.free(&path));
        let built = discard(&scene, "disk.raw", "", "disk.raw");
        assert!(fs::read(&built).unwrap() == expected, "{options:?}");
    }
}

/// Writes a partition table with sfdisk, and file systems into the partitions.
fn partitioned(scene: &Scene, table: &str, parts: &[(usize, &Path)]) -> Option<PathBuf> {
    let sfdisk = peer::find("sfdisk")?;
    let disk = scene.write("disk.raw", noise_bytes(9, 64 * MIB));
    let mut command = sfdisk.command();
    command.args(["-q", "--wipe", "never", "--wipe-partitions", "never", text(&disk)]);
    command.stdin(fs::File::open(scene.write("table", table)).unwrap());
    assert!(command.stderr(std::process::Stdio::null()).status().unwrap().success(), "{table}");
    let file = fs::File::options().write(true).open(&disk).unwrap();
    for (at, part) in parts {
        file.write_all_at(&fs::read(part).unwrap(), *at as u64).unwrap();
    }
    Some(disk)
}

#[test]
fn partitions_and_formats() {
    let (Some(programs), Some(qemu)) = (ExtPrograms::find(), QemuImg::find()) else { return };
    let scene = Scene::new();
    let part = programs.make(&scene, "part.raw", 32 * MIB, &[]);
    let free = programs.free(&part);
    for table in [
        "label: gpt\n1M,4M,U\n8M,32M,L\n",
        "label: dos\n1M,4M,83\n8M,32M,L\n",
        "label: dos\n1M,2M,83\n5M,50M,E\n8M,32M,L\n",
    ] {
        let Some(disk) = partitioned(&scene, table, &[(PARTITION, &part)]) else { return };
        let expected = with_zeros(fs::read(&disk).unwrap(), PARTITION, &free);
        let raw = scene.write("expected.raw", expected);
        let built = discard(&scene, "disk.raw", "", "disk.raw");
        qemu.assert_equal(("raw", &raw), ("raw", &built));
        let built = discard(&scene, "disk.raw", ", convert: qcow2, compress: zstd", "disk.qcow2");
        qemu.assert_equal(("raw", &raw), ("qcow2", &built));
    }
    // A qcow2 stays one, whose clusters are compressed as before; it can get another size, too.
    let (raw, disk) = (scene.path("expected.raw"), scene.path("disk.qcow2"));
    qemu.convert(&scene.path("disk.raw"), &["-c"], ("qcow2", &disk));
    let before = fs::metadata(&disk).unwrap().len();
    let built = discard(&scene, "disk.qcow2", "", "disk.qcow2");
    qemu.assert_equal(("raw", &raw), ("qcow2", &built));
    assert!(fs::metadata(&built).unwrap().len() + 20 * MIB as u64 <= before);
    scene.write_spec("amd64: { disk: disk.qcow2 }");
    let sized = build_disk(&scene, &["--discard", "--size", "80Mi"], "disk.qcow2").path;
    qemu.assert_enlarged(("raw", &raw), ("qcow2", &sized), 80 << 20);
    // An image with `discard` is not the one without.
    let [with, without] = [&["--discard"][..], &[]].map(|args| scene.build_to("out", args));
    assert_ne!(with, without);
}

#[test]
fn what_is_free_in_fat_becomes_zeros() {
    let (Some(make), Some(copy)) = (peer::find("mkfs.fat"), peer::find("mcopy")) else { return };
    let (Some(check), Some(remove)) = (peer::find("fsck.fat"), peer::find("mdel")) else { return };
    let scene = Scene::new();
    let compare = |len: usize, options: &[&str]| {
        let disk = scene.write("disk.raw", noise_bytes(4, len));
        make.run([options, &["--invariant", text(&disk)]].concat());
        for (name, bytes) in [("KEPT.BIN", mixed_bytes(5, MIB / 3)), ("GONE.BIN", vec![7; MIB / 4])]
        {
            let file = scene.write(name, bytes);
            copy.run(["-i", text(&disk), text(&file), &format!("::{name}")]);
        }
        remove.run(["-i", text(&disk), "::GONE.BIN"]);
        let built = discard(&scene, "disk.raw", "", "disk.raw");
        // `disk.raw: 1 files, 86/20398 clusters`
        let report = check.run(["-n", text(&built)]);
        let counts =
            report.split_once(" files, ").and_then(|(_, rest)| rest.split_once(" clusters"));
        let (used, total) = counts.and_then(|(counts, _)| counts.split_once('/')).expect(&report);
        let [used, total] = [used, total].map(|count| count.parse::<usize>().unwrap());
        let (before, after) = (fs::read(&disk).unwrap(), fs::read(&built).unwrap());
        let sectors = before.chunks(512).zip(after.chunks(512));
        let cleared = sectors.filter(|(before, after)| before != after);
        let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        let cleared = cleared.inspect(|(_, after)| assert!(is_zero(after), "{options:?}")).count();
        let boot = &before[..512];
        assert_eq!(cleared / usize::from(boot[13]), total - used, "{options:?}: {report}");
        copy.run(["-i", text(&built), "-n", "::KEPT.BIN", text(&scene.path("back.bin"))]);
        assert!(scene.read("back.bin") == scene.read("KEPT.BIN"), "{options:?}");
        fs::remove_file(scene.path("back.bin")).unwrap();
    };
    compare(4 * MIB, &["-F", "12"]);
    compare(20 * MIB, &["-F", "16"]);
    compare(40 * MIB, &["-F", "32", "-s", "1"]);
    compare(20 * MIB, &["-F", "16", "-f", "1", "-s", "2"]);
}

/// FAT32 may have as few clusters as FAT12; mtools takes it for that, so that its file is written here.
#[test]
fn small_fat32_keeps_its_files() {
    let (Some(make), Some(check)) = (peer::find("mkfs.fat"), peer::find("fsck.fat")) else {
        return;
    };
    let scene = Scene::new();
    let compare = |len: usize, options: &[&str]| {
        let disk = scene.write("disk.raw", noise_bytes(4, len));
        make.run([options, &["-F", "32", text(&disk)]].concat());
        let mut bytes = fs::read(&disk).unwrap();
        let short = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        let (cluster, tables) = (usize::from(bytes[13]) * 512, usize::from(bytes[16]));
        let table_len = short(36) * 512;
        let table = short(14) * 512;
        let data = table + tables * table_len;
        // A file in the clusters from 700 to 719, or from 70 to 89.
        let first = if len / cluster > 1000 { 700 } else { 70 };
        for copy in 0..tables {
            for number in first..first + 20 {
                let next = if number == first + 19 { 0x0fff_ffff } else { number + 1 };
                let next = u32::try_from(next).unwrap().to_le_bytes();
                let at = table + copy * table_len + number * 4;
                bytes[at..at + 4].copy_from_slice(&next);
            }
        }
        let file = data + (first - 2) * cluster;
        bytes[file..file + 20 * cluster].copy_from_slice(&mixed_bytes(5, 20 * cluster));
        bytes[data..data + 11].copy_from_slice(b"KEPT    BIN");
        bytes[data + 11] = 0x20;
        bytes[data + 26..data + 28].copy_from_slice(&u16::try_from(first).unwrap().to_le_bytes());
        let size = u32::try_from(20 * cluster).unwrap().to_le_bytes();
        bytes[data + 28..data + 32].copy_from_slice(&size);
        fs::write(&disk, &bytes).unwrap();
        let report = check.command().args(["-n", text(&disk)]).output().unwrap();
        assert!(String::from_utf8_lossy(&report.stdout).contains("1 files, 21/"), "{report:?}");
        let built = discard(&scene, "disk.raw", "", "disk.raw");
        // All is zero but what is in front of the clusters, the root and the file.
        let end = data + (len - data) / cluster * cluster;
        let expected = with_zeros(bytes, 0, &[data + cluster..file, file + 20 * cluster..end]);
        assert!(fs::read(&built).unwrap() == expected, "{options:?}");
    };
    compare(2 * MIB, &["-s", "1"]);
    compare(8 * MIB, &["-s", "8"]);
    compare(40 * MIB, &["-s", "8"]);
}

/// Builds with `discard`, which must fail and write nothing, and returns all that is said.
fn refused(scene: &Scene) -> String {
    let args = ["build", "disk.raw", "--discard", "-t", "vm:1", "-o", "out"];
    scene.run_refused(scene.program(args.iter().chain(&["--platform", "linux/amd64"])))
}

/// Builds with `discard`, and compares why that is refused.
fn check_refused(scene: &Scene, reason: &str) {
    let said = refused(scene);
    let line = format!("error: cannot use `disk.raw`: cannot discard free space: {reason}\n");
    assert!(said.contains(&line), "{reason}: {said}");
}

#[test]
fn file_systems_that_cannot_be_relied_on_are_refused() {
    let Some(programs) = ExtPrograms::find() else { return };
    let scene = Scene::new();
    let source = programs.make(&scene, "source.raw", 12 * MIB, &["-b", "1024"]);
    let check = |commands: &[&str], reason: &str| {
        let disk = scene.path("disk.raw");
        fs::copy(&source, &disk).unwrap();
        for command in commands {
            programs.debug.run(["-w", "-R", command, text(&disk)]);
        }
        check_refused(&scene, &format!("the whole disk (ext4): {reason}"));
    };
    check(&["ssv state 0"], "it was not unmounted");
    check(&["ssv state 3"], "it is marked as having errors");
    check(
        &["ssv feature_ro_compat 0x80046b"],
        "its ext4 has features that only readers may ignore (0x800000)",
    );
    let free = "set_bg 1 free_blocks_count 7";
    check(&[free], "the checksum of the descriptor of group 1 of ext4 is wrong");
    let without_checksums = "ssv feature_ro_compat 0x6b";
    check(&[without_checksums, free], "the number of free blocks of group 1 of ext4 is wrong");
    check(&["ssv blocks_count 1000000"], "the superblock of ext4 has impossible numbers of blocks");
    check(&["feature needs_recovery"], "its journal has changes that were not applied");
    assert_data_eq!(refused(&scene), str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw`: cannot discard free space: the whole disk (ext4): its journal has changes that were not applied
 --> the spec of the disk:8:11
  |
8 |     disk: disk.raw
  |           ^^^^^^^^
  |
  = help: start the virtual machine and shut it down, or check the file system with `e2fsck -f` or `fsck.fat -a`; then build again

"#]].raw());
    // A map that has as many free blocks, and others.
    let report = programs.dump.run([text(&source)]);
    let map = report.split_once("Block bitmap at ").and_then(|(_, rest)| rest.split_once(' '));
    let map_at = map.and_then(|(block, _)| block.parse::<u64>().ok()).expect(&report) * 1024;
    let mut bytes = [0; 1024];
    fs::copy(&source, scene.path("disk.raw")).unwrap();
    let mut options = fs::File::options();
    let file = options.read(true).write(true).open(scene.path("disk.raw")).unwrap();
    file.read_exact_at(&mut bytes, map_at).unwrap();
    bytes.reverse();
    file.write_all_at(&bytes, map_at).unwrap();
    let reason = "the checksum of the map of the blocks of group 0 of ext4 is wrong";
    check_refused(&scene, &format!("the whole disk (ext4): {reason}"));
}

#[test]
fn fat_that_is_in_use_is_refused() {
    let Some(make) = peer::find("mkfs.fat") else { return };
    let scene = Scene::new();
    let check = |options: &[&str], len: usize, (at, byte): (u64, u8), reason: &str| {
        let disk = scene.write("disk.raw", vec![0; len * MIB]);
        make.run([options, &["-R", "32", text(&disk)]].concat());
        let file = fs::File::options().write(true).open(&disk).unwrap();
        file.write_all_at(&[byte], at).unwrap();
        check_refused(&scene, &format!("the whole disk (fat): {reason}"));
    };
    // The second entry of the table, at byte 16384, and the state in the boot sector.
    let (in_use, damaged) = ("it was not unmounted", "it is marked as having errors");
    for (at, reason) in [((0x4003, 0x7f), in_use), ((0x4003, 0xbf), damaged), ((0x25, 1), in_use)] {
        check(&["-F", "16"], 20, at, reason);
    }
    for (at, reason) in [((0x4007, 0x07), in_use), ((0x4007, 0x0b), damaged), ((0x41, 1), in_use)] {
        check(&["-F", "32", "-s", "1"], 40, at, reason);
    }
}

#[test]
fn disks_without_free_space_are_refused() {
    let scene = Scene::new();
    scene.write("disk.raw", noise_bytes(1, 4 * MIB));
    check_refused(&scene, "the disk has no ext4 and no FAT, but the whole disk (unknown)");
    let mut xfs = noise_bytes(1, MIB);
    xfs[..4].copy_from_slice(b"XFSB");
    let xfs = scene.write("xfs.raw", xfs);
    let gpt = "label: gpt\n1M,4M,U\n8M,32M,L\n";
    let Some(_) = partitioned(&scene, gpt, &[(PARTITION, &xfs)]) else { return };
    assert_data_eq!(refused(&scene), str![[r#"
status: 1
stdout:
stderr:
error: cannot use `disk.raw`: cannot discard free space: the disk has no ext4 and no FAT, but partition 1 (unknown), partition 2 (xfs)
 --> the spec of the disk:8:11
  |
8 |     disk: disk.raw
  |           ^^^^^^^^
  |
  = help: remove `discard`; `fstrim -av` in the virtual machine frees what others have, if its disk passes discards on

"#]].raw());
    // The second partition begins in the first.
    let Some(programs) = ExtPrograms::find() else { return };
    let part = programs.make(&scene, "part.raw", 32 * MIB, &[]);
    let dos = "label: dos\n1M,4M,83\n8M,32M,L\n";
    let Some(disk) = partitioned(&scene, dos, &[(PARTITION, &part)]) else { return };
    let file = fs::File::options().write(true).open(&disk).unwrap();
    file.write_all_at(&(16_u32 << 11).to_le_bytes(), 446 + 12).unwrap();
    check_refused(&scene, "partition 2 (ext4) and partition 1 (unknown) overlap");
}

/// A file system that was there before a partition table or another content says what is free in a disk that is none of
/// its own any more.
#[test]
fn disks_that_can_be_read_in_two_ways_are_refused() {
    let (Some(programs), Some(fat)) = (ExtPrograms::find(), peer::find("mkfs.fat")) else { return };
    let Some(sfdisk) = peer::find("sfdisk") else { return };
    let scene = Scene::new();
    let partition = |disk: &Path| {
        let mut command = sfdisk.command();
        command.args(["-q", "--wipe", "never", text(disk)]);
        command.stdin(fs::File::open(scene.write("table", "start=2048,type=83\n")).unwrap());
        assert!(command.stderr(std::process::Stdio::null()).status().unwrap().success());
    };
    let disk = programs.make(&scene, "disk.raw", 24 * MIB, &[]);
    partition(&disk);
    check_refused(&scene, "the whole disk (ext4) has a partition table, too");
    let disk = scene.write("disk.raw", vec![0; 24 * MIB]);
    fat.run(["-F", "16", text(&disk)]);
    partition(&disk);
    check_refused(&scene, "the whole disk (fat) has a partition table, too");
    let source = programs.make(&scene, "source.raw", 24 * MIB, &[]);
    let check = |at: usize, magic: &[u8], name: &str| {
        let disk = scene.path("disk.raw");
        fs::copy(&source, &disk).unwrap();
        let file = fs::File::options().write(true).open(&disk).unwrap();
        file.write_all_at(magic, at as u64).unwrap();
        let expected = format!("the whole disk (ext4) has the signature of {name}, too");
        check_refused(&scene, &expected);
    };
    let uberblock = 0x00ba_b10c_u64.to_le_bytes();
    check((128 << 10) + (5 << 10), &uberblock, "zfs");
    check(24 * MIB - (128 << 10), &uberblock, "zfs");
    check((64 << 10) + 64, b"_BHRfS_M", "btrfs");
    check(24 * MIB - (64 << 10), &0xa92b_4efc_u32.to_le_bytes(), "a member of a RAID");
    check(3, b"NTFS    ", "ntfs");
    check(54, b"FAT16", "fat");
    check(8192 + 1372, &0x0001_1954_u32.to_be_bytes(), "ufs");
}

#[test]
fn only_disks_have_free_space() {
    let scene = Scene::new();
    scene.write("disk.raw", noise_bytes(1, MIB));
    scene.write("plain.txt", "text");
    let check = |spec: &str, expected: snapbox::data::Inline| {
        scene.write_spec(spec);
        assert_data_eq!(scene.run_refused(scene.program(["build", "-o", "out"])), expected.raw());
    };
    check(
        "amd64: { disk: disk.raw, files: [{ path: /a, source: { path: plain.txt, discard: true } }] }",
        str![[r#"
status: 1
stdout:
stderr:
error: `discard` is for disks
 --> ./diskette.yaml:5:84
  |
5 |   amd64: { disk: disk.raw, files: [{ path: /a, source: { path: plain.txt, discard: true } }] }
  |                                                                                    ^^^^
  |
  = help: other files are taken as they are; remove `discard`

"#]],
    );
    check(
        "amd64: { disk: { path: disk.raw, discard: \"yes\" } }",
        str![[r#"
status: 1
stdout:
stderr:
error: expected true or false, found text
 --> ./diskette.yaml:5:45
  |
5 |   amd64: { disk: { path: disk.raw, discard: "yes" } }
  |                                             ^^^^^
  |
  = help: write `true` or `false`, without quotes

"#]],
    );
    scene.write("Dockerfile", "FROM scratch\nADD plain.txt /\n");
    let command =
        scene.program(["build", "-f", "Dockerfile", "--discard", "-o", "out", "-t", "a:1", "."]);
    assert_data_eq!(
        scene.run_refused(command),
        str![[r#"
status: 2
stdout:
stderr:
error: there is no disk to discard the free space of: no file goes to /disk
 |
 = help: disks of base images stay as they are

"#]]
        .raw()
    );
}
