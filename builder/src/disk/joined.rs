//! *Joined* bytes: parts of files, one after the other, as one disk.

use std::io;
use std::sync::Arc;

use super::{Extent, ReadAt};

/// Returns parts of a file, one after the other: the offset of each in bytes, and its length. The file
/// has as many bytes, and the sum of the lengths is less than 2^64.
pub fn byte_ranges<'a>(file: &Arc<dyn ReadAt + 'a>, parts: &[(u64, u64)]) -> impl ReadAt + use<'a> {
    let part = |(offset, len): &(u64, u64)| JoinedPart {
        file: Arc::clone(file),
        offset: *offset,
        len: *len,
    };
    Joined::new(parts.iter().map(part))
}

/// A part of a file.
pub(super) struct JoinedPart<'a> {
    pub(super) file: Arc<dyn ReadAt + 'a>,
    /// Offset in the file in bytes.
    pub(super) offset: u64,
    /// Length in bytes; the file has at least as many behind the offset.
    pub(super) len: u64,
}

/// Parts of files as one disk.
pub(super) struct Joined<'a> {
    /// Parts with the offsets on the disk at which they end, in ascending order.
    parts: Vec<(u64, JoinedPart<'a>)>,
    len: u64,
}

impl<'a> Joined<'a> {
    /// Joins parts, whose lengths have a sum of less than 2^64.
    pub(super) fn new(parts: impl IntoIterator<Item = JoinedPart<'a>>) -> Self {
        let mut len: u64 = 0;
        let parts = parts.into_iter().filter(|part| part.len > 0).map(|part| {
            len = len.saturating_add(part.len);
            (len, part)
        });
        let parts = parts.collect();
        Self { parts, len }
    }

    /// Returns the part at an offset on the disk, the offset in its file, and how many bytes follow.
    fn part_at(&self, at: u64) -> io::Result<(&JoinedPart<'a>, u64, u64)> {
        let number = self.parts.partition_point(|(end, _)| *end <= at);
        let (end, part) = self.parts.get(number).ok_or(io::ErrorKind::UnexpectedEof)?;
        let left = end - at;
        Ok((part, part.offset + (part.len - left), left))
    }
}

impl ReadAt for Joined<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, mut space: &mut [u8], mut at: u64) -> io::Result<()> {
        while !space.is_empty() {
            let (part, offset, left) = self.part_at(at)?;
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(space.len());
            let (now, later) = space.split_at_mut(count);
            part.file.read_exact_at(now, offset)?;
            (space, at) = (later, at + count as u64);
        }
        Ok(())
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        if at >= self.len {
            return Ok(Extent::data(0));
        }
        let (part, offset, left) = self.part_at(at)?;
        let extent = part.file.extent(offset)?;
        Ok(Extent { len: extent.len.min(left), ..extent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other() {
        let part = |bytes: &[u8], offset, len| JoinedPart {
            file: Arc::new(bytes.to_vec()) as Arc<dyn ReadAt>,
            offset,
            len,
        };
        let parts = [part(b"abc", 1, 2), part(b"x", 0, 0), part(b"defg", 0, 3), part(b"h", 0, 1)];
        let joined = Joined::new(parts);
        let expected = b"bcdefh";
        assert_eq!(joined.len(), 6);
        for at in 0..6 {
            for end in at..=6 {
                let mut space = vec![0; end - at];
                joined.read_exact_at(&mut space, at as u64).unwrap();
                assert_eq!(space, expected[at..end]);
            }
        }
        assert!(joined.read_exact_at(&mut [0; 2], 5).is_err());
        let lens = [0, 1, 2, 4, 5, 6].map(|at| joined.extent(at).unwrap().len);
        assert_eq!(lens, [2, 1, 3, 1, 1, 0]);
    }
}
