//! [`ReadAt`]: random access to the bytes of a disk, wherever they are stored.

use std::io;
use std::sync::Arc;

use super::extent::Extent;

/// Bytes that can be read in any order.
pub trait ReadAt: Send + Sync {
    /// Returns the number of bytes.
    fn len(&self) -> u64;

    /// Fills `space` with the bytes from `at` on. Bytes behind the end or not available
    /// (see [`Start`]) are [`io::ErrorKind::UnexpectedEof`].
    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()>;

    /// Returns what is known of the bytes from `at` on without reading them. The extent has at least
    /// one byte, except at the end.
    fn extent(&self, at: u64) -> io::Result<Extent> {
        Ok(Extent::data(self.len().saturating_sub(at)))
    }

    /// Returns whether there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        (**self).read_exact_at(space, at)
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        (**self).extent(at)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        (**self).read_exact_at(space, at)
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        (**self).extent(at)
    }
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let bytes = usize::try_from(at).ok().and_then(|at| self.get(at..)?.get(..space.len()));
        space.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        ReadAt::len(&self[..])
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        self[..].read_exact_at(space, at)
    }
}
