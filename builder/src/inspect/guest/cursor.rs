//! Bytes with random access as a *stream* that can be sought in.

use std::io::{self, Read, Seek, SeekFrom};

use crate::disk::ReadAt;

/// A position in bytes.
pub(super) struct Cursor<'a> {
    bytes: &'a dyn ReadAt,
    at: u64,
}

impl<'a> Cursor<'a> {
    /// Returns a stream that begins at the first byte.
    pub(super) fn new(bytes: &'a dyn ReadAt) -> Self {
        Self { bytes, at: 0 }
    }
}

impl Read for Cursor<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let left = self.bytes.len().saturating_sub(self.at);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(space.len());
        self.bytes.read_exact_at(&mut space[..count], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Cursor<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let at = match position {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.bytes.len().checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
