//! Raw disks: the file is the disk.

use std::io;
use std::sync::Arc;

use crate::disk::{Extent, ReadAt};

/// A file from its beginning on.
pub(in crate::disk) struct Raw<'a> {
    file: Arc<dyn ReadAt + 'a>,
    /// Of the disk, in bytes.
    len: u64,
}

impl<'a> Raw<'a> {
    /// The beginning of a file; what lies behind the file is zero.
    pub(in crate::disk) fn new(file: Arc<dyn ReadAt + 'a>, len: u64) -> Self {
        Self { file, len }
    }
}

impl ReadAt for Raw<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let end = at.checked_add(space.len() as u64).filter(|end| *end <= self.len);
        end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let there = self.file.len().saturating_sub(at);
        let there = usize::try_from(there).unwrap_or(usize::MAX).min(space.len());
        let (there, padding) = space.split_at_mut(there);
        padding.fill(0);
        if there.is_empty() {
            return Ok(());
        }
        self.file.read_exact_at(there, at)
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        if at >= self.file.len() {
            return Ok(Extent::zero(self.len.saturating_sub(at)));
        }
        let extent = self.file.extent(at)?;
        Ok(Extent { len: extent.len.min(self.len.saturating_sub(at)), ..extent })
    }
}
