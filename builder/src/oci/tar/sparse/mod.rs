//! *Sparse* files in the pax format, whose holes are not stored: GNU tar's versions 0.1 and 1.0 (GNU
//! tar's manual, "PAX Format"), as Go's `archive/tar` reads them (`readGNUSparsePAXHeaders`).

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Read;
use std::iter;
use std::ops::Range;

use super::bytes::TarBytes;
use super::header::BLOCK;
use super::{TarLimits, TarReadError};

/// The records of a pax header about a sparse file, by the last part of their keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SparseRecords(BTreeMap<Vec<u8>, Vec<u8>>);

/// Where the map of the parts that are stored is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SparseVersion {
    /// In the pax header.
    V0_1,
    /// In front of the content.
    V1_0,
}

impl SparseRecords {
    /// Adds a record; one without a value removes the earlier one.
    pub(super) fn insert(&mut self, key: &[u8], value: &[u8]) {
        if value.is_empty() {
            self.0.remove(key);
        } else {
            self.0.insert(key.to_vec(), value.to_vec());
        }
    }

    fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.get(key.as_bytes()).map(Vec::as_slice)
    }

    /// Returns the version, if it is one that is read: earlier headers do not declare theirs.
    pub(super) fn version(&self) -> Option<SparseVersion> {
        match (self.get("major"), self.get("minor")) {
            (Some(b"1"), Some(b"0")) => Some(SparseVersion::V1_0),
            (Some(b"0"), Some(b"1")) | (None, None) => self.get("map").map(|_| SparseVersion::V0_1),
            _ => None,
        }
    }

    /// Returns the name of the file: that of the entry may have a directory of GNU tar's in it.
    pub(super) fn name(&self) -> Option<&[u8]> {
        self.get("name")
    }

    /// Returns the size of the file with its holes, if it is declared.
    fn size(&self) -> Option<Result<u64, ()>> {
        let text = self.get("size").or_else(|| self.get("realsize"))?;
        Some(parse_number(text).ok_or(()))
    }

    /// Returns the numbers of the map in the header; none if it is malformed.
    fn map(&self) -> Option<Vec<u64>> {
        let count = parse_number(self.get("numblocks")?)?;
        let numbers = self.get("map")?.split(|byte| *byte == b',').map(parse_number);
        let numbers = numbers.collect::<Option<Vec<u64>>>()?;
        (numbers.len() as u64 == count.checked_mul(2)?).then_some(numbers)
    }
}

/// The content of an entry, as far as it was not read yet: parts that are stored, and holes of zeros
/// between them.
#[derive(Debug, Default)]
pub(super) struct EntryContent {
    at: u64,
    len: u64,
    /// The parts that are stored, the last one first.
    parts: Vec<Range<u64>>,
    /// Number of bytes of them that are left in the tar.
    stored: u64,
}

/// The next bytes of a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentRun {
    /// So many zeros, which are not stored.
    Hole(u64),
    /// So many bytes of the tar.
    Stored(u64),
}

impl EntryContent {
    /// Returns the content of a file that is stored whole.
    pub(super) fn whole(len: u64) -> Self {
        let parts = iter::once(0..len).filter(|part| !part.is_empty()).collect();
        Self { at: 0, len, parts, stored: len }
    }

    /// Returns the content of a sparse file, of which `stored` bytes follow the headers, and reads its
    /// map.
    pub(super) fn sparse(
        records: &SparseRecords,
        version: SparseVersion,
        mut stored: u64,
        bytes: &mut TarBytes<impl Read>,
        limits: &TarLimits,
    ) -> Result<Option<Self>, TarReadError> {
        let Ok(len) = records.size().unwrap_or(Ok(stored)) else { return Ok(None) };
        let map = match version {
            SparseVersion::V0_1 => records.map(),
            SparseVersion::V1_0 => read_map(bytes, &mut stored, limits)?,
        };
        let parts = map.and_then(|map| check_parts(&map, len));
        let content = parts.map(|parts| Self { at: 0, len, parts, stored });
        let sum =
            |content: &Self| content.parts.iter().map(|part| part.end - part.start).sum::<u64>();
        Ok(content.filter(|content| content.stored == sum(content)))
    }

    /// Returns the number of bytes that are left, with the holes.
    pub(super) fn left(&self) -> u64 {
        self.len - self.at
    }

    /// Returns the number of bytes that are left in the tar.
    pub(super) fn stored(&self) -> u64 {
        self.stored
    }

    /// Passes over the next bytes, up to `max`, which are all stored or all a hole.
    pub(super) fn take_run(&mut self, max: u64) -> ContentRun {
        let max = max.min(self.left());
        while self.parts.last().is_some_and(|part| part.end <= self.at) {
            self.parts.pop();
        }
        let run = match self.parts.last() {
            Some(part) if part.start <= self.at => ContentRun::Stored(max.min(part.end - self.at)),
            Some(part) => ContentRun::Hole(max.min(part.start - self.at)),
            None => ContentRun::Hole(max),
        };
        let (ContentRun::Stored(len) | ContentRun::Hole(len)) = run;
        self.at += len;
        if run == ContentRun::Stored(len) {
            self.stored -= len;
        }
        run
    }
}

/// Reads a map in front of the content: lines with the number of parts, then the offset and the length
/// of each, padded to whole blocks. Returns none if it is malformed.
fn read_map(
    bytes: &mut TarBytes<impl Read>,
    stored: &mut u64,
    limits: &TarLimits,
) -> Result<Option<Vec<u64>>, TarReadError> {
    let (mut text, mut lines) = (Vec::new(), 0_u64);
    let mut wanted = 1;
    loop {
        if lines >= wanted {
            let count = text.split(|byte| *byte == b'\n').next().and_then(parse_number);
            let Some(all) = count.and_then(|count| count.checked_mul(2)?.checked_add(1)) else {
                return Ok(None);
            };
            if lines >= all {
                let numbers = text.split(|byte| *byte == b'\n').map(parse_number);
                let all = usize::try_from(all).unwrap_or(usize::MAX);
                return Ok(numbers.take(all).skip(1).collect());
            }
            wanted = all;
        }
        let Some(rest) = stored.checked_sub(BLOCK as u64) else { return Ok(None) };
        if text.len() as u64 + BLOCK as u64 > limits.pax {
            return Err(TarReadError::Limit("too long a map of a sparse file", bytes.at));
        }
        let mut block = [0; BLOCK];
        bytes.fill(&mut block)?;
        lines += block.split(|byte| *byte == b'\n').count() as u64 - 1;
        text.extend_from_slice(&block);
        *stored = rest;
    }
}

/// Returns the parts of a map, the last one first; none if they overlap or exceed the file.
fn check_parts(map: &[u64], len: u64) -> Option<Vec<Range<u64>>> {
    let mut parts = Vec::with_capacity(map.len() / 2);
    let mut before = 0;
    for [start, part_len] in map.as_chunks::<2>().0 {
        let end = start.checked_add(*part_len).filter(|end| *end <= len)?;
        if *start < before {
            return None;
        }
        parts.push(*start..end);
        before = end;
    }
    parts.reverse();
    Some(parts)
}

fn parse_number(text: &[u8]) -> Option<u64> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}
