//! Contents that recipes give themselves.

use super::{Content, SourceError, SourceErrorKind};

/// Bytes that are there already.
#[derive(Debug)]
pub(super) struct InlineContent<'s> {
    bytes: &'s [u8],
    at: usize,
    place: &'s str,
}

impl<'s> InlineContent<'s> {
    pub(super) fn new(bytes: &'s [u8], place: &'s str) -> Self {
        Self { bytes, at: 0, place }
    }
}

impl Content for InlineContent<'_> {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), SourceError> {
        let end = self.at + space.len();
        let Some(bytes) = self.bytes.get(self.at..end) else {
            let kind = SourceErrorKind::Size { announced: self.size() };
            return Err(SourceError { place: self.place.into(), kind });
        };
        space.copy_from_slice(bytes);
        self.at = end;
        Ok(())
    }

    fn hole(&mut self) -> Result<u64, SourceError> {
        Ok(0)
    }

    fn skip(&mut self, _count: u64) {}

    fn finish(&mut self) -> Result<(), SourceError> {
        Ok(())
    }
}
