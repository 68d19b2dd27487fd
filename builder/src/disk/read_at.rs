//! [`ReadAt`]: how the bytes of a disk are read, wherever they lie.

use std::io;
use std::sync::Arc;

use super::extent::Extent;

/// Bytes that can be read in any order.
pub trait ReadAt: Send + Sync {
    /// Returns how many bytes there are.
    fn len(&self) -> u64;

    /// Fills `space` with the bytes from `at` on. What lies behind the end, or is not to be had
    /// (see [`Start`]), is [`io::ErrorKind::UnexpectedEof`].
    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()>;

    /// Tells what is known of the bytes from `at` on without reading them: at least one byte, or
    /// none at the end.
    fn extent(&self, at: u64) -> io::Result<Extent> {
        Ok(Extent::data(self.len().saturating_sub(at)))
    }

    /// Tells whether there is no byte.
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
