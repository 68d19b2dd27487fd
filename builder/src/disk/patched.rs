//! A *patched* disk or file: it has another length, and some bytes are replaced while it is read.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::{Extent, ExtentKind, ReadAt};

/// Bytes that replace others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Patch {
    /// Offset in bytes.
    pub(super) at: u64,
    pub(super) bytes: Vec<u8>,
}

/// Bytes with another length and with patches; what is added at the end is zero.
pub(super) struct Patched<'a> {
    base: Arc<dyn ReadAt + 'a>,
    len: u64,
    /// Patches by their offsets; they do not overlap.
    patches: BTreeMap<u64, Vec<u8>>,
}

impl<'a> Patched<'a> {
    /// Patches `base`. The patches must not overlap, and lie in the first `len` bytes.
    pub(super) fn new(
        base: Arc<dyn ReadAt + 'a>,
        len: u64,
        patches: impl IntoIterator<Item = Patch>,
    ) -> Self {
        let patches = patches.into_iter().filter(|patch| !patch.bytes.is_empty());
        Self { base, len, patches: patches.map(|patch| (patch.at, patch.bytes)).collect() }
    }

    /// Returns the patches that overlap a range, with their offsets.
    fn patches_in(&self, at: u64, end: u64) -> impl Iterator<Item = (u64, &[u8])> {
        let before = self.patches.range(..at).next_back();
        let all = before.into_iter().chain(self.patches.range(at..end));
        let all = all.map(|(start, bytes)| (*start, bytes.as_slice()));
        all.filter(move |(start, bytes)| start + bytes.len() > at)
    }

    /// Fills `space` from the base; bytes behind its end are zero.
    fn fill_from_base(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let inside = self.base.len().min(self.len).saturating_sub(at);
        let inside = usize::try_from(inside).unwrap_or(usize::MAX).min(space.len());
        let (inside, behind) = space.split_at_mut(inside);
        behind.fill(0);
        if inside.is_empty() { Ok(()) } else { self.base.read_exact_at(inside, at) }
    }

    fn base_extent(&self, at: u64) -> io::Result<Extent> {
        let end = self.base.len().min(self.len);
        if at >= end {
            return Ok(Extent::zero(self.len.saturating_sub(at)));
        }
        let extent = self.base.extent(at)?;
        // Zeros at the end of the base and those behind it are one extent.
        if extent.kind == ExtentKind::Zero && at.saturating_add(extent.len) >= end {
            return Ok(Extent::zero(self.len - at));
        }
        Ok(Extent { len: extent.len.min(end - at), ..extent })
    }
}

impl ReadAt for Patched<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        let end = at.checked_add(space.len() as u64).filter(|end| *end <= self.len);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.fill_from_base(space, at)?;
        for (start, bytes) in self.patches_in(at, end) {
            // Both offsets are below the length of a slice.
            let skipped = usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
            let to = usize::try_from(start.saturating_sub(at)).unwrap_or(usize::MAX);
            if let (Some(bytes), Some(space)) = (bytes.get(skipped..), space.get_mut(to..)) {
                let count = bytes.len().min(space.len());
                space[..count].copy_from_slice(&bytes[..count]);
            }
        }
        Ok(())
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        let next = self.patches_in(at, self.len).next();
        match next {
            Some((start, bytes)) if start <= at => {
                Ok(Extent::data(start + bytes.len() as u64 - at))
            }
            Some((start, _)) => {
                let extent = self.base_extent(at)?;
                Ok(Extent { len: extent.len.min(start - at), ..extent })
            }
            None => self.base_extent(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(at: u64, bytes: &[u8]) -> Patch {
        Patch { at, bytes: bytes.to_vec() }
    }

    #[test]
    fn patches_replace_bytes() {
        let base: Arc<dyn ReadAt> = Arc::new(vec![1; 10]);
        let patches = [patch(0, &[2, 3]), patch(9, &[4, 5]), patch(14, &[6]), patch(3, &[])];
        let disk = Patched::new(base, 15, patches);
        let expected = [2, 3, 1, 1, 1, 1, 1, 1, 1, 4, 5, 0, 0, 0, 6];
        for at in 0..expected.len() {
            for end in at..=expected.len() {
                let mut space = vec![9; end - at];
                disk.read_exact_at(&mut space, at as u64).unwrap();
                assert_eq!(space, expected[at..end], "{at}..{end}");
            }
            let extent = disk.extent(at as u64).unwrap();
            assert!(extent.len > 0, "{at}");
            let end = at + usize::try_from(extent.len).unwrap();
            let is_zero = expected[at..end].iter().all(|byte| *byte == 0);
            assert!(extent.kind == ExtentKind::Data || is_zero, "{at}: {extent:?}");
        }
        assert_eq!(disk.extent(11).unwrap(), Extent::zero(3));
        assert!(disk.read_exact_at(&mut [0; 2], 14).is_err());
    }
}
