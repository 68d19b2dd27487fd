//! The *start* of a disk of which no more is available: it is a stream, or it is in a registry.

use std::io;

use super::read_at::ReadAt;

/// The first bytes of a disk.
#[derive(Debug, Clone, Copy)]
pub struct DiskStart<'a> {
    /// The first bytes.
    pub bytes: &'a [u8],
    /// Length of the whole disk in bytes.
    pub len: u64,
}

impl ReadAt for DiskStart<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        self.bytes.read_exact_at(space, at)
    }
}
