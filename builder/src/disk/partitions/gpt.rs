//! The *GUID partition table*: a header and a list of partitions behind the first sector, and both
//! again at the end of the disk (UEFI specification 2.10, section 5.3).

use super::{Partition, Purpose, Table, some, truncated};
use crate::disk::bytes::{le32, le64};
use crate::disk::sector::{SECTOR, SECTOR_LEN, SECTOR_LENS};
use crate::disk::{Fault, ReadAt};

const SIGNATURE: &[u8] = b"EFI PART";

/// How long a header is at least and at most, in bytes.
const HEADER_MIN: usize = 92;
const HEADER_MAX: usize = SECTOR;

/// As many partitions as any tool makes, and a bound on the length of what describes one, in bytes.
const ENTRIES_MAX: u32 = 1024;
const ENTRY_MIN: u32 = 128;
const ENTRY_MAX: u32 = 4096;

/// Types of partitions, as they lie on the disk.
const EFI: [u8; 16] = [
    0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b,
];
const PREP: [u8; 16] = [
    0x38, 0x2d, 0x1a, 0x9e, 0x12, 0xc6, 0x16, 0x43, 0xaa, 0x26, 0x8b, 0x49, 0x52, 0x1e, 0x5a, 0x8b,
];

/// What a header says.
#[derive(Debug)]
struct Header {
    sector: u64,
    /// Where the other header is, in sectors.
    other: u64,
    /// Where the partitions are described, in sectors.
    entries_at: u64,
    entries: u32,
    entry_len: u32,
    entries_crc: u32,
}

/// Reads the table; where the first is damaged, the one at the end.
pub(super) fn read(disk: &dyn ReadAt) -> Result<Table, Fault> {
    for sector in SECTOR_LENS {
        let Some(header) = header(disk, sector, sector)? else { continue };
        let end = header.other.saturating_add(1).saturating_mul(sector);
        if end > disk.len() {
            return Err(truncated(disk, "its partition table", end));
        }
        if let Some(table) = partitions(disk, &header)? {
            return Ok(table);
        }
    }
    for sector in SECTOR_LENS {
        let Some(at) = disk.len().checked_sub(sector) else { continue };
        let found = header(disk, sector, at - at % sector)?;
        if let Some(table) = found.map(|found| partitions(disk, &found)).transpose()?.flatten() {
            return Ok(table);
        }
    }
    Err(Fault::malformed("it should have a GPT, and neither of the two is whole"))
}

/// Returns the header at a place, if a good one is there.
fn header(disk: &dyn ReadAt, sector: u64, at: u64) -> Result<Option<Header>, Fault> {
    if at.saturating_add(SECTOR_LEN) > disk.len() {
        return Ok(None);
    }
    let mut fields: [u8; SECTOR] = some(disk, at)?;
    let len = usize::try_from(le32(&fields, 12)).unwrap_or(usize::MAX);
    if !fields.starts_with(SIGNATURE) || !(HEADER_MIN..=HEADER_MAX).contains(&len) {
        return Ok(None);
    }
    let told = le32(&fields, 16);
    fields[16..20].fill(0);
    let header = Header {
        sector,
        other: le64(&fields, 32),
        entries_at: le64(&fields, 72),
        entries: le32(&fields, 80),
        entry_len: le32(&fields, 84),
        entries_crc: le32(&fields, 88),
    };
    let is_good = crc(&fields[..len]) == told
        && header.entries <= ENTRIES_MAX
        && (ENTRY_MIN..=ENTRY_MAX).contains(&header.entry_len);
    Ok(is_good.then_some(header))
}

/// Returns the partitions that a header speaks of, if their checksum is right.
fn partitions(disk: &dyn ReadAt, header: &Header) -> Result<Option<Table>, Fault> {
    let mut sum = flate2::Crc::new();
    let mut space = [0; ENTRY_MAX as usize];
    let entry = &mut space[..header.entry_len as usize];
    let mut at = header.entries_at.saturating_mul(header.sector);
    let (mut partitions, mut end) = (Vec::new(), 0);
    for _ in 0..header.entries {
        if at.saturating_add(entry.len() as u64) > disk.len() {
            return Ok(None);
        }
        disk.read_exact_at(entry, at)?;
        sum.update(entry);
        at += entry.len() as u64;
        if entry[..16] == [0; 16] {
            continue;
        }
        end = end.max(le64(entry, 40).saturating_add(1).saturating_mul(header.sector));
        let purpose = match entry.get(..16) {
            Some(kind) if kind == EFI => Purpose::Efi,
            Some(kind) if kind == PREP => Purpose::Prep,
            _ => continue,
        };
        let start = le64(entry, 32).saturating_mul(header.sector);
        partitions.push(Partition { purpose, start });
    }
    if sum.sum() != header.entries_crc {
        return Ok(None);
    }
    if end > disk.len() {
        return Err(truncated(disk, "its last partition", end));
    }
    Ok(Some(Table { kind: "gpt", partitions }))
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
