//! A disk that is stored in a file without a header.

use std::io;
use std::sync::Arc;

use crate::disk::bytes::fill_padded;
use crate::disk::{Extent, ReadAt};

/// The first bytes of a file as a disk; bytes behind the end of the file are zero.
pub(in crate::disk) struct FlatDisk<'a> {
    file: Arc<dyn ReadAt + 'a>,
    /// Length of the disk in bytes.
    len: u64,
}

impl<'a> FlatDisk<'a> {
    pub(in crate::disk) fn new(file: Arc<dyn ReadAt + 'a>, len: u64) -> Self {
        Self { file, len }
    }
}

impl ReadAt for FlatDisk<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let end = at.checked_add(space.len() as u64).filter(|end| *end <= self.len);
        end.ok_or(io::ErrorKind::UnexpectedEof)?;
        fill_padded(&*self.file, space, at)
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        if at >= self.file.len() {
            return Ok(Extent::zero(self.len.saturating_sub(at)));
        }
        let extent = self.file.extent(at)?;
        Ok(Extent { len: extent.len.min(self.len.saturating_sub(at)), ..extent })
    }
}
