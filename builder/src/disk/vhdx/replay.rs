//! *Replaying* the log of a VHDX: changes of its tables that a machine left in the log when it was not
//! shut down. They are applied in memory, while the file is read ([MS-VHDX] 2.3; `vhdx_log_search` and
//! `vhdx_log_flush_desc` in QEMU's `block/vhdx-log.c`).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::header::current_header;
use super::log::{SECTOR, has_changes};
use super::ring::{ENTRY_HEADER, LogEntry, LogRing};
use crate::disk::bytes::{le32, le64};
use crate::disk::patched::{Patch, Patched};
use crate::disk::{Fault, FlawKind, ReadAt};

/// Lengths in bytes: a descriptor, and the bytes of a sector that a descriptor has in place of the
/// signature and the sequence numbers.
const DESCRIPTOR: usize = 32;
const LEADING: usize = 8;
const TRAILING: usize = 4;

/// How many sectors are changed at most: those of the largest log.
const SECTORS_MAX: usize = 1 << 14;

/// Length in bytes of the longest file: a disk has at most 64 TiB.
const FILE_LEN_MAX: u64 = 128 << 40;

/// Changed sectors by their offsets in the file.
type Sectors = BTreeMap<u64, Vec<u8>>;

/// Returns a file with the changes of its log, and with an empty log; `None` if the log has none.
pub(in crate::disk) fn replay_log<'a>(
    file: &Arc<dyn ReadAt + 'a>,
) -> Result<Option<Patched<'a>>, Fault> {
    let (at, header) = current_header(&**file)?;
    if !has_changes(&**file, &header)? {
        return Ok(None);
    }
    let ring = LogRing::read(&**file, &header)?;
    let entries = ring.active_entries()?;
    let lens = entries.iter().map(|entry| entry.file_len).chain([file.len()]);
    let len = lens.max().filter(|len| *len <= FILE_LEN_MAX).ok_or_else(invalid_change)?;
    let mut sectors = Sectors::new();
    for entry in &entries {
        apply_entry(entry, &ring.bytes_of(entry), len, &mut sectors)?;
    }
    let patches = sectors.into_iter().map(|(at, bytes)| Patch { at, bytes });
    let patches = patches.chain([Patch { at, bytes: without_log(header) }]);
    Ok(Some(Patched::new(Arc::clone(file), len, patches)))
}

/// Returns a header that refers to no log, with its checksum.
fn without_log(mut header: [u8; 4096]) -> Vec<u8> {
    header[48..64].fill(0);
    header[4..8].fill(0);
    let checksum = crc32c::crc32c(&header);
    header[4..8].copy_from_slice(&checksum.to_le_bytes());
    header.to_vec()
}

/// Applies the changes of an entry with these bytes. `len` is the length of the file in bytes.
fn apply_entry(
    entry: &LogEntry,
    bytes: &[u8],
    len: u64,
    sectors: &mut Sectors,
) -> Result<(), Fault> {
    let count = usize::try_from(le32(bytes, 24)).unwrap_or(usize::MAX);
    let area = count.checked_mul(DESCRIPTOR).and_then(|len| len.checked_add(ENTRY_HEADER));
    let mut data_at = area.ok_or_else(invalid_change)?.next_multiple_of(SECTOR);
    for number in 0..count {
        let at = ENTRY_HEADER + number * DESCRIPTOR;
        let descriptor = bytes.get(at..at + DESCRIPTOR).ok_or_else(invalid_change)?;
        if le64(descriptor, 24) != entry.sequence {
            return Err(invalid_change());
        }
        match &descriptor[..4] {
            b"desc" => {
                let data = bytes.get(data_at..data_at + SECTOR).ok_or_else(invalid_change)?;
                data_at += SECTOR;
                let data = restore_sector(descriptor, data, entry.sequence);
                let data = data.ok_or_else(invalid_change)?;
                insert_sectors(sectors, le64(descriptor, 16)..len, [data])?;
            }
            b"zero" => {
                let count = le64(descriptor, 8) / SECTOR as u64;
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                let zeros = std::iter::repeat_n(vec![0; SECTOR], count);
                insert_sectors(sectors, le64(descriptor, 16)..len, zeros)?;
            }
            _ => return Err(invalid_change()),
        }
    }
    Ok(())
}

/// Adds sectors that follow each other within a range of the file.
fn insert_sectors(
    sectors: &mut Sectors,
    range: Range<u64>,
    contents: impl IntoIterator<Item = Vec<u8>>,
) -> Result<(), Fault> {
    let mut at = range.start;
    for content in contents {
        let is_inside = range.end.checked_sub(at).is_some_and(|left| left >= SECTOR as u64);
        if !is_inside || !at.is_multiple_of(SECTOR as u64) || sectors.len() >= SECTORS_MAX {
            return Err(invalid_change());
        }
        sectors.insert(at, content);
        at += SECTOR as u64;
    }
    Ok(())
}

/// Returns a sector of data: its first and last bytes are in the descriptor.
fn restore_sector(descriptor: &[u8], data: &[u8], sequence: u64) -> Option<Vec<u8>> {
    let found = u64::from(le32(data, 4)) << 32 | u64::from(le32(data, SECTOR - TRAILING));
    let is_valid = data.starts_with(b"data") && found == sequence;
    let mut sector = data.to_vec();
    sector[..LEADING].copy_from_slice(descriptor.get(8..8 + LEADING)?);
    sector[SECTOR - TRAILING..].copy_from_slice(descriptor.get(4..4 + TRAILING)?);
    is_valid.then_some(sector)
}

fn invalid_change() -> Fault {
    Fault::new(FlawKind::Corrupt, "its log has a change that is not allowed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::test_image::MIB;
    use crate::disk::vhdx::tests::vhdx_image;

    const LOG: usize = 300 << 10;
    const LOG_LEN: usize = 16 << 10;

    /// Returns what the replay of a log says, or the bytes of the block at 3 MiB after it. The log has one
    /// change: its kind, the offset and the length that it has, and the length of the file.
    fn replay(kind: &[u8], at: u64, len: u64, file_len: u64) -> Result<Vec<u8>, String> {
        let mut entry = vec![0; 2 * SECTOR];
        let mut put = |at: usize, bytes: &[u8]| entry[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"loge");
        put(8, &[0, 32]);
        put(16, &[1]);
        put(24, &[1]);
        put(32, &[9; 16]);
        put(56, &file_len.to_le_bytes());
        put(ENTRY_HEADER, kind);
        put(ENTRY_HEADER + 8, &len.to_le_bytes());
        put(ENTRY_HEADER + 16, &at.to_le_bytes());
        put(ENTRY_HEADER + 24, &[1]);
        put(SECTOR, b"data");
        put(2 * SECTOR - TRAILING, &[1]);
        let checksum = crc32c::crc32c(&entry);
        entry[4..8].copy_from_slice(&checksum.to_le_bytes());
        let numbers = [u32::try_from(LOG_LEN).unwrap(), u32::try_from(LOG).unwrap(), 0];
        let image = vhdx_image()
            .put((64 << 10) + 48, [9; 16])
            .put((64 << 10) + 68, numbers.map(u32::to_le_bytes).as_flattened())
            .put(LOG, &entry)
            .with_checksums();
        let file: Arc<dyn ReadAt> = Arc::new(image.bytes);
        let replayed = replay_log(&file).map_err(|fault| format!("{fault:?}"))?.unwrap();
        assert!(!has_changes(&replayed, &current_header(&replayed).unwrap().1).unwrap());
        let mut block = vec![0xee; 8];
        replayed.read_exact_at(&mut block, 3 * MIB as u64).unwrap();
        Ok(block)
    }

    #[test]
    fn changes_lie_within_the_file() {
        let (block, size) = (3 * MIB as u64, 4 * MIB as u64);
        let check = |kind: &[u8], at: u64, len: u64, file_len: u64, expected: Option<&[u8]>| {
            let found = replay(kind, at, len, file_len);
            assert_eq!(found.as_deref().ok(), expected, "{at} {len} {file_len} {found:?}");
        };
        let sector = SECTOR as u64;
        check(b"zero", block, sector, size, Some(&[0; 8]));
        check(b"zero", block + sector, sector, size, Some(b"data\0\0\0\0"));
        check(b"desc", block, 0x4142_4344_4546_4748, size, Some(b"HGFEDCBA"));
        // The file gets longer.
        check(b"zero", size, sector, size + sector, Some(b"data\0\0\0\0"));
        check(b"zero", size, sector, size, None);
        check(b"zero", block, u64::MAX, size, None);
        check(b"zero", block + 1, sector, size, None);
        check(b"zero", u64::MAX - 4095, sector, size, None);
        check(b"desc", u64::MAX - 4095, 0, u64::MAX, None);
        check(b"desc", block, 0, FILE_LEN_MAX + 1, None);
        check(b"none", block, 0, size, None);
    }
}
