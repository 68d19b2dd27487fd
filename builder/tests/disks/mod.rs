//! Disks made byte by byte, and a way to look at them that notices when more is read than there is.
#![allow(dead_code, clippy::allow_attributes, reason = "each test needs some of it")]

use std::io;

use diskette_builder::cluster::contract::examine_disk_by_rules;
use diskette_builder::disk::{DiskInfo, Extent, ReadAt};

/// Of the clusters of `qcow2`.
pub(crate) const CLUSTER: usize = 1 << 16;

/// Bytes of which nothing outside is asked for.
pub(crate) struct WatchedBytes<'a>(pub &'a dyn ReadAt);

impl ReadAt for WatchedBytes<'_> {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let end = at.checked_add(space.len() as u64);
        assert!(end.is_some_and(|end| end <= self.len()), "{} bytes at {at}", space.len());
        self.0.read_exact_at(space, at)
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        assert!(at < self.len(), "what is at {at}");
        self.0.extent(at)
    }
}

/// Looks at a disk, and notices when more is read than there is.
pub(crate) fn examine_bytes(bytes: &[u8]) -> DiskInfo {
    examine_disk_by_rules(&WatchedBytes(&bytes)).unwrap()
}

/// Bytes, and what is put over them at some places.
pub(crate) fn patched(mut bytes: Vec<u8>, changes: &[(usize, &[u8])]) -> Vec<u8> {
    for &(at, change) in changes {
        bytes[at..at + change.len()].copy_from_slice(change);
    }
    bytes
}

/// Bytes that do not repeat soon, and are never all zero.
pub(crate) fn noise_bytes(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1] | 1
    };
    (0..len).map(|_| next()).collect()
}

/// A disk of 1 MiB with two clusters of data: header, reference counts, L1, L2, data.
pub(crate) fn qcow2_disk() -> Vec<u8> {
    let word = |number: u32| number.to_be_bytes();
    let long = |number: usize| (number as u64).to_be_bytes();
    let mut bytes = vec![0; 5 * CLUSTER];
    bytes.extend(noise_bytes(2 * CLUSTER));
    patched(
        bytes,
        &[
            (0, b"QFI\xfb"),
            (4, &word(3)),
            (20, &word(16)),
            (24, &long(1 << 20)),
            (36, &word(1)),
            (40, &long(3 * CLUSTER)),
            (48, &long(CLUSTER)),
            (56, &word(1)),
            (96, &word(4)),
            (100, &word(104)),
            (CLUSTER, &long(2 * CLUSTER)),
            (2 * CLUSTER, &[0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]),
            (3 * CLUSTER, &long((4 * CLUSTER) | (1 << 63))),
            (4 * CLUSTER, &long((5 * CLUSTER) | (1 << 63))),
            (4 * CLUSTER + 8, &long((6 * CLUSTER) | (1 << 63))),
        ],
    )
}

/// A partition: what it is for, its first and its last sector.
pub(crate) type GptPartition = ([u8; 16], u64, u64);

/// What partitions are for: EFI's system partition, POWER's boot loader, Linux.
pub(crate) const ESP: [u8; 16] =
    *b"\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b";
pub(crate) const PREP: [u8; 16] =
    *b"\x38\x2d\x1a\x9e\x12\xc6\x16\x43\xaa\x26\x8b\x49\x52\x1e\x5a\x8b";
pub(crate) const LINUX: [u8; 16] =
    *b"\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4";

/// A disk of so many sectors with a GUID partition table, and noise where nothing is.
pub(crate) fn gpt_disk(sector: usize, sectors: usize, parts: &[GptPartition]) -> Vec<u8> {
    let mut disk = noise_bytes(sector * sectors);
    let mut entries = vec![0; 128 * 128];
    for ((kind, first, last), entry) in parts.iter().zip(entries.chunks_mut(128)) {
        entry[..16].copy_from_slice(kind);
        entry[16] = 1;
        entry[32..40].copy_from_slice(&first.to_le_bytes());
        entry[40..48].copy_from_slice(&last.to_le_bytes());
    }
    let long = entries.len().div_ceil(sector);
    put_bytes(&mut disk, 0, &mbr_sector(&[(0xee, 1, u32::MAX)]));
    let last = sectors - 1;
    for (own, other, at) in [(1, last, 2), (last, 1, last - long)] {
        put_bytes(&mut disk, at * sector, &entries);
        let mut header = vec![0; 92];
        put_bytes(&mut header, 0, b"EFI PART\0\0\x01\0\x5c\0\0\0");
        for (at, number) in
            [(24, own), (32, other), (40, 2 + long), (48, last - long - 1), (72, at)]
        {
            put_bytes(&mut header, at, &(number as u64).to_le_bytes());
        }
        put_bytes(&mut header, 80, &128_u32.to_le_bytes());
        put_bytes(&mut header, 84, &128_u32.to_le_bytes());
        put_bytes(&mut header, 88, &crc32(&entries).to_le_bytes());
        let sum = crc32(&header);
        put_bytes(&mut header, 16, &sum.to_le_bytes());
        put_bytes(&mut disk, own * sector, &header);
    }
    disk
}

/// A first sector with partitions: type, first sector, how many.
pub(crate) fn mbr_sector(parts: &[(u8, u32, u32)]) -> Vec<u8> {
    let mut sector = vec![0; 512];
    for (number, (kind, first, count)) in parts.iter().enumerate() {
        let at = 446 + number * 16;
        sector[at + 4] = *kind;
        put_bytes(&mut sector, at + 8, &first.to_le_bytes());
        put_bytes(&mut sector, at + 12, &count.to_le_bytes());
    }
    put_bytes(&mut sector, 510, &[0x55, 0xaa]);
    sector
}

/// A CD of so many blocks, all of which are there.
pub(crate) fn iso_disk(blocks: u32) -> Vec<u8> {
    let mut disk = noise_bytes(blocks as usize * 2048);
    disk[..0x8000].fill(0);
    put_bytes(&mut disk, 0x8000, b"\x01CD001\x01\0");
    put_bytes(&mut disk, 0x8000 + 80, &blocks.to_le_bytes());
    put_bytes(&mut disk, 0x8000 + 128, &2048_u16.to_le_bytes());
    disk
}

pub(crate) fn put_bytes(bytes: &mut [u8], at: usize, part: &[u8]) {
    bytes[at..at + part.len()].copy_from_slice(part);
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Which file system there shall be.
#[derive(Clone, Copy)]
pub(crate) enum FatKind {
    Fat12,
    Fat16,
    Fat32,
}

/// A FAT file system with programs in `EFI/BOOT`: short names, and the machines they are for.
pub(crate) fn fat_file_system(kind: FatKind, programs: &[(&[u8; 11], u16)]) -> Vec<u8> {
    let (clusters, table, root_entries) = match kind {
        FatKind::Fat12 => (1000, 8_usize, 512_usize),
        FatKind::Fat16 => (5000, 40, 512),
        FatKind::Fat32 => (66_000, 520, 0),
    };
    let reserved = 32;
    let data = reserved + 2 * table + root_entries / 16;
    let mut disk = vec![0; (data + clusters) * 512];
    put_bytes(&mut disk, 0, b"\xeb\x3c\x90mkfs.fat");
    put_bytes(&mut disk, 11, &512_u16.to_le_bytes());
    disk[13] = 1;
    put_bytes(&mut disk, 14, &32_u16.to_le_bytes());
    disk[16] = 2;
    put_bytes(&mut disk, 17, &u16::try_from(root_entries).unwrap().to_le_bytes());
    put_bytes(&mut disk, 32, &u32::try_from(data + clusters).unwrap().to_le_bytes());
    let (at, root) = match kind {
        FatKind::Fat32 => (36, 2),
        _ => (22, 0),
    };
    put_bytes(&mut disk, at, &u16::try_from(table).unwrap().to_le_bytes());
    put_bytes(&mut disk, 44, &2_u32.to_le_bytes());
    put_bytes(&mut disk, 510, &[0x55, 0xaa]);
    let place = |cluster: usize| match cluster {
        0 => (reserved + 2 * table) * 512,
        _ => (data + cluster - 2) * 512,
    };
    let entry = |name: &[u8; 11], attributes: u8, cluster: usize| {
        let mut entry = vec![0; 32];
        put_bytes(&mut entry, 0, name);
        entry[11] = attributes;
        put_bytes(&mut entry, 26, &u16::try_from(cluster).unwrap().to_le_bytes());
        entry
    };
    // A label and a file that was deleted stand in front.
    let label = entry(b"ESP        ", 0x08, 0);
    let deleted = entry(b"\xe5OO        ", 0, 9);
    let efi = entry(b"EFI        ", 0x10, 3);
    put_bytes(&mut disk, place(root), &[label, deleted, efi].concat());
    put_bytes(&mut disk, place(3), &entry(b"BOOT       ", 0x10, 4));
    // The directory goes on in another cluster than the next.
    let mut listing: Vec<u8> = (0..16).flat_map(|_| entry(b"\xe5          ", 0, 9)).collect();
    for (number, (name, machine)) in programs.iter().enumerate() {
        listing.extend(entry(name, 0x20, 20 + number));
        let mut program = vec![0; 512];
        put_bytes(&mut program, 0, b"MZ");
        put_bytes(&mut program, 0x3c, &0x80_u32.to_le_bytes());
        put_bytes(&mut program, 0x80, b"PE\0\0");
        put_bytes(&mut program, 0x84, &machine.to_le_bytes());
        put_bytes(&mut disk, place(20 + number), &program);
    }
    put_bytes(&mut disk, place(4), &listing[..512]);
    put_bytes(&mut disk, place(7), &listing[512..]);
    let link = match kind {
        FatKind::Fat12 => (6, vec![7, 0]),
        FatKind::Fat16 => (8, vec![7, 0]),
        FatKind::Fat32 => (16, vec![7, 0, 0, 0]),
    };
    put_bytes(&mut disk, reserved * 512 + link.0, &link.1);
    disk
}
