//! Disks that would not do what their owner wants, or do what nobody wants, are refused, whatever
//! they are called; those that are merely odd are not. Nothing is read outside of any of them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod disks;

use std::io;

use diskette_builder::cluster::contract::{Severity, examine_disk, flaw_rule};
use diskette_builder::disk::{Extent, FlawKind, Info, ReadAt, START_LEN, Start, misnamed};
use disks::{CLUSTER, LINUX, gpt, iso, look, mbr, noise, qcow2, with};

/// Returns why a disk of this name is refused, if it is.
fn refused(name: &str, info: &Info) -> Option<FlawKind> {
    let is_error = |kind| flaw_rule(kind).severity == Severity::Error;
    let worst = info.flaws.first().filter(|flaw| is_error(flaw.kind));
    worst.cloned().or_else(|| misnamed(name, info)).map(|flaw| flaw.kind)
}

fn word(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

fn long(number: u64) -> [u8; 8] {
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
struct Hostile(usize);

impl Hostile {
    fn check(&mut self, name: &str, disk: &[u8], expected: FlawKind, what: &str) {
        let info = look(disk);
        assert_eq!(refused(name, &info), Some(expected), "{what}: {info:?}");
        for flaw in &info.flaws {
            assert!(!flaw.detail.is_empty() && !flaw.detail.ends_with('.'), "{flaw}");
        }
        // Where no more than the first bytes can be had, nothing panics, and what is in them counts.
        let len = disk.len() as u64;
        for part in [disk.len().min(START_LEN), disk.len().min(1 << 16)] {
            let start = Start { bytes: &disk[..part], len };
            assert_eq!(examine_disk(&start).unwrap().format, info.format, "{what}");
        }
        self.0 += 1;
    }

    fn qcow2(&mut self, what: &str, changes: &[(usize, &[u8])], expected: FlawKind) {
        self.check("a.qcow2", &with(qcow2(), changes), expected, what);
    }
}

/// Bytes that are put over others, and where.
type Changes<'a> = &'a [(usize, &'a [u8])];

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn hostile_qcow2() {
    use FlawKind::{
        BackingFile, Blank, Corrupt, DataFile, Encrypted, Malformed, Misnamed, OutsideFile,
        Truncated, UnknownFeature, Unsupported,
    };
    let mut hostile = Hostile(0);
    for bit in [5, 6, 7, 8, 15, 31, 32, 47, 62, 63] {
        let bits = long(1 << bit);
        hostile.qcow2(&format!("feature {bit}"), &[(INCOMPATIBLE, &bits)], UnknownFeature);
    }
    let mut check = |what: &str, changes: &[(usize, &[u8])], expected| {
        hostile.qcow2(what, changes, expected);
    };
    check("data file", &[(INCOMPATIBLE + 7, &[4])], DataFile);
    let extension = [&word(0x4441_5441)[..], &word(8), b"/etc/pwd"].concat();
    check("named data file", &[(INCOMPATIBLE + 7, &[4]), (104, &extension)], DataFile);
    check("corrupt", &[(INCOMPATIBLE + 7, &[2])], Corrupt);
    check("corrupt and dirty", &[(INCOMPATIBLE + 7, &[3])], Corrupt);

    for name in ["base.img", "/etc/passwd", "json:{\"driver\":\"file\"}", "nbd://host/x", "\0"] {
        let len = word(u32::try_from(name.len()).unwrap());
        let changes = [(BACKING, &long(512)[..]), (BACKING + 8, &len), (512, name.as_bytes())];
        check(name, &changes, BackingFile);
    }
    let one = word(1);
    check("backing name far away", &[(BACKING, &long(1 << 40)), (16, &one)], Malformed);
    check("backing name in the header", &[(BACKING, &long(8)), (16, &one)], Malformed);
    check("backing name too long", &[(BACKING, &long(512)), (16, &word(1024))], Malformed);
    check("backing name endless", &[(BACKING, &long(512)), (16, &[255; 4])], Malformed);
    check("backing name at an edge", &[(BACKING, &long(65_530)), (16, &word(9))], Malformed);

    check("version 0", &[(4, &word(0))], Misnamed);
    check("version 1", &[(4, &word(1))], Unsupported);
    check("version 4", &[(4, &word(4))], UnknownFeature);
    check("version at its most", &[(4, &[255; 4])], UnknownFeature);
    for bits in [0, 8, 22, 31, 64, u32::MAX] {
        check(&format!("clusters {bits}"), &[(CLUSTER_BITS, &word(bits))], Malformed);
    }
    for len in [0, 72, 103, 0x1_0001, u32::MAX] {
        check(&format!("header {len}"), &[(LEN, &word(len))], Malformed);
    }
    for order in [7, 64, u32::MAX] {
        check(&format!("reference counts {order}"), &[(REFCOUNT_ORDER, &word(order))], Malformed);
    }

    check("L1 behind the end", &[(L1_AT, &long(END))], OutsideFile);
    check("L1 far away", &[(L1_AT, &long(u64::MAX))], OutsideFile);
    check("L1 over the header", &[(L1_AT, &long(0))], OutsideFile);
    check("L1 over reference counts", &[(L1_AT, &long(CLUSTER as u64))], OutsideFile);
    check("L1 askew", &[(L1_AT, &long(L1 as u64 + 8))], Malformed);
    check("L1 of nothing", &[(L1_ENTRIES, &word(0))], Malformed);
    check("L1 too long", &[(L1_ENTRIES, &word(1 << 30))], Malformed);
    check("L1 at its most", &[(L1_ENTRIES, &[255; 4])], Malformed);
    check("L1 longer than the file", &[(L1_ENTRIES, &word(1 << 20))], OutsideFile);
    check("larger than L1", &[(SIZE, &long(1 << 40))], Malformed);
    check("larger than anything", &[(SIZE, &[255; 8])], Malformed);

    check("reference counts behind the end", &[(REFCOUNTS_AT, &long(END))], OutsideFile);
    check("reference counts far away", &[(REFCOUNTS_AT, &long(1 << 60))], OutsideFile);
    check("reference counts askew", &[(REFCOUNTS_AT, &long(CLUSTER as u64 + 512))], Malformed);
    check("reference counts over the header", &[(REFCOUNTS_AT, &long(0))], OutsideFile);
    check("no reference counts", &[(REFCOUNT_CLUSTERS, &word(0))], Malformed);
    check("endless reference counts", &[(REFCOUNT_CLUSTERS, &[255; 4])], Malformed);
    check("block behind the end", &[(REFCOUNTS, &long(END))], OutsideFile);
    check("block askew", &[(REFCOUNTS, &long(512))], Malformed);

    check("snapshots far away", &[(SNAPSHOTS, &one), (SNAPSHOTS_AT, &long(END))], OutsideFile);
    check("endless snapshots", &[(SNAPSHOTS, &[255; 4])], Malformed);
    let over = [(SNAPSHOTS, &one[..]), (SNAPSHOTS_AT, &long(L1 as u64))];
    check("snapshots over L1", &over, OutsideFile);

    check("AES", &[(CRYPT, &word(1))], Encrypted);
    check("LUKS", &[(CRYPT, &word(2))], Encrypted);
    check("another encryption", &[(CRYPT, &word(3))], UnknownFeature);
    let longer = (LEN, &word(112)[..]);
    check("zstd that is not told", &[longer, (COMPRESSION, &[1])], Malformed);
    check("told, and zlib", &[longer, (INCOMPATIBLE + 7, &[8])], Malformed);
    let other = [longer, (INCOMPATIBLE + 7, &[8]), (COMPRESSION, &[2])];
    check("another compression", &other, UnknownFeature);
    let small = [(INCOMPATIBLE + 7, &[16][..]), (CLUSTER_BITS, &word(9))];
    check("parts of small clusters", &small, Malformed);

    check("L2 behind the end", &[(L1, &long(END))], OutsideFile);
    check("L2 askew", &[(L1, &long(L2 as u64 + 512))], Malformed);
    check("L2 over the header's neighbour", &[(L1, &long(REFCOUNTS as u64))], OutsideFile);
    check("L2 is L1", &[(L1, &long(L1 as u64))], OutsideFile);
    check("data behind the end", &[(L2, &long(END))], Truncated);
    check("data far away", &[(L2, &long(0x00ff_ffff_ffff_0000))], Truncated);
    check("data askew", &[(L2, &long(L2 as u64 + 512))], Malformed);
    check("data in L1", &[(L2, &long(L1 as u64))], OutsideFile);
    check("packed data behind the end", &[(L2, &long((1 << 62) | END))], Truncated);
    check("packed data in the header", &[(L2, &long((1 << 62) | 8))], OutsideFile);
    check("packed data too long", &[(L2, &long((1 << 62) | (0xff << 54) | 0x6_ff00))], Truncated);
    check("extension too long", &[(104, &[word(1), [255; 4]].concat())], Malformed);
    let many: Vec<u8> = (0..100).flat_map(|_| [word(1), word(0)].concat()).collect();
    check("too many extensions", &[(104, &many)], Malformed);
    check("no data", &[(L1, &long(0))], Blank);
    check("only zeros", &[(L2, &long((5 * CLUSTER as u64) | 1)), (L2 + 8, &long(1))], Blank);

    let disk = qcow2();
    for (len, kind) in [(8, Malformed), (100, Malformed), (CLUSTER, OutsideFile)] {
        hostile.check("a.qcow2", &disk[..len], kind, &format!("cut at {len}"));
    }
    for len in [L1, L1 + 4, L2, L2 + 100] {
        hostile.check("a.qcow2", &disk[..len], OutsideFile, &format!("cut at {len}"));
    }
    for len in [L2 + CLUSTER, 6 * CLUSTER] {
        hostile.check("a.qcow2", &disk[..len], Truncated, &format!("cut at {len}"));
    }
    assert!(hostile.0 >= 60, "{}", hostile.0);
}

#[test]
fn masquerades() {
    use FlawKind::{CdiOnly, Misnamed, Packed, Unsupported};
    let mut hostile = Hostile(0);
    let at = |changes: &[(usize, &[u8])]| with(noise(70_000), changes);
    let mut check = |name: &str, disk: &[u8], expected, what: &str| {
        hostile.check(name, disk, expected, what);
    };
    let disk = |magic: &[u8]| at(&[(0, magic)]);
    for name in ["a.qcow2", "a.img"] {
        check(name, &disk(b"QED\0"), Unsupported, "QED");
        check(name, &disk(b"QFI\xfb\0\0\0\x01"), Unsupported, "qcow");
        check(name, &disk(b"LUKS\xba\xbe\0\x01"), Unsupported, "LUKS");
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
            check(name, &disk(magic), Packed, "packed");
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
        let info = look(disk);
        assert!(info.flaws.iter().any(|flaw| flaw.kind == CdiOnly), "{info:?}");
    };
    let vmdk = b"# Disk DescriptorFile\nversion=1\n";
    let blank_lines = b" \n#\n \r\nversion=3\r\n";
    for magic in [&b"KDMV"[..], b"COWD", vmdk, blank_lines, b"conectix", b"vhdxfile"] {
        cdi_only(&disk(magic));
    }
    cdi_only(&at(&[(0x40, &[0x7f, 0x10, 0xda, 0xbe])]));
    check("a.qcow2", &noise(70_000), Misnamed, "raw");
    check("a.QCOW2", &iso(100), Misnamed, "CD");
    check("a.vmdk", &qcow2(), Misnamed, "qcow2 as VMDK");
    check("a.vdi", &noise(70_000), Misnamed, "raw as VDI");
    check("a.vhdx", &noise(70_000), Misnamed, "raw as VHDX");
    check("a.vhd", &qcow2(), Misnamed, "qcow2 as VHD");
    check("a.qed", &noise(70_000), Misnamed, "raw as QED");
    assert!(hostile.0 >= 25, "{}", hostile.0);
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
fn raw_look_alikes() {
    use FlawKind::{Blank, Malformed, Truncated};
    let mut hostile = Hostile(0);
    let mut check = |disk: &[u8], expected, what: &str| {
        hostile.check("a.img", disk, expected, what);
    };
    check(b"", Blank, "empty");
    for len in [1, 512, 1 << 20, 5_000_000] {
        check(&vec![0; len], Blank, &format!("{len} zeros"));
    }
    let info = examine_disk(&Hole(1 << 40)).unwrap();
    assert_eq!(refused("a.img", &info), Some(Blank));

    let disk = gpt(512, 300, &[(LINUX, 40, 60), (LINUX, 61, 260)]);
    for len in [299, 280, 150, 34] {
        check(&disk[..len * 512], Truncated, &format!("GPT cut at {len}"));
    }
    check(&gpt(512, 300, &[(LINUX, 40, 300)]), Truncated, "partition behind the end");
    check(&gpt(512, 300, &[(LINUX, 40, u64::MAX)]), Truncated, "endless partition");
    check(&gpt(4096, 100, &[(LINUX, 40, 60)])[..90 * 4096], Truncated, "GPT of long sectors, cut");
    for (at, what) in [(16, "checksums"), (0, "signatures"), (12, "lengths")] {
        let other = 299 * 512 + at;
        let changes: [(usize, &[u8]); 2] = [(512 + at, &[255; 4]), (other, &[255; 4])];
        check(&with(disk.clone(), &changes), Malformed, &format!("both {what} of GPT wrong"));
    }
    let changes: [(usize, &[u8]); 2] = [(1024 + 300, &[9]), (267 * 512 + 300, &[9])];
    check(&with(disk.clone(), &changes), Malformed, "both lists of GPT wrong");
    let protective = [mbr(&[(0xee, 1, 99)]), noise(99 * 512)].concat();
    check(&protective, Malformed, "no GPT where one should be");

    let table = |parts: &[(u8, u32, u32)]| [mbr(parts), noise(99 * 512)].concat();
    check(&table(&[(0x83, 1, 100)]), Truncated, "partition behind the end");
    check(&table(&[(0x83, 1, 10), (0x0b, 20, 81)]), Truncated, "second partition behind the end");
    check(&table(&[(0x83, 1, 10), (0x05, 20, 1000)]), Truncated, "extended partition");
    check(&table(&[(0x83, u32::MAX, u32::MAX)]), Truncated, "endless partition");
    check(&iso(1000)[..600_000], Truncated, "CD cut");
    check(&iso(5000)[..34_000], Truncated, "CD cut early");
    assert!(hostile.0 >= 15, "{}", hostile.0);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn benign_disks_are_taken() {
    let mut taken = 0;
    let mut check = |name: &str, disk: &[u8], what: &str| {
        let info = look(disk);
        assert_eq!(refused(name, &info), None, "{what}: {info:?}");
        taken += 1;
    };
    let qcow2s: [(&str, Changes<'_>); 16] = [
        ("as it is", &[]),
        ("compatible features", &[(80, &[255; 8])]),
        ("features that are cleared", &[(88, &[255; 8])]),
        ("dirty", &[(INCOMPATIBLE + 7, &[1])]),
        ("odd size", &[(SIZE, &long((1 << 20) + 100))]),
        ("small", &[(SIZE, &long(512))]),
        ("longer header", &[(LEN, &word(112))]),
        ("zstd", &[(LEN, &word(112)), (INCOMPATIBLE + 7, &[8]), (COMPRESSION, &[1])]),
        ("unknown extension", &[(104, &[word(0x1234), word(3), *b"abc\0"].concat())]),
        ("zero clusters", &[(L2 + 16, &long(1))]),
        ("packed", &[(L2 + 16, &long((1 << 62) | (5 * CLUSTER as u64 + 7)))]),
        ("wide reference counts", &[(REFCOUNT_ORDER, &word(6))]),
        ("no name of a backing file", &[(BACKING, &long(512))]),
        ("flags of L1", &[(L1, &long(L2 as u64))]),
        ("longer L1", &[(L1_ENTRIES, &word(100))]),
        ("features have names", &[(104, &[word(0x6803_f857), word(48)].concat())]),
    ];
    for (what, changes) in qcow2s {
        check("a.qcow2", &with(qcow2(), changes), what);
    }
    let changes: [(usize, &[u8]); 2] = [(SNAPSHOTS, &word(1)), (SNAPSHOTS_AT, &long(END))];
    let snapshots = [with(qcow2(), &changes), vec![0; CLUSTER]].concat();
    check("a.qcow2", &snapshots, "snapshots");
    let old = [(4, &word(2)[..]), (72, &[0; 8])];
    check("a.qcow2", &with(qcow2(), &old), "version 2");
    for name in ["a.img", "a.raw", "disk", "a.QCOW2", "fedora.x86_64"] {
        check(name, &qcow2(), name);
    }

    let table = gpt(512, 300, &[(LINUX, 40, 60)]);
    check("a.img", &table, "GPT");
    check("a.raw", &gpt(4096, 100, &[(LINUX, 40, 60)]), "GPT of long sectors");
    check("a.img", &with(table.clone(), &[(512 + 60, &[9])]), "first GPT wrong");
    check("a.img", &with(table.clone(), &[(299 * 512 + 60, &[9])]), "second GPT wrong");
    check("a.img", &[table.clone(), vec![0; 1 << 20]].concat(), "GPT on a larger disk");
    check("a.img", &gpt(512, 300, &[]), "GPT without partitions");
    check("a.img", &[mbr(&[(0x83, 1, 99)]), noise(99 * 512)].concat(), "MBR");
    check("a.img", &[mbr(&[]), noise(99 * 512)].concat(), "boot code alone");
    check("a.img", &with(noise(4096), &[(510, &[0x55, 0xaa])]), "boot sector of a file system");
    check("a.iso", &iso(100), "CD");
    check("a.img", &iso(300)[..500_000], "CD without its padding");
    let hybrid = with(iso(100), &[(0, &mbr(&[(0x17, 0, 4096)]))]);
    check("a.iso", &hybrid, "CD and stick");
    check("a.img", b"x", "one byte");
    check("a.img", &noise(511), "less than a sector");
    check("a.img", b"any text\n", "text");
    check("a.img", &[vec![0; 3 << 20], b"x".to_vec()].concat(), "data at the end");
    check(
        "a.img",
        &with(noise(4096), &[(512, b"QFI\xfb\0\0\0\x03")]),
        "qcow2 in the second sector",
    );
    check("a.img", &with(noise(4096), &[(0, b"LUKS\xba\xbe\0\x02")]), "LUKS 2");
    check("a.img", &with(noise(4096), &[(0, b"#\nversion=4\n")]), "no VMDK");
    check("a.img", &with(noise(4096), &[(0, b"version=11\n")]), "no VMDK either");
    check("a.vhd", &with(noise(4096), &[(4096 - 512, b"conectix")]), "fixed VHD");
    check("a.img", &with(noise(4096), &[(0, b"KDM")]), "almost VMDK");
    check("a.img", &with(noise(4096), &[(0, b"WithoutFreeSpace\x03\0\0\0")]), "almost Parallels");
    assert!(taken >= 40, "{taken}");
}
