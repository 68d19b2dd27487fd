//! *Replaying* the log of a VHDX: changes of its tables that a machine left in the log when it was not
//! shut down. They are applied in memory, while the file is read ([MS-VHDX] 2.3; `vhdx_log_search` and
//! `vhdx_log_flush_desc` in QEMU's `block/vhdx-log.c`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::header::current_header;
use super::log::{LEN_MAX, SECTOR, SIGNATURE, has_changes};
use super::section::has_valid_checksum;
use crate::disk::bytes::{fill_part, le32, le64};
use crate::disk::patched::{Patch, Patched};
use crate::disk::{Fault, FlawKind, ReadAt};

/// Lengths in bytes: the header of an entry, a descriptor, and the bytes of a sector that a descriptor
/// has in place of the signature and the sequence numbers.
const ENTRY_HEADER: usize = 64;
const DESCRIPTOR: usize = 32;
const LEADING: usize = 8;
const TRAILING: usize = 4;

/// How many sectors are changed at most: those of the largest log.
const SECTORS_MAX: usize = 1 << 14;

type Sectors = BTreeMap<u64, Vec<u8>>;

/// An entry of the log.
struct LogEntry {
    /// Offset in the log in bytes.
    at: usize,
    sequence: u64,
    /// Offset of the oldest entry that is not applied.
    tail: usize,
    /// Length that the file has at least.
    file_len: u64,
    bytes: Vec<u8>,
}

/// Returns a file with the changes of its log, and with an empty log; `None` if the log has none.
pub(in crate::disk) fn replay_log<'a>(
    file: &Arc<dyn ReadAt + 'a>,
) -> Result<Option<Patched<'a>>, Fault> {
    let (at, header) = current_header(&**file)?;
    if !has_changes(&**file, &header)? {
        return Ok(None);
    }
    let entries = Log::read(&**file, &header)?.active_entries();
    let entries = entries.ok_or_else(|| {
        Fault::new(FlawKind::Corrupt, "its log has changes, and none of them is complete")
    })?;
    let mut sectors = Sectors::new();
    for entry in &entries {
        entry.apply(&mut sectors)?;
    }
    let len = entries.iter().map(|entry| entry.file_len).chain([file.len()]).max();
    let patches = sectors.into_iter().map(|(at, bytes)| Patch { at, bytes });
    let patches = patches.chain([Patch { at, bytes: without_log(header) }]);
    Ok(Some(Patched::new(Arc::clone(file), len.unwrap_or_default(), patches)))
}

/// Returns a header that refers to no log, with its checksum.
fn without_log(mut header: [u8; 4096]) -> Vec<u8> {
    header[48..64].fill(0);
    header[4..8].fill(0);
    let checksum = crc32c::crc32c(&header);
    header[4..8].copy_from_slice(&checksum.to_le_bytes());
    header.to_vec()
}

/// The log: a ring of entries.
struct Log {
    id: [u8; 16],
    bytes: Vec<u8>,
}

impl Log {
    fn read(file: &dyn ReadAt, header: &[u8; 4096]) -> Result<Self, Fault> {
        let (len, at) = (u64::from(le32(header, 68)), le64(header, 72));
        let mut id = [0; 16];
        id.copy_from_slice(&header[48..64]);
        let mut bytes = vec![0; usize::try_from(len.min(LEN_MAX)).unwrap_or_default()];
        fill_part(file, &mut bytes, at, "the log")?;
        Ok(Self { id, bytes })
    }

    /// Returns the valid entry at an offset.
    fn entry_at(&self, at: usize) -> Option<LogEntry> {
        let start = self.bytes.get(at..at + ENTRY_HEADER)?;
        let len = usize::try_from(le32(start, 8)).ok()?;
        let is_entry = start.starts_with(SIGNATURE)
            && start.get(32..48) == Some(&self.id)
            && len >= SECTOR
            && len.is_multiple_of(SECTOR)
            && len <= self.bytes.len();
        if !is_entry {
            return None;
        }
        let ring = self.bytes[at..].iter().chain(&self.bytes[..at]);
        let bytes: Vec<u8> = ring.take(len).copied().collect();
        let (sequence, tail) = (le64(&bytes, 16), usize::try_from(le32(&bytes, 12)).ok()?);
        has_valid_checksum(&bytes).then(|| LogEntry {
            at,
            sequence,
            tail,
            file_len: le64(&bytes, 56),
            bytes,
        })
    }

    /// Returns the entries of the active sequence: of all sequences that reach from the tail of their
    /// last entry to that entry, the one whose last entry is the newest.
    fn active_entries(&self) -> Option<Vec<LogEntry>> {
        let mut active: Option<Vec<LogEntry>> = None;
        for start in (0..self.bytes.len()).step_by(SECTOR) {
            let Some(first) = self.entry_at(start) else { continue };
            let entries = self.sequence_from(first);
            let newest = |entries: &[LogEntry]| entries.last().map(|entry| entry.sequence);
            let is_whole = entries.last().is_some_and(|last| last.tail == start);
            if is_whole && active.as_deref().and_then(newest) < newest(&entries) {
                active = Some(entries);
            }
        }
        active
    }

    /// Returns an entry and those that follow it without a gap.
    fn sequence_from(&self, first: LogEntry) -> Vec<LogEntry> {
        let (mut entries, mut used) = (vec![first], 0);
        while let Some(last) = entries.last() {
            used += last.bytes.len();
            let at = (last.at + last.bytes.len()) % self.bytes.len().max(1);
            let sequence = last.sequence.wrapping_add(1);
            match self.entry_at(at).filter(|next| next.sequence == sequence) {
                Some(next) if used + next.bytes.len() <= self.bytes.len() => entries.push(next),
                _ => break,
            }
        }
        entries
    }
}

impl LogEntry {
    /// Applies the changes of the entry.
    fn apply(&self, sectors: &mut Sectors) -> Result<(), Fault> {
        let invalid = || Fault::new(FlawKind::Corrupt, "its log has a change that is not allowed");
        let count = usize::try_from(le32(&self.bytes, 24)).unwrap_or(usize::MAX);
        let area = count.checked_mul(DESCRIPTOR).and_then(|len| len.checked_add(ENTRY_HEADER));
        let mut data_at = area.ok_or_else(invalid)?.next_multiple_of(SECTOR);
        for number in 0..count {
            let at = ENTRY_HEADER + number * DESCRIPTOR;
            let descriptor = self.bytes.get(at..at + DESCRIPTOR).ok_or_else(invalid)?;
            let offset = le64(descriptor, 16);
            let is_valid = le64(descriptor, 24) == self.sequence
                && offset.is_multiple_of(SECTOR as u64)
                && sectors.len() < SECTORS_MAX;
            match &descriptor[..4] {
                b"desc" if is_valid => {
                    let data = self.bytes.get(data_at..data_at + SECTOR).ok_or_else(invalid)?;
                    data_at += SECTOR;
                    sectors.insert(offset, self.restore(descriptor, data).ok_or_else(invalid)?);
                }
                b"zero" if is_valid => {
                    let count = le64(descriptor, 8) / SECTOR as u64;
                    if count > (SECTORS_MAX - sectors.len()) as u64 {
                        return Err(invalid());
                    }
                    for number in 0..count {
                        let at = offset.saturating_add(number * SECTOR as u64);
                        sectors.insert(at, vec![0; SECTOR]);
                    }
                }
                _ => return Err(invalid()),
            }
        }
        Ok(())
    }

    /// Returns a sector of data: its first and last bytes are in the descriptor.
    fn restore(&self, descriptor: &[u8], data: &[u8]) -> Option<Vec<u8>> {
        let sequence = u64::from(le32(data, 4)) << 32 | u64::from(le32(data, SECTOR - TRAILING));
        let is_valid = data.starts_with(b"data") && sequence == self.sequence;
        let mut sector = data.to_vec();
        sector[..LEADING].copy_from_slice(descriptor.get(8..8 + LEADING)?);
        sector[SECTOR - TRAILING..].copy_from_slice(descriptor.get(4..4 + TRAILING)?);
        is_valid.then_some(sector)
    }
}
