//! The *start* of a disk of which no more can be had: it goes by as a stream, or lies in a registry.

use std::io;

use super::read_at::ReadAt;

/// The first bytes of something longer.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The first bytes.
    pub bytes: &'a [u8],
    /// How many bytes there are in all.
    pub len: u64,
}

impl ReadAt for Start<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        self.bytes.read_exact_at(space, at)
    }
}
