//! The *master boot record*, a disk's first sector: four partitions, and code for the BIOS.

use std::io;

use super::{Partition, PartitionTable, Purpose, truncated_fault};
use crate::disk::bytes::{le16, le32, read_array};
use crate::disk::patched::Patch;
use crate::disk::sector::{SECTOR, SECTOR_LEN};
use crate::disk::{Fault, ReadAt};

/// The last two bytes of the sector.
const SIGNATURE: u16 = 0xaa55;

/// The mark of the partition that the code in the sector starts.
const ACTIVE: u8 = 0x80;

/// Length of the code in bytes.
const CODE_LEN: usize = 440;

/// Offset of the table, and length of an entry, in bytes.
const TABLE_AT: usize = 446;
const ENTRY_LEN: usize = 16;

/// Offsets of fields of an entry in bytes: the last cylinder, head and sector, and the length.
const LAST_CHS: usize = 5;
const LEN: usize = 12;

/// Heads and sectors of a track that programs assume for disks without either.
const HEADS: u64 = 255;
const TRACK: u64 = 63;

/// Partition types.
const PROTECTIVE: u8 = 0xee;
const EFI: u8 = 0xef;
const PREP: u8 = 0x41;
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];

/// Number of the first partition in an extended one.
const FIRST_LOGICAL: u32 = 5;

/// How many partitions in an extended one are listed; Linux knows fewer.
const LOGICAL_MAX: usize = 128;

/// The used entries of the table.
#[derive(Debug)]
pub(super) struct Mbr(Vec<MbrEntry>);

/// An entry of the table. Offset and length are in sectors.
#[derive(Debug)]
struct MbrEntry {
    /// Position in the table.
    number: usize,
    is_active: bool,
    kind: u8,
    start: u32,
    len: u32,
}

/// Reads the table. Returns `None` if there is none: the boot sector of a file system ends in the
/// same signature.
pub(super) fn read_mbr(disk: &dyn ReadAt) -> Result<Option<Mbr>, Fault> {
    if disk.len() < SECTOR_LEN {
        return Ok(None);
    }
    let sector: [u8; SECTOR] = read_array(disk, 0)?;
    let entries = sector[TABLE_AT..510].as_chunks::<ENTRY_LEN>().0;
    let is_valid = entries.iter().all(|entry| matches!(entry[0], 0 | ACTIVE));
    if le16(&sector, 510) != SIGNATURE || !is_valid {
        return Ok(None);
    }
    let entries = used_entries(&sector);
    Ok((!entries.is_empty()).then_some(Mbr(entries)))
}

/// Returns whether the sector has GRUB's code for the BIOS. Code of other tools is no evidence that the
/// disk boots through a BIOS.
pub(super) fn has_bios_loader(disk: &dyn ReadAt) -> io::Result<bool> {
    const NAME: &[u8] = b"GRUB ";
    let code: [u8; CODE_LEN] = read_array(disk, 0)?;
    Ok(code.windows(NAME.len()).any(|part| part == NAME))
}

/// Returns whether the sector has code.
pub(super) fn has_code(disk: &dyn ReadAt) -> io::Result<bool> {
    let code: [u8; CODE_LEN] = read_array(disk, 0)?;
    Ok(code != [0; CODE_LEN])
}

/// Returns the entry at an offset of the sector with the size of a disk of this many sectors
/// (UEFI specification 2.10, table 5.4).
pub(super) fn resize_protective(sector: &[u8; SECTOR], at: usize, sectors: u64) -> Patch {
    let mut entry = sector[at..at + ENTRY_LEN].to_vec();
    entry[LAST_CHS..LAST_CHS + 3].copy_from_slice(&last_chs(sectors - 1));
    let len = u32::try_from(sectors - 1).unwrap_or(u32::MAX);
    entry[LEN..LEN + 4].copy_from_slice(&len.to_le_bytes());
    Patch { at: at as u64, bytes: entry }
}

/// Returns head, sector and cylinder of a sector, or the largest numbers if it has none.
fn last_chs(sector: u64) -> [u8; 3] {
    let (track, cylinder) = (sector / TRACK, sector / (TRACK * HEADS));
    let number = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
    if cylinder > 1023 {
        return [0xff; 3];
    }
    let high = number(cylinder >> 8) << 6;
    [number(track % HEADS), number(sector % TRACK + 1) | high, number(cylinder & 0xff)]
}

impl Mbr {
    /// Returns whether the table only protects a GPT from programs that do not know GPT.
    pub(super) fn is_protective(&self) -> bool {
        self.0.iter().any(|entry| entry.kind == PROTECTIVE)
    }

    /// Returns the offset in bytes of the entry that protects the whole disk; `None` if other
    /// partitions are listed too, and the entry protects what is between them.
    pub(super) fn sole_entry_at(&self) -> Option<usize> {
        match self.0.as_slice() {
            [entry] if entry.kind == PROTECTIVE && entry.start == 1 => {
                Some(TABLE_AT + entry.number * ENTRY_LEN)
            }
            _ => None,
        }
    }

    /// Fails if a partition ends behind the end of the disk.
    pub(super) fn check_end(&self, disk: &dyn ReadAt) -> Result<(), Fault> {
        let end = self.0.iter().map(|entry| u64::from(entry.start) + u64::from(entry.len)).max();
        match end.unwrap_or(0) * SECTOR_LEN {
            end if end > disk.len() => Err(truncated_fault(disk, "its last partition", end)),
            _ => Ok(()),
        }
    }

    /// Returns the table.
    pub(super) fn into_table(self) -> PartitionTable {
        PartitionTable {
            kind: "mbr",
            sector_len: SECTOR_LEN,
            partitions: self.primary_partitions(),
            has_bios_partition: self.0.iter().any(|entry| entry.is_active),
        }
    }

    /// Returns the partitions of the table itself.
    fn primary_partitions(&self) -> Vec<Partition> {
        let primary = self.0.iter().filter(|entry| !EXTENDED.contains(&entry.kind));
        primary
            .map(|entry| entry.partition(0, u32::try_from(entry.number + 1).unwrap_or(0)))
            .collect()
    }

    /// Lists the partitions in the extended partition. Each is described by a sector of its own, which
    /// points to the next one.
    pub(super) fn list_logical(&self, disk: &dyn ReadAt) -> Result<Vec<Partition>, Fault> {
        let extended = self.0.iter().find(|entry| EXTENDED.contains(&entry.kind));
        let Some(base) = extended.map(|entry| u64::from(entry.start)) else {
            return Ok(Vec::new());
        };
        let (mut found, mut next) = (Vec::new(), Some(base));
        for number in (FIRST_LOGICAL..).take(LOGICAL_MAX) {
            let Some(sector) = next.take() else { break };
            let at = sector * SECTOR_LEN;
            if at.saturating_add(SECTOR_LEN) > disk.len() {
                return Err(Fault::outside_file(disk, "a sector of the extended partition", at));
            }
            let bytes: [u8; SECTOR] = read_array(disk, at)?;
            if le16(&bytes, 510) != SIGNATURE {
                break;
            }
            for entry in used_entries(&bytes) {
                if EXTENDED.contains(&entry.kind) {
                    next = Some(base + u64::from(entry.start));
                } else {
                    found.push(entry.partition(sector, number));
                }
            }
        }
        Ok(found)
    }
}

impl MbrEntry {
    /// Returns the partition; offsets of the entry count from a sector.
    fn partition(&self, base: u64, number: u32) -> Partition {
        let purpose = match self.kind {
            EFI => Purpose::Efi,
            PREP => Purpose::Prep,
            _ => Purpose::Other,
        };
        let start = (base + u64::from(self.start)) * SECTOR_LEN;
        Partition { number, purpose, start, len: u64::from(self.len) * SECTOR_LEN }
    }
}

/// Returns the entries of a table that are used.
fn used_entries(sector: &[u8; SECTOR]) -> Vec<MbrEntry> {
    let entries = sector[TABLE_AT..510].as_chunks::<ENTRY_LEN>().0;
    let entries = entries.iter().enumerate().map(|(number, entry)| MbrEntry {
        number,
        is_active: entry[0] == ACTIVE,
        kind: entry[4],
        start: le32(entry, 8),
        len: le32(entry, LEN),
    });
    entries.filter(|entry| entry.kind != 0 && entry.len != 0).collect()
}
