//! The *ring* of log entries of a VHDX. Its active sequence is the newest one that is complete: its last
//! entry names the first one, and each entry follows the one before ([MS-VHDX] 2.3.2).

use std::borrow::Cow;

use super::log::{LEN_MAX, SECTOR, SIGNATURE};
use super::section::has_valid_checksum;
use crate::disk::bytes::{fill_part, le32, le64};
use crate::disk::{Fault, FlawKind, ReadAt};

/// Length of the header of an entry in bytes.
pub(super) const ENTRY_HEADER: usize = 64;

/// How many times the bytes of the ring are hashed at most. Entries do not overlap, but for the rests
/// of older ones.
const HASHED_MAX: usize = 4;

/// An entry of the log.
#[derive(Debug, Clone)]
pub(super) struct LogEntry {
    /// Offset in the ring in bytes.
    at: usize,
    /// Length in bytes.
    len: usize,
    pub(super) sequence: u64,
    /// Offset of the oldest entry that is not applied.
    tail: usize,
    /// Length that the file has at least.
    pub(super) file_len: u64,
}

/// The bytes of the log.
pub(super) struct LogRing {
    id: [u8; 16],
    bytes: Vec<u8>,
}

impl LogRing {
    pub(super) fn read(file: &dyn ReadAt, header: &[u8; 4096]) -> Result<Self, Fault> {
        let (len, at) = (u64::from(le32(header, 68)), le64(header, 72));
        let mut id = [0; 16];
        id.copy_from_slice(&header[48..64]);
        let mut bytes = vec![0; usize::try_from(len.min(LEN_MAX)).unwrap_or_default()];
        fill_part(file, &mut bytes, at, "the log")?;
        Ok(Self { id, bytes })
    }

    /// Returns the bytes of an entry.
    pub(super) fn bytes_of(&self, entry: &LogEntry) -> Cow<'_, [u8]> {
        let (before, from) = self.bytes.split_at(entry.at);
        match entry.len.checked_sub(from.len()) {
            None | Some(0) => Cow::Borrowed(&from[..entry.len]),
            Some(rest) => Cow::Owned([from, &before[..rest]].concat()),
        }
    }

    /// Returns the entries of the active sequence, the oldest one first.
    pub(super) fn active_entries(&self) -> Result<Vec<LogEntry>, Fault> {
        let entries = self.valid_entries()?;
        let last = entries.iter().flatten().filter(|entry| self.next(&entries, entry).is_none());
        let sequences = last.filter_map(|last| self.sequence_to(&entries, last));
        let newest = sequences.max_by_key(|sequence| sequence.last().map(|last| last.sequence));
        newest.ok_or_else(|| {
            Fault::new(FlawKind::Corrupt, "its log has changes, and none of them is complete")
        })
    }

    /// Returns the valid entry at each sector.
    fn valid_entries(&self) -> Result<Vec<Option<LogEntry>>, Fault> {
        let mut left = self.bytes.len() * HASHED_MAX;
        let at_sector = (0..self.bytes.len()).step_by(SECTOR).map(|at| {
            let Some(entry) = self.parse_entry(at) else { return Ok(None) };
            left = left.checked_sub(entry.len).ok_or_else(|| {
                Fault::new(FlawKind::Corrupt, "the entries of its log overlap each other")
            })?;
            Ok(has_valid_checksum(&self.bytes_of(&entry)).then_some(entry))
        });
        at_sector.collect()
    }

    /// Parses the header of the entry at an offset, if there is one.
    fn parse_entry(&self, at: usize) -> Option<LogEntry> {
        let header = self.bytes.get(at..at + ENTRY_HEADER)?;
        let len = usize::try_from(le32(header, 8)).ok()?;
        let is_entry = header.starts_with(SIGNATURE)
            && header.get(32..48) == Some(&self.id)
            && (SECTOR..=self.bytes.len()).contains(&len)
            && len.is_multiple_of(SECTOR);
        let tail = usize::try_from(le32(header, 12)).ok()?;
        let (sequence, file_len) = (le64(header, 16), le64(header, 56));
        is_entry.then_some(LogEntry { at, len, sequence, tail, file_len })
    }

    /// Returns the entry that follows another.
    fn next<'e>(&self, entries: &'e [Option<LogEntry>], entry: &LogEntry) -> Option<&'e LogEntry> {
        let at = (entry.at + entry.len) % self.bytes.len();
        let next = entries.get(at / SECTOR)?.as_ref()?;
        (next.sequence == entry.sequence.wrapping_add(1)).then_some(next)
    }

    /// Returns the entries from the tail of the last one up to it; `None` if they do not follow each other
    /// within the ring.
    fn sequence_to(&self, entries: &[Option<LogEntry>], last: &LogEntry) -> Option<Vec<LogEntry>> {
        let mut entry = entries.get(last.tail / SECTOR)?.as_ref()?;
        let count = last.sequence.checked_sub(entry.sequence)?;
        if !last.tail.is_multiple_of(SECTOR) || count >= entries.len() as u64 {
            return None;
        }
        let mut sequence = vec![entry.clone()];
        while entry.sequence < last.sequence {
            entry = self.next(entries, entry)?;
            sequence.push(entry.clone());
        }
        let len: usize = sequence.iter().map(|entry| entry.len).sum();
        (entry.at == last.at && len <= self.bytes.len()).then_some(sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: [u8; 16] = [7; 16];

    /// Writes an entry of sectors with this sequence number, whose tail is a sector, into a ring; behind its
    /// header it has what is there.
    fn put_entry(ring: &mut [u8], sector: usize, sectors: usize, sequence: u64, tail: u32) {
        let ring_bytes = ring.iter().cycle().skip(sector * SECTOR);
        let mut entry: Vec<u8> = ring_bytes.take(sectors * SECTOR).copied().collect();
        entry[..ENTRY_HEADER].fill(0);
        let len = u32::try_from(entry.len()).unwrap();
        entry[..4].copy_from_slice(SIGNATURE);
        entry[8..12].copy_from_slice(&len.to_le_bytes());
        entry[12..16].copy_from_slice(&(tail * 4096).to_le_bytes());
        entry[16..24].copy_from_slice(&sequence.to_le_bytes());
        entry[32..48].copy_from_slice(&ID);
        let checksum = crc32c::crc32c(&entry);
        entry[4..8].copy_from_slice(&checksum.to_le_bytes());
        for (number, byte) in entry.into_iter().enumerate() {
            ring[(sector * SECTOR + number) % ring.len()] = byte;
        }
    }

    /// Sector, length in sectors, sequence number and sector of the tail.
    type Entry = (usize, usize, u64, u32);

    fn active(sectors: usize, entries: &[Entry]) -> Result<Vec<u64>, String> {
        let mut ring = LogRing { id: ID, bytes: vec![0; sectors * SECTOR] };
        for &(sector, len, sequence, tail) in entries {
            put_entry(&mut ring.bytes, sector, len, sequence, tail);
        }
        let found = ring.active_entries().map_err(|fault| format!("{fault:?}"))?;
        Ok(found.iter().map(|entry| entry.sequence).collect())
    }

    #[test]
    fn the_newest_complete_sequence_is_active() {
        let check = |entries: &[Entry], expected: &[u64]| {
            assert_eq!(active(8, entries).unwrap_or_default(), expected, "{entries:?}");
        };
        check(&[], &[]);
        check(&[(0, 1, 5, 0)], &[5]);
        check(&[(0, 1, 5, 0), (1, 2, 6, 0)], &[5, 6]);
        // Only the entries from the tail on are not applied.
        check(&[(0, 1, 5, 0), (1, 2, 6, 1), (3, 1, 7, 1)], &[6, 7]);
        // The first entry was overwritten, or another one.
        check(&[(1, 1, 6, 0)], &[]);
        check(&[(0, 1, 5, 0), (2, 1, 7, 0)], &[5]);
        check(&[(0, 1, 5, 0), (1, 1, 7, 0)], &[5]);
        check(&[(0, 1, 5, 0), (4, 1, 9, 4)], &[9]);
        check(&[(0, 1, 9, 0), (4, 1, 5, 4)], &[9]);
        // Over the end of the ring.
        check(&[(6, 1, 3, 6), (7, 2, 4, 6), (1, 1, 5, 6)], &[3, 4, 5]);
    }

    #[test]
    fn entries_in_one_another_are_not_hashed_for_ever() {
        let sectors = 64;
        let inside = (0..sectors).rev().map(|at| (at, sectors - at, at as u64, 0));
        let found = active(sectors, &inside.collect::<Vec<_>>());
        assert!(found.unwrap_err().contains("overlap each other"));
        let many: Vec<Entry> = (0..sectors).map(|at| (at, 1, at as u64, 0)).collect();
        assert_eq!(active(sectors, &many).unwrap().len(), sectors);
    }
}
