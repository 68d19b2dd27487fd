//! Disks that would not do what their owner wants, or do what nobody wants, are refused, whatever
//! they are called; those that are merely odd are not. Nothing is read outside of any of them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod disks;

use std::io;

use diskette_builder::cluster::contract::{Severity, examine_disk_by_rules, flaw_rule};
use diskette_builder::disk::{
    DiskInfo, DiskStart, Extent, FlawKind, ReadAt, START_LEN, find_misnaming,
};
use disks::{
    CLUSTER, LINUX, examine_bytes, gpt_disk, iso_disk, mbr_sector, noise_bytes, patched, qcow2_disk,
};

/// Returns why a disk of this name is refused, if it is.
fn refusal_of(name: &str, info: &DiskInfo) -> Option<FlawKind> {
    let is_error = |kind| flaw_rule(kind).severity == Severity::Error;
    let worst = info.flaws.first().filter(|flaw| is_error(flaw.kind));
    worst.cloned().or_else(|| find_misnaming(name, info)).map(|flaw| flaw.kind)
}

fn be32(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

fn be64(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// Where things are in the qcow2 of `disks`.
const REFCOUNTS: usize = CLUSTER;
const L1: usize = 3 * CLUSTER;
const L2: usize = 4 * CLUSTER;
const END: u64 = 7 * CLUSTER as u64;

/// Fields of its header.
const BACKING: usize = 8;
const CLUSTER_BITS: usize = 20;
const SIZE: usize = 24;
const CRYPT: usize = 32;
const L1_ENTRIES: usize = 36;
const L1_AT: usize = 40;
const REFCOUNTS_AT: usize = 48;
const REFCOUNT_CLUSTERS: usize = 56;
const SNAPSHOTS: usize = 60;
const SNAPSHOTS_AT: usize = 64;
const INCOMPATIBLE: usize = 72;
const REFCOUNT_ORDER: usize = 96;
const LEN: usize = 100;
const COMPRESSION: usize = 104;

/// Checks all of a table; each has a name for what is done to the disk.
struct RefusalTable(usize);

impl RefusalTable {
    fn check_refused(&mut self, name: &str, disk: &[u8], expected: FlawKind, what: &str) {
        let info = examine_bytes(disk);
        assert_eq!(refusal_of(name, &info), Some(expected), "{what}: {info:?}");
        for flaw in &info.flaws {
            assert!(!flaw.detail.is_empty() && !flaw.detail.ends_with('.'), "{flaw}");
        }
        // Where no more than the first bytes can be had, nothing panics, and what is in them counts.
        let len = disk.len() as u64;
        for part in [disk.len().min(START_LEN), disk.len().min(1 << 16)] {
            let start = DiskStart { bytes: &disk[..part], len };
            assert_eq!(examine_disk_by_rules(&start).unwrap().format, info.format, "{what}");
        }
        self.0 += 1;
    }

    fn check_qcow2_refused(&mut self, what: &str, changes: &[(usize, &[u8])], expected: FlawKind) {
        self.check_refused("a.qcow2", &patched(qcow2_disk(), changes), expected, what);
    }
}

/// Bytes that are put over others, and where.
type Changes<'a> = &'a [(usize, &'a [u8])];

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn hostile_qcow2_files_are_refused() {
    use FlawKind::{
        BackingFile, Blank, Corrupt, DataFile, Encrypted, Malformed, Misnamed, OutsideFile,
        Truncated, UnknownFeature,
    };
    let mut hostile = RefusalTable(0);
    for bit in [5, 6, 7, 8, 15, 31, 32, 47, 62, 63] {
        let bits = be64(1 << bit);
        hostile.check_qcow2_refused(
            &format!("feature {bit}"),
            &[(INCOMPATIBLE, &bits)],
            UnknownFeature,
        );
    }
    let mut check = |what: &str, changes: &[(usize, &[u8])], expected| {
        hostile.check_qcow2_refused(what, changes, expected);
    };
    check("data file", &[(INCOMPATIBLE + 7, &[4])], DataFile);
    let extension = [&be32(0x4441_5441)[..], &be32(8), b"/etc/pwd"].concat();
    check("named data file", &[(INCOMPATIBLE + 7, &[4]), (104, &extension)], DataFile);
    check("corrupt", &[(INCOMPATIBLE + 7, &[2])], Corrupt);
    check("corrupt and dirty", &[(INCOMPATIBLE + 7, &[3])], Corrupt);

    for name in ["base.img", "/etc/passwd", "json:{\"driver\":\"file\"}", "nbd://host/x", "\0"] {
        let len = be32(u32::try_from(name.len()).unwrap());
        let changes = [(BACKING, &be64(512)[..]), (BACKING + 8, &len), (512, name.as_bytes())];
        check(name, &changes, BackingFile);
    }
    let one = be32(1);
    check("backing name far away", &[(BACKING, &be64(1 << 40)), (16, &one)], Malformed);
    check("backing name in the header", &[(BACKING, &be64(8)), (16, &one)], Malformed);
    check("backing name too long", &[(BACKING, &be64(512)), (16, &be32(1024))], Malformed);
    check("backing name endless", &[(BACKING, &be64(512)), (16, &[255; 4])], Malformed);
    check("backing name at an edge", &[(BACKING, &be64(65_530)), (16, &be32(9))], Malformed);

    check("version 0", &[(4, &be32(0))], Misnamed);
    check("version 1, encrypted", &[(4, &be32(1))], Encrypted);
    check("version 4", &[(4, &be32(4))], UnknownFeature);
    check("version at its most", &[(4, &[255; 4])], UnknownFeature);
    for bits in [0, 8, 22, 31, 64, u32::MAX] {
        check(&format!("clusters {bits}"), &[(CLUSTER_BITS, &be32(bits))], Malformed);
    }
    for len in [0, 72, 103, 0x1_0001, u32::MAX] {
        check(&format!("header {len}"), &[(LEN, &be32(len))], Malformed);
    }
    for order in [7, 64, u32::MAX] {
        check(&format!("reference counts {order}"), &[(REFCOUNT_ORDER, &be32(order))], Malformed);
    }

    check("L1 behind the end", &[(L1_AT, &be64(END))], OutsideFile);
    check("L1 far away", &[(L1_AT, &be64(u64::MAX))], OutsideFile);
    check("L1 over the header", &[(L1_AT, &be64(0))], OutsideFile);
    check("L1 over reference counts", &[(L1_AT, &be64(CLUSTER as u64))], OutsideFile);
    check("L1 askew", &[(L1_AT, &be64(L1 as u64 + 8))], Malformed);
    check("L1 of nothing", &[(L1_ENTRIES, &be32(0))], Malformed);
    check("L1 too long", &[(L1_ENTRIES, &be32(1 << 30))], Malformed);
    check("L1 at its most", &[(L1_ENTRIES, &[255; 4])], Malformed);
    check("L1 longer than the file", &[(L1_ENTRIES, &be32(1 << 20))], OutsideFile);
    check("larger than L1", &[(SIZE, &be64(1 << 40))], Malformed);
    check("larger than anything", &[(SIZE, &[255; 8])], Malformed);

    check("reference counts behind the end", &[(REFCOUNTS_AT, &be64(END))], OutsideFile);
    check("reference counts far away", &[(REFCOUNTS_AT, &be64(1 << 60))], OutsideFile);
    check("reference counts askew", &[(REFCOUNTS_AT, &be64(CLUSTER as u64 + 512))], Malformed);
    check("reference counts over the header", &[(REFCOUNTS_AT, &be64(0))], OutsideFile);
    check("no reference counts", &[(REFCOUNT_CLUSTERS, &be32(0))], Malformed);
    check("endless reference counts", &[(REFCOUNT_CLUSTERS, &[255; 4])], Malformed);
    check("block behind the end", &[(REFCOUNTS, &be64(END))], OutsideFile);
    check("block askew", &[(REFCOUNTS, &be64(512))], Malformed);

    check("snapshots far away", &[(SNAPSHOTS, &one), (SNAPSHOTS_AT, &be64(END))], OutsideFile);
    check("endless snapshots", &[(SNAPSHOTS, &[255; 4])], Malformed);
    let over = [(SNAPSHOTS, &one[..]), (SNAPSHOTS_AT, &be64(L1 as u64))];
    check("snapshots over L1", &over, OutsideFile);

    check("AES", &[(CRYPT, &be32(1))], Encrypted);
    check("LUKS", &[(CRYPT, &be32(2))], Encrypted);
    check("another encryption", &[(CRYPT, &be32(3))], UnknownFeature);
    let longer = (LEN, &be32(112)[..]);
    check("zstd that is not told", &[longer, (COMPRESSION, &[1])], Malformed);
    check("told, and zlib", &[longer, (INCOMPATIBLE + 7, &[8])], Malformed);
    let other = [longer, (INCOMPATIBLE + 7, &[8]), (COMPRESSION, &[2])];
    check("another compression", &other, UnknownFeature);
    let small = [(INCOMPATIBLE + 7, &[16][..]), (CLUSTER_BITS, &be32(9))];
    check("parts of small clusters", &small, Malformed);

    check("L2 behind the end", &[(L1, &be64(END))], OutsideFile);
    check("L2 askew", &[(L1, &be64(L2 as u64 + 512))], Malformed);
    check("L2 over the header's neighbour", &[(L1, &be64(REFCOUNTS as u64))], OutsideFile);
    check("L2 is L1", &[(L1, &be64(L1 as u64))], OutsideFile);
    check("data behind the end", &[(L2, &be64(END))], Truncated);
    check("data far away", &[(L2, &be64(0x00ff_ffff_ffff_0000))], Truncated);
    check("data askew", &[(L2, &be64(L2 as u64 + 512))], Malformed);
    check("data in L1", &[(L2, &be64(L1 as u64))], OutsideFile);
    check("packed data behind the end", &[(L2, &be64((1 << 62) | END))], Truncated);
    check("packed data in the header", &[(L2, &be64((1 << 62) | 8))], OutsideFile);
    check("packed data too long", &[(L2, &be64((1 << 62) | (0xff << 54) | 0x6_ff00))], Truncated);
    check("extension too long", &[(104, &[be32(1), [255; 4]].concat())], Malformed);
    let many: Vec<u8> = (0..100).flat_map(|_| [be32(1), be32(0)].concat()).collect();
    check("too many extensions", &[(104, &many)], Malformed);
    check("no data", &[(L1, &be64(0))], Blank);
    check("only zeros", &[(L2, &be64((5 * CLUSTER as u64) | 1)), (L2 + 8, &be64(1))], Blank);

    let disk = qcow2_disk();
    for (len, kind) in [(8, Malformed), (100, Malformed), (CLUSTER, OutsideFile)] {
        hostile.check_refused("a.qcow2", &disk[..len], kind, &format!("cut at {len}"));
    }
    for len in [L1, L1 + 4, L2, L2 + 100] {
        hostile.check_refused("a.qcow2", &disk[..len], OutsideFile, &format!("cut at {len}"));
    }
    for len in [L2 + CLUSTER, 6 * CLUSTER] {
        hostile.check_refused("a.qcow2", &disk[..len], Truncated, &format!("cut at {len}"));
    }
    assert!(hostile.0 >= 60, "{}", hostile.0);
}

#[test]
fn other_formats_and_misnamed_disks_are_refused() {
    use FlawKind::{CdiOnly, Compressed, Encrypted, Misnamed, Unsupported};
    let mut hostile = RefusalTable(0);
    let at = |changes: &[(usize, &[u8])]| patched(noise_bytes(70_000), changes);
    let mut check = |name: &str, disk: &[u8], expected, what: &str| {
        hostile.check_refused(name, disk, expected, what);
    };
    let disk = |magic: &[u8]| at(&[(0, magic)]);
    for name in ["a.qcow2", "a.img"] {
        check(name, &disk(b"QED\0"), Unsupported, "QED");
        check(name, &disk(b"QFI\xfb\0\0\0\x01"), Encrypted, "qcow");
        check(name, &disk(b"LUKS\xba\xbe\0\x01"), Encrypted, "LUKS");
        check(name, &disk(b"WithoutFreeSpace\x02\0\0\0"), Unsupported, "Parallels");
        check(name, &disk(b"WithouFreSpacExt\x02\0\0\0"), Unsupported, "Parallels 2");
        let bochs = at(&[
            (0, b"Bochs Virtual HD Image\0"),
            (32, b"Redolog\0"),
            (48, b"Growing\0"),
            (64, &[0, 0, 2, 0]),
        ]);
        check(name, &bochs, Unsupported, "Bochs");
        let cloop = b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 \
            /dev/cloop $1\n";
        check(name, &disk(cloop), Unsupported, "cloop");
        for magic in [&b"\x1f\x8b\x08"[..], b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"BZh9"] {
            check(name, &disk(magic), Compressed, "packed");
        }
        check(name, &at(&[(257, b"ustar\0")]), Unsupported, "OVA");
        check(name, &disk(b"PK\x03\x04"), Unsupported, "zip");
        check(name, &disk(b"7z\xbc\xaf\x27\x1c"), Unsupported, "7z");
        check(name, &disk(b"Rar!\x1a\x07\0"), Unsupported, "rar");
        check(name, &disk(b"\x04\x22\x4d\x18"), Unsupported, "lz4");
        check(name, &disk(b"<!DOCTYPE html>"), Unsupported, "page");
        check(name, &disk(b"\r\n <html>"), Unsupported, "another page");
        check(name, b"version https://git-lfs.github.com/spec/v1\n", Unsupported, "pointer");
        check(name, &disk(b"\x7fELF"), Unsupported, "program");
    }
    // Whatever else is wrong with them, they are of a format that CDI alone takes.
    let cdi_only = |disk: &[u8]| {
        let info = examine_bytes(disk);
        assert!(info.flaws.iter().any(|flaw| flaw.kind == CdiOnly), "{info:?}");
    };
    let vmdk = b"# Disk DescriptorFile\nversion=1\n";
    let blank_lines = b" \n#\n \r\nversion=3\r\n";
    for magic in [&b"KDMV"[..], b"COWD", vmdk, blank_lines, b"conectix", b"vhdxfile"] {
        cdi_only(&disk(magic));
    }
    cdi_only(&at(&[(0x40, &[0x7f, 0x10, 0xda, 0xbe])]));
    check("a.qcow2", &noise_bytes(70_000), Misnamed, "raw");
    check("a.QCOW2", &iso_disk(100), Misnamed, "CD");
    check("a.vmdk", &qcow2_disk(), Misnamed, "qcow2 as VMDK");
    check("a.vdi", &noise_bytes(70_000), Misnamed, "raw as VDI");
    check("a.vhdx", &noise_bytes(70_000), Misnamed, "raw as VHDX");
    check("a.vhd", &qcow2_disk(), Misnamed, "qcow2 as VHD");
    check("a.qed", &noise_bytes(70_000), Misnamed, "raw as QED");
    assert!(hostile.0 >= 25, "{}", hostile.0);
}

/// A file that is no disk was converted as if it was one.
#[test]
fn files_inside_of_a_disk_are_refused() {
    use FlawKind::{Blank, Compressed, Unsupported};
    let mut hostile = RefusalTable(0);
    let mut check = |name: &str, disk: &[u8], expected, what: &str| {
        hostile.check_refused(name, disk, expected, what);
    };
    let inner = |start: &[u8]| patched(qcow2_disk(), &[(5 * CLUSTER, start)]);
    for magic in [&b"\x1f\x8b\x08"[..], b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"BZh9"] {
        check("a.qcow2", &inner(magic), Compressed, "packed inside");
    }
    for magic in [&b"PK\x03\x04"[..], b"<!DOCTYPE html>", b"\x7fELF", b"vhdxfile", b"KDMV"] {
        check("a.qcow2", &inner(magic), Unsupported, "something else inside");
    }
    check("a.qcow2", &inner(&qcow2_disk()[..512]), Unsupported, "qcow2 in qcow2");
    check("a.qcow2", &inner(&[&[1; 257][..], b"ustar"].concat()), Unsupported, "OVA in qcow2");
    let zeros = patched(qcow2_disk(), &[(5 * CLUSTER, &vec![0; 2 * CLUSTER])]);
    check("a.qcow2", &zeros, Blank, "zeros that were written");
    assert!(hostile.0 >= 10, "{}", hostile.0);
}

/// A file without data.
struct Hole(u64);

impl ReadAt for Hole {
    fn len(&self) -> u64 {
        self.0
    }

    fn read_exact_at(&self, space: &mut [u8], _at: u64) -> io::Result<()> {
        space.fill(0);
        Ok(())
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        Ok(Extent::zero(self.0 - at))
    }
}

#[test]
fn broken_raw_disks_are_refused() {
    use FlawKind::{Blank, Malformed, Truncated};
    let mut hostile = RefusalTable(0);
    let mut check = |disk: &[u8], expected, what: &str| {
        hostile.check_refused("a.img", disk, expected, what);
    };
    check(b"", Blank, "empty");
    for len in [1, 512, 1 << 20, 5_000_000] {
        check(&vec![0; len], Blank, &format!("{len} zeros"));
    }
    let info = examine_disk_by_rules(&Hole(1 << 40)).unwrap();
    assert_eq!(refusal_of("a.img", &info), Some(Blank));

    let disk = gpt_disk(512, 300, &[(LINUX, 40, 60), (LINUX, 61, 260)]);
    for len in [299, 280, 150, 34] {
        check(&disk[..len * 512], Truncated, &format!("GPT cut at {len}"));
    }
    check(&gpt_disk(512, 300, &[(LINUX, 40, 300)]), Truncated, "partition behind the end");
    check(&gpt_disk(512, 300, &[(LINUX, 40, u64::MAX)]), Truncated, "endless partition");
    check(
        &gpt_disk(4096, 100, &[(LINUX, 40, 60)])[..90 * 4096],
        Truncated,
        "GPT of long sectors, cut",
    );
    for (at, what) in [(16, "checksums"), (0, "signatures"), (12, "lengths")] {
        let other = 299 * 512 + at;
        let changes: [(usize, &[u8]); 2] = [(512 + at, &[255; 4]), (other, &[255; 4])];
        check(&patched(disk.clone(), &changes), Malformed, &format!("both {what} of GPT wrong"));
    }
    let changes: [(usize, &[u8]); 2] = [(1024 + 300, &[9]), (267 * 512 + 300, &[9])];
    check(&patched(disk.clone(), &changes), Malformed, "both lists of GPT wrong");
    let protective = [mbr_sector(&[(0xee, 1, 99)]), noise_bytes(99 * 512)].concat();
    check(&protective, Malformed, "no GPT where one should be");

    let table = |parts: &[(u8, u32, u32)]| [mbr_sector(parts), noise_bytes(99 * 512)].concat();
    check(&table(&[(0x83, 1, 100)]), Truncated, "partition behind the end");
    check(&table(&[(0x83, 1, 10), (0x0b, 20, 81)]), Truncated, "second partition behind the end");
    check(&table(&[(0x83, 1, 10), (0x05, 20, 1000)]), Truncated, "extended partition");
    check(&table(&[(0x83, u32::MAX, u32::MAX)]), Truncated, "endless partition");
    check(&iso_disk(1000)[..600_000], Truncated, "CD cut");
    check(&iso_disk(5000)[..34_000], Truncated, "CD cut early");
    assert!(hostile.0 >= 15, "{}", hostile.0);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn harmless_disks_are_accepted() {
    let mut taken = 0;
    let mut check = |name: &str, disk: &[u8], what: &str| {
        let info = examine_bytes(disk);
        assert_eq!(refusal_of(name, &info), None, "{what}: {info:?}");
        taken += 1;
    };
    let qcow2s: [(&str, Changes<'_>); 16] = [
        ("as it is", &[]),
        ("compatible features", &[(80, &[255; 8])]),
        ("features that are cleared", &[(88, &[255; 8])]),
        ("dirty", &[(INCOMPATIBLE + 7, &[1])]),
        ("odd size", &[(SIZE, &be64((1 << 20) + 100))]),
        ("small", &[(SIZE, &be64(512))]),
        ("longer header", &[(LEN, &be32(112))]),
        ("zstd", &[(LEN, &be32(112)), (INCOMPATIBLE + 7, &[8]), (COMPRESSION, &[1])]),
        ("unknown extension", &[(104, &[be32(0x1234), be32(3), *b"abc\0"].concat())]),
        ("zero clusters", &[(L2 + 16, &be64(1))]),
        ("packed", &[(L2 + 16, &be64((1 << 62) | (5 * CLUSTER as u64 + 7)))]),
        ("wide reference counts", &[(REFCOUNT_ORDER, &be32(6))]),
        ("no name of a backing file", &[(BACKING, &be64(512))]),
        ("flags of L1", &[(L1, &be64(L2 as u64))]),
        ("longer L1", &[(L1_ENTRIES, &be32(100))]),
        ("features have names", &[(104, &[be32(0x6803_f857), be32(48)].concat())]),
    ];
    for (what, changes) in qcow2s {
        check("a.qcow2", &patched(qcow2_disk(), changes), what);
    }
    let changes: [(usize, &[u8]); 2] = [(SNAPSHOTS, &be32(1)), (SNAPSHOTS_AT, &be64(END))];
    let snapshots = [patched(qcow2_disk(), &changes), vec![0; CLUSTER]].concat();
    check("a.qcow2", &snapshots, "snapshots");
    let old = [(4, &be32(2)[..]), (72, &[0; 8])];
    check("a.qcow2", &patched(qcow2_disk(), &old), "version 2");
    let volume = patched(qcow2_disk(), &[(5 * CLUSTER, b"LUKS\xba\xbe\0\x01")]);
    check("a.qcow2", &volume, "an encrypted volume inside");
    for name in ["a.img", "a.raw", "disk", "a.QCOW2", "fedora.x86_64"] {
        check(name, &qcow2_disk(), name);
    }

    let table = gpt_disk(512, 300, &[(LINUX, 40, 60)]);
    check("a.img", &table, "GPT");
    check("a.raw", &gpt_disk(4096, 100, &[(LINUX, 40, 60)]), "GPT of long sectors");
    check("a.img", &patched(table.clone(), &[(512 + 60, &[9])]), "first GPT wrong");
    check("a.img", &patched(table.clone(), &[(299 * 512 + 60, &[9])]), "second GPT wrong");
    check("a.img", &[table.clone(), vec![0; 1 << 20]].concat(), "GPT on a larger disk");
    check("a.img", &gpt_disk(512, 300, &[]), "GPT without partitions");
    check("a.img", &[mbr_sector(&[(0x83, 1, 99)]), noise_bytes(99 * 512)].concat(), "MBR");
    check("a.img", &[mbr_sector(&[]), noise_bytes(99 * 512)].concat(), "boot code alone");
    check(
        "a.img",
        &patched(noise_bytes(4096), &[(510, &[0x55, 0xaa])]),
        "boot sector of a file system",
    );
    check("a.iso", &iso_disk(100), "CD");
    check("a.img", &iso_disk(300)[..500_000], "CD without its padding");
    let hybrid = patched(iso_disk(100), &[(0, &mbr_sector(&[(0x17, 0, 4096)]))]);
    check("a.iso", &hybrid, "CD and stick");
    check("a.img", b"x", "one byte");
    check("a.img", &noise_bytes(511), "less than a sector");
    check("a.img", b"any text\n", "text");
    check("a.img", &[vec![0; 3 << 20], b"x".to_vec()].concat(), "data at the end");
    check(
        "a.img",
        &patched(noise_bytes(4096), &[(512, b"QFI\xfb\0\0\0\x03")]),
        "qcow2 in the second sector",
    );
    check("a.img", &patched(noise_bytes(4096), &[(0, b"LUKS\xba\xbe\0\x02")]), "LUKS 2");
    check("a.img", &patched(noise_bytes(4096), &[(0, b"#\nversion=4\n")]), "no VMDK");
    check("a.img", &patched(noise_bytes(4096), &[(0, b"version=11\n")]), "no VMDK either");
    check("a.vhd", &patched(noise_bytes(4096), &[(4096 - 512, b"conectix")]), "fixed VHD");
    check("a.img", &patched(noise_bytes(4096), &[(0, b"KDM")]), "almost VMDK");
    check(
        "a.img",
        &patched(noise_bytes(4096), &[(0, b"WithoutFreeSpace\x03\0\0\0")]),
        "almost Parallels",
    );
    assert!(taken >= 40, "{taken}");
}
