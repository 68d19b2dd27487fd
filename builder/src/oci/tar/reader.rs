//! Iterates over the entries of a tar.

mod entry;

use std::io::{Read, Seek};
use std::iter::FusedIterator;
use std::mem::take;

use self::entry::EntryDescription;
use super::bytes::TarBytes;
use super::header::{BLOCK, UstarHeader, until_nul};
use super::pax::PaxHeader;
use super::sparse::{ContentRun, EntryContent};
use super::{TarEntry, TarLimits, TarReadError};
use crate::compression::CompressionFormat;

/// Iterates over the entries of a decompressed tar, up to its end or the first error.
#[derive(Debug)]
pub struct TarReader<R> {
    bytes: TarBytes<R>,
    limits: TarLimits,
    /// What is left of the last entry's content, and the number of bytes of padding after it.
    content: EntryContent,
    padding: u64,
    count: u64,
    names: u64,
    /// Number of bytes in the holes of sparse files.
    holes: u64,
    sparse: SparsePolicy,
    raw: TarHeader,
    state: ReaderState,
}

/// Whether sparse files are read. What reads contents at the offsets of entries cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SparsePolicy {
    Refuse,
    Read,
}

/// The headers of an entry, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TarHeader {
    /// The ustar block, which every entry has.
    pub(crate) block: [u8; BLOCK],
    /// The records of the pax header in front of it.
    pub(crate) pax: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum ReaderState {
    Reading,
    Done,
}

impl<R: Read> TarReader<R> {
    /// Reads a decompressed tar; `compression` is how it was compressed, for messages.
    pub(crate) fn new(tar: R, compression: Option<CompressionFormat>, limits: TarLimits) -> Self {
        Self {
            bytes: TarBytes::new(tar, compression, limits.decompressed),
            limits,
            content: EntryContent::default(),
            padding: 0,
            count: 0,
            names: 0,
            holes: 0,
            sparse: SparsePolicy::Refuse,
            raw: TarHeader { block: [0; BLOCK], pax: Vec::new() },
            state: ReaderState::Reading,
        }
    }

    /// Reads sparse files as Go's `archive/tar` does, with zeros in their holes: for readers that need
    /// no offsets of contents.
    #[must_use]
    pub(crate) fn with_sparse_files(self) -> Self {
        Self { sparse: SparsePolicy::Read, ..self }
    }

    /// Returns the content of the last entry. It is kept in memory: the caller checks its size
    /// first.
    pub(crate) fn read_whole_content(&mut self) -> Result<Vec<u8>, TarReadError> {
        self.read_bytes(self.content.left())
    }

    /// Returns the next bytes of the last entry's content, up to `max`; fails if the tar ends
    /// before.
    pub(crate) fn read_content_start(&mut self, max: usize) -> Result<Vec<u8>, TarReadError> {
        self.read_bytes(self.content.left().min(max as u64))
    }

    /// Returns the next bytes of the last entry's content, which has as many.
    fn read_bytes(&mut self, len: u64) -> Result<Vec<u8>, TarReadError> {
        let mut bytes = Vec::new();
        let mut left = len;
        while left > 0 {
            let run_len = match self.content.take_run(left) {
                ContentRun::Hole(len) => {
                    let len_here = usize::try_from(len).unwrap_or(usize::MAX);
                    bytes.resize(bytes.len().saturating_add(len_here), 0);
                    len
                }
                ContentRun::Stored(len) => {
                    bytes.append(&mut self.bytes.read_bytes(len)?);
                    len
                }
            };
            left -= run_len;
        }
        Ok(bytes)
    }

    /// Fills `space` with the next bytes of the last entry's content; returns 0 at its end.
    pub(crate) fn read_content(&mut self, space: &mut [u8]) -> Result<usize, TarReadError> {
        let len = usize::try_from(self.content.left()).unwrap_or(usize::MAX).min(space.len());
        let mut left = space.get_mut(..len).unwrap_or_default();
        while !left.is_empty() {
            let run = self.content.take_run(left.len() as u64);
            let (ContentRun::Hole(run_len) | ContentRun::Stored(run_len)) = run;
            let (now, rest) = left.split_at_mut(usize::try_from(run_len).unwrap_or(usize::MAX));
            match run {
                ContentRun::Hole(_) => now.fill(0),
                ContentRun::Stored(_) => self.bytes.fill(now)?,
            }
            left = rest;
        }
        Ok(len)
    }

    /// Reads to the end of the input, after the end of the tar. Returns the total number of bytes.
    pub(crate) fn drain(&mut self) -> Result<u64, TarReadError> {
        self.bytes.drain()?;
        Ok(self.bytes.at)
    }

    /// Returns the headers of the last entry.
    pub(crate) fn header(&self) -> &TarHeader {
        &self.raw
    }

    /// Returns the underlying reader.
    pub(crate) fn into_inner(self) -> R {
        self.bytes.reader
    }

    /// Seeks over the content of the last entry. The caller checks that the input is long enough.
    pub(crate) fn seek_over(&mut self) -> Result<(), TarReadError>
    where
        R: Seek,
    {
        self.bytes.seek_over(take(&mut self.content).stored())
    }

    /// Returns the content of a header that describes the next entry.
    fn read_description(&mut self, len: u64, max: u64) -> Result<Vec<u8>, TarReadError> {
        if len > max {
            return Err(TarReadError::Limit("too long a header", self.bytes.at));
        }
        let bytes = self.bytes.read_bytes(len)?;
        self.bytes.skip(padding(len))?;
        Ok(bytes)
    }

    /// Reads the next header; none at the end of the tar.
    fn read_header(&mut self) -> Result<Option<UstarHeader>, TarReadError> {
        let at = self.bytes.at;
        let Some(block) = self.bytes.read_block()? else { return Ok(None) };
        self.raw.block = block;
        UstarHeader::parse(&block, at)
    }

    fn read_next(&mut self) -> Result<Option<TarEntry>, TarReadError> {
        self.bytes.skip(take(&mut self.content).stored())?;
        self.bytes.skip_padding(take(&mut self.padding))?;
        let mut described = None::<EntryDescription>;
        self.raw.pax.clear();
        loop {
            let at = self.bytes.at;
            let Some(header) = self.read_header()? else {
                return self.check_end(at, described.is_some());
            };
            self.count += 1;
            if self.count > self.limits.entries {
                return Err(TarReadError::Limit("too many members", at));
            }
            let name_max = self.limits.path as u64 + 1;
            match header.flag {
                b'x' => {
                    let bytes = self.read_description(header.size, self.limits.pax)?;
                    let pax = PaxHeader::parse(&bytes).ok_or(TarReadError::Pax(at))?;
                    described.get_or_insert_default().pax = pax;
                    self.raw.pax = bytes;
                }
                // Global records for all members that follow: Go reads and ignores them.
                b'g' => drop(self.read_description(header.size, self.limits.pax)?),
                b'L' => {
                    let bytes = self.read_description(header.size, name_max)?;
                    described.get_or_insert_default().name = Some(until_nul(&bytes).to_vec());
                }
                b'K' => {
                    let bytes = self.read_description(header.size, name_max)?;
                    described.get_or_insert_default().link = Some(until_nul(&bytes).to_vec());
                }
                _ => return self.make_entry(header, described.unwrap_or_default(), at).map(Some),
            }
        }
    }

    /// Checks the end of the tar: two blocks of zeros. They may be missing at the end of the input,
    /// but not after a header that describes another entry.
    fn check_end(&mut self, at: u64, described: bool) -> Result<Option<TarEntry>, TarReadError> {
        if described {
            return Err(TarReadError::Truncated(at));
        }
        match self.bytes.read_block()? {
            Some(block) if block.iter().any(|byte| *byte != 0) => {
                Err(TarReadError::Header(at + BLOCK as u64))
            }
            _ => Ok(None),
        }
    }
}

/// Returns the number of bytes of padding after a content of `len` bytes.
fn padding(len: u64) -> u64 {
    (BLOCK as u64 - len % BLOCK as u64) % BLOCK as u64
}

impl<R: Read> Iterator for TarReader<R> {
    type Item = Result<TarEntry, TarReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == ReaderState::Done {
            return None;
        }
        let next = self.read_next().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.state = ReaderState::Done;
        }
        next
    }
}

impl<R: Read> FusedIterator for TarReader<R> {}
