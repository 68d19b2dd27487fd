//! The *GUID partition table*: a header and a list of partitions behind the first sector, and a copy
//! of both at the end of the disk (UEFI specification 2.10, section 5.3).

use super::{Partition, PartitionTable, Purpose, truncated_fault};
use crate::disk::bytes::{le32, le64, read_array};
use crate::disk::sector::{SECTOR, SECTOR_LEN, SECTOR_LENS};
use crate::disk::{Fault, ReadAt};

pub(super) const SIGNATURE: &[u8] = b"EFI PART";

/// The shortest and the longest header, in bytes.
const HEADER_MIN: usize = 92;
const HEADER_MAX: usize = SECTOR;

/// Bounds on the number of partitions and on the length of their entries in bytes; partitioning
/// tools stay well within them.
const ENTRIES_MAX: u32 = 1024;
const ENTRY_MIN: u32 = 128;
const ENTRY_MAX: u32 = 4096;

/// Partition types, in the byte order of the disk.
const EFI: [u8; 16] = [
    0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b,
];
const PREP: [u8; 16] = [
    0x38, 0x2d, 0x1a, 0x9e, 0x12, 0xc6, 0x16, 0x43, 0xaa, 0x26, 0x8b, 0x49, 0x52, 0x1e, 0x5a, 0x8b,
];
/// The partition in which GRUB's second stage for a BIOS is (GRUB manual, "BIOS installation").
const BIOS_BOOT: [u8; 16] = *b"Hah!IdontNeedEFI";

/// Offsets of the fields of a header in bytes.
pub(super) mod field {
    pub(in super::super) const LEN: usize = 12;
    pub(in super::super) const CRC: usize = 16;
    pub(in super::super) const OWN_AT: usize = 24;
    pub(in super::super) const OTHER_AT: usize = 32;
    pub(in super::super) const LAST_USABLE: usize = 48;
    pub(in super::super) const ENTRIES_AT: usize = 72;
    pub(in super::super) const ENTRIES: usize = 80;
    pub(in super::super) const ENTRY_LEN: usize = 84;
    pub(in super::super) const ENTRIES_CRC: usize = 88;
}

/// Bit of a partition's attributes: code for a BIOS starts it (UEFI 2.10, table 5.8).
const LEGACY_BOOTABLE: u64 = 1 << 2;

/// The fields of a header.
#[derive(Debug)]
pub(super) struct Header {
    /// Length of a sector in bytes.
    sector_len: u64,
    /// Offset of the other header, in sectors.
    other_at: u64,
    /// Offset of the list of partitions, in sectors.
    pub(super) entries_at: u64,
    entries: u32,
    /// Length of an entry of the list in bytes.
    entry_len: u32,
    /// CRC-32 of the list.
    pub(super) entries_crc: u32,
}

impl Header {
    /// Returns the length of the list of partitions in bytes, at most 4 MiB.
    pub(super) fn list_len(&self) -> usize {
        self.entries as usize * self.entry_len as usize
    }
}

/// Reads the table at the beginning of the disk, or the copy at its end if the first is damaged.
pub(super) fn read_gpt(disk: &dyn ReadAt) -> Result<PartitionTable, Fault> {
    for sector_len in SECTOR_LENS {
        let Some(header) = read_header(disk, sector_len, sector_len)? else { continue };
        let end = header.other_at.saturating_add(1).saturating_mul(sector_len);
        if end > disk.len() {
            return Err(truncated_fault(disk, "its partition table", end));
        }
        if let Some(table) = read_partitions(disk, &header)? {
            return Ok(table);
        }
    }
    for sector_len in SECTOR_LENS {
        let Some(at) = disk.len().checked_sub(sector_len) else { continue };
        let header = read_header(disk, sector_len, at - at % sector_len)?;
        let table = header.map(|header| read_partitions(disk, &header)).transpose()?.flatten();
        if let Some(table) = table {
            return Ok(table);
        }
    }
    Err(Fault::malformed("it should have a GPT, and neither of the two is whole"))
}

/// Reads the header at an offset in bytes. Returns `None` if there is no valid header.
pub(super) fn read_header(
    disk: &dyn ReadAt,
    sector_len: u64,
    at: u64,
) -> Result<Option<Header>, Fault> {
    if at.saturating_add(SECTOR_LEN) > disk.len() {
        return Ok(None);
    }
    let mut fields: [u8; SECTOR] = read_array(disk, at)?;
    let len = usize::try_from(le32(&fields, field::LEN)).unwrap_or(usize::MAX);
    if !fields.starts_with(SIGNATURE) || !(HEADER_MIN..=HEADER_MAX).contains(&len) {
        return Ok(None);
    }
    let declared_crc = le32(&fields, field::CRC);
    fields[field::CRC..field::CRC + 4].fill(0);
    let header = Header {
        sector_len,
        other_at: le64(&fields, field::OTHER_AT),
        entries_at: le64(&fields, field::ENTRIES_AT),
        entries: le32(&fields, field::ENTRIES),
        entry_len: le32(&fields, field::ENTRY_LEN),
        entries_crc: le32(&fields, field::ENTRIES_CRC),
    };
    let is_valid = crc32(&fields[..len]) == declared_crc
        && header.entries <= ENTRIES_MAX
        && (ENTRY_MIN..=ENTRY_MAX).contains(&header.entry_len);
    Ok(is_valid.then_some(header))
}

/// Reads the list of partitions. Returns `None` if its checksum is wrong.
fn read_partitions(disk: &dyn ReadAt, header: &Header) -> Result<Option<PartitionTable>, Fault> {
    let mut crc = flate2::Crc::new();
    let mut space = [0; ENTRY_MAX as usize];
    let entry = &mut space[..header.entry_len as usize];
    let mut at = header.entries_at.saturating_mul(header.sector_len);
    let (mut partitions, mut end, mut has_bios_partition) = (Vec::new(), 0, false);
    for number in 1..=header.entries {
        if at.saturating_add(entry.len() as u64) > disk.len() {
            return Ok(None);
        }
        disk.read_exact_at(entry, at)?;
        crc.update(entry);
        at += entry.len() as u64;
        if entry[..16] == [0; 16] {
            continue;
        }
        has_bios_partition |= entry[..16] == BIOS_BOOT || le64(entry, 48) & LEGACY_BOOTABLE != 0;
        let purpose = match entry.get(..16) {
            Some(kind) if kind == EFI => Purpose::Efi,
            Some(kind) if kind == PREP => Purpose::Prep,
            _ => Purpose::Other,
        };
        let start = le64(entry, 32).saturating_mul(header.sector_len);
        let own_end = le64(entry, 40).saturating_add(1).saturating_mul(header.sector_len);
        let len = own_end.saturating_sub(start);
        partitions.push(Partition { number, purpose, start, len });
        end = end.max(own_end);
    }
    if crc.sum() != header.entries_crc {
        return Ok(None);
    }
    if end > disk.len() {
        return Err(truncated_fault(disk, "its last partition", end));
    }
    let sector_len = header.sector_len;
    Ok(Some(PartitionTable { kind: "gpt", sector_len, partitions, has_bios_partition }))
}

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
