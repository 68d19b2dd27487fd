//! *Judges* disks by the contract: a file before anything is built, a stream by its first bytes,
//! before any of them is passed on.

use super::content::SizeOrigin;
use super::{ContentError, SIZE_MAX, SourceContent, SourceError, SourceErrorKind};
use crate::cluster::contract::{Severity, examine_disk_by_rules, flaw_rule};
use crate::disk::{self, DiskFormat, DiskInfo, DiskStart, Flaw, FlawKind, ReadAt, START_LEN};
use crate::recipe::{SourceRecipe, SourceRole};

/// What to do with a disk that CDI takes and KubeVirt does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CdiOnlyPolicy {
    /// Refuse it.
    Refuse,
    /// Accept it: the image is for CDI alone.
    Allow,
}

/// Judges the disk of a recipe's source.
#[derive(Debug, Clone, Copy)]
pub(super) struct DiskJudge<'a> {
    recipe: &'a SourceRecipe,
    cdi_only: CdiOnlyPolicy,
}

impl<'a> DiskJudge<'a> {
    /// Returns the judge of a source that is a disk.
    pub(super) fn new(recipe: &'a SourceRecipe, cdi_only: CdiOnlyPolicy) -> Option<Self> {
        (recipe.role == SourceRole::Disk).then_some(Self { recipe, cdi_only })
    }

    /// Examines a disk that can be read in any order.
    pub(super) fn examine(&self, bytes: &dyn ReadAt) -> Result<DiskInfo, SourceErrorKind> {
        let info = examine_disk_by_rules(bytes).map_err(SourceErrorKind::from_disk)?;
        self.check(&info)?;
        Ok(info)
    }

    /// Fails if neither KubeVirt nor CDI could use the disk, or only CDI where that is not enough.
    pub(super) fn check(&self, info: &DiskInfo) -> Result<(), SourceErrorKind> {
        if let DiskFormat::Compressed(compression) = info.format {
            return Err(SourceErrorKind::Compressed(compression));
        }
        let is_converted = self.recipe.convert.is_some();
        let is_refused = |flaw: &&Flaw| match flaw.kind {
            FlawKind::CdiOnly => self.cdi_only == CdiOnlyPolicy::Refuse && !is_converted,
            FlawKind::Blank if info.file_size > 0 && self.may_be_blank() => false,
            kind => flaw_rule(kind).severity == Severity::Error,
        };
        match info.flaws.iter().find(is_refused) {
            Some(flaw) if flaw.kind == FlawKind::Blank && info.file_size == 0 => {
                Err(SourceErrorKind::Empty)
            }
            Some(flaw) => Err(flaw.clone().into()),
            // A disk that is converted gets another name; a part of one stays a part.
            None => disk::find_misnaming(self.disk_name(), info)
                .filter(|flaw| !is_converted || flaw.kind == FlawKind::DataFile)
                .map_or(Ok(()), |flaw| Err(flaw.into())),
        }
    }

    /// Checks the first [`START_LEN`] bytes of a disk in the same way; if there are fewer, they are
    /// the whole disk.
    pub(super) fn check_start(&self, start: &[u8]) -> Result<(), SourceErrorKind> {
        let is_whole = start.len() < START_LEN;
        let len = if is_whole { start.len() as u64 } else { SIZE_MAX };
        self.check(&examine_disk_by_rules(&DiskStart { bytes: start, len })?)
    }

    fn may_be_blank(&self) -> bool {
        self.recipe.disk.as_ref().is_some_and(|disk| disk.may_be_blank)
    }

    /// Returns the file name of the disk, without the suffix of its compression.
    fn disk_name(&self) -> &str {
        let name = self.recipe.location.file_name();
        self.recipe.compression.map_or(name, |compression| compression.strip_suffix(name))
    }
}

/// The content of a disk that is read as a stream and judged by its first bytes.
pub(super) struct JudgedContent<'a> {
    content: Box<dyn SourceContent + 'a>,
    judge: DiskJudge<'a>,
    location: &'a str,
    size: SizeOrigin,
    /// First bytes, which were read to be examined; nothing before the first read.
    start: Option<Vec<u8>>,
    /// How many of the first bytes were passed on.
    at: usize,
}

impl<'a> JudgedContent<'a> {
    pub(super) fn new(
        content: Box<dyn SourceContent + 'a>,
        judge: DiskJudge<'a>,
        location: &'a str,
        size: SizeOrigin,
    ) -> Self {
        Self { content, judge, location, size, start: None, at: 0 }
    }

    /// Returns the rest of the first bytes, after they were judged.
    fn unread_start(&mut self) -> Result<&[u8], ContentError> {
        let start = match self.start.take() {
            Some(start) => start,
            None => self.read_start()?,
        };
        if self.at == start.len() {
            self.at = 0;
            return Ok(self.start.insert(Vec::new()));
        }
        Ok(&self.start.insert(start)[self.at..])
    }

    fn read_start(&mut self) -> Result<Vec<u8>, ContentError> {
        let len = usize::try_from(self.content.size()).unwrap_or(usize::MAX).min(START_LEN);
        let mut start = vec![0; len];
        self.content.read_exact(&mut start)?;
        let judged = examine_disk_by_rules(&DiskStart { bytes: &start, len: self.content.size() })
            .map_err(SourceErrorKind::from)
            .and_then(|info| self.judge.check(&info));
        match judged {
            Ok(()) => Ok(start),
            // What seems to be cut off may be complete: the declared size can be wrong.
            Err(_) if self.size == SizeOrigin::Declared => Err(ContentError::Unmeasured),
            Err(kind) => Err(SourceError { location: self.location.into(), kind }.into()),
        }
    }
}

impl SourceContent for JudgedContent<'_> {
    fn size(&self) -> u64 {
        self.content.size()
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), ContentError> {
        let start = self.unread_start()?;
        let count = start.len().min(space.len());
        let (first, rest) = space.split_at_mut(count);
        first.copy_from_slice(&start[..count]);
        self.at += count;
        if rest.is_empty() { Ok(()) } else { self.content.read_exact(rest) }
    }

    fn hole_len(&mut self) -> Result<u64, ContentError> {
        if self.unread_start()?.is_empty() { self.content.hole_len() } else { Ok(0) }
    }

    fn skip_hole(&mut self, count: u64) {
        self.content.skip_hole(count);
    }

    fn finish(&mut self) -> Result<(), ContentError> {
        self.content.finish()
    }
}
