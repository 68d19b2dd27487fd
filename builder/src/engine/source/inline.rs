//! Contents that are given in the recipe.

use super::judge::DiskJudge;
use super::{ContentError, SourceContent, SourceError, SourceErrorKind};
use crate::disk;

/// Bytes of the recipe.
#[derive(Debug)]
pub(super) struct InlineSource<'a> {
    pub(super) bytes: &'a [u8],
    /// What the disk is, if it is one.
    pub(super) disk: Option<disk::DiskInfo>,
}

impl<'a> InlineSource<'a> {
    pub(super) fn new(
        bytes: &'a [u8],
        judge: Option<DiskJudge<'a>>,
    ) -> Result<Self, SourceErrorKind> {
        let disk = judge.map(|judge| judge.examine(&bytes)).transpose()?;
        Ok(Self { bytes, disk })
    }

    pub(super) fn content<'s>(&'s self, location: &'s str) -> InlineContent<'s> {
        InlineContent { bytes: self.bytes, at: 0, location }
    }
}

/// The content of an inline source.
#[derive(Debug)]
pub(super) struct InlineContent<'s> {
    bytes: &'s [u8],
    at: usize,
    location: &'s str,
}

impl SourceContent for InlineContent<'_> {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), ContentError> {
        let end = self.at + space.len();
        let Some(bytes) = self.bytes.get(self.at..end) else {
            let kind = SourceErrorKind::Size { announced: self.size() };
            return Err(SourceError { location: self.location.into(), kind }.into());
        };
        space.copy_from_slice(bytes);
        self.at = end;
        Ok(())
    }

    fn hole_len(&mut self) -> Result<u64, ContentError> {
        Ok(0)
    }

    fn skip_hole(&mut self, _count: u64) {}

    fn finish(&mut self) -> Result<(), ContentError> {
        Ok(())
    }
}
