//! *Limits* of what is read of a file system: a loop in its tables, or a tree that refers to one block many
//! times, ends with an error.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::ReadAt;

/// How often a file system is read, and how many bytes together: the largest databases of packages have some
/// hundred MB.
const READS_MAX: u64 = 1 << 19;
const BYTES_MAX: u64 = 1 << 30;

/// The part of a disk with a file system.
pub(super) struct LimitedVolume<'a> {
    disk: &'a dyn ReadAt,
    start: u64,
    len: u64,
    reads: AtomicU64,
    bytes: AtomicU64,
}

impl<'a> LimitedVolume<'a> {
    /// Returns a part of a disk, as far as the disk has it.
    pub(super) fn new(disk: &'a dyn ReadAt, start: u64, len: u64) -> Self {
        let len = len.min(disk.len().saturating_sub(start));
        Self { disk, start, len, reads: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }
}

impl ReadAt for LimitedVolume<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let len = space.len() as u64;
        if at.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        let bytes = self.bytes.fetch_add(len, Ordering::Relaxed);
        if reads >= READS_MAX || bytes >= BYTES_MAX {
            let message = "the file system would have to be read too often";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.disk.read_exact_at(space, self.start + at)
    }
}
