//! Disks that are *converted* while they are read. The conversion reads the disk in any order, so
//! the source must be a file that is not compressed.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use rayon::ThreadPool;

use super::file::{OpenedFile, check_unchanged};
use super::judge::DiskJudge;
use super::raw::RawStream;
use super::{ContentError, SourceContent, SourceError, SourceErrorKind, stream};
use crate::cluster::contract::examine_disk_by_rules;
use crate::compression::CompressionFormat;
use crate::disk;
use crate::disk::convert::Conversion;
use crate::disk::convert::{ConversionPlan, ConvertError, ConvertedStream, Guest};
use crate::recipe::{Checksum, SourceLocation, SourceRecipe};

/// A source that can be read only from front to back, so that its disk cannot be converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequentialSource {
    /// The disk is compressed in this format.
    Compressed(CompressionFormat),
    /// The disk is downloaded.
    Download,
    /// The disk is in an archive or an image, or is given inline.
    Part,
}

impl SequentialSource {
    /// Returns why the disk of a source cannot be converted, as far as the recipe shows it.
    pub(crate) fn find(recipe: &SourceRecipe) -> Option<Self> {
        match (&recipe.location, recipe.compression) {
            (_, Some(compression)) => Some(Self::Compressed(compression)),
            (SourceLocation::Url(_), None) => Some(Self::Download),
            (SourceLocation::Inline(_) | SourceLocation::Member(_), None) => Some(Self::Part),
            (SourceLocation::File(_), None) => None,
        }
    }
}

impl fmt::Display for SequentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compressed(compression) => write!(f, "compressed with {compression}"),
            Self::Download => f.write_str("a download"),
            Self::Part => f.write_str("part of something else"),
        }
    }
}

/// A disk that is converted.
pub(super) struct ConvertedDisk<'a> {
    pub(super) file: OpenedFile<'a>,
    checksum: Option<Checksum>,
    /// Format and flaws of the disk before it is converted.
    pub(super) info: disk::DiskInfo,
    guest: Guest,
    conversion: Conversion,
    /// Plan of the conversion, which the survey makes.
    plan: Option<ConversionPlan>,
}

impl<'a> ConvertedDisk<'a> {
    pub(super) fn new(
        file: OpenedFile<'a>,
        conversion: Conversion,
        checksum: Option<Checksum>,
        judge: Option<DiskJudge<'a>>,
    ) -> Result<Self, SourceErrorKind> {
        let bytes = file.bytes()?;
        let info = examine_disk_by_rules(&bytes).map_err(SourceErrorKind::from_disk)?;
        if let Some(judge) = judge {
            judge.check(&info)?;
        }
        let guest: Guest = Arc::from(disk::guest::open(Arc::new(bytes), info.format)?);
        if guest.is_empty() {
            return Err(SourceErrorKind::Empty);
        }
        Ok(Self { file, checksum, info, guest, conversion, plan: None })
    }

    /// Returns the size of the disk in bytes if it has not been surveyed yet.
    pub(super) fn unsurveyed_len(&self) -> Option<u64> {
        self.plan.is_none().then(|| self.guest.len())
    }

    /// Surveys the disk: the length of the converted file has to be known before its first byte is.
    /// `progress` receives how many more bytes were surveyed, and can cancel.
    pub(super) fn survey(
        &mut self,
        pool: &Arc<ThreadPool>,
        progress: &dyn Fn(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, SourceErrorKind> {
        if let Some(checksum) = &self.checksum {
            // The conversion does not read the file from its beginning to its end.
            stream::check_checksum(RawStream::from_file(&self.file)?, checksum)?;
        }
        let plan = ConversionPlan::new(Guest::clone(&self.guest), self.conversion, pool, progress)?;
        Ok(match plan {
            ControlFlow::Break(()) => ControlFlow::Break(()),
            ControlFlow::Continue(plan) => {
                self.plan = Some(plan);
                ControlFlow::Continue(())
            }
        })
    }

    pub(super) fn content<'s>(
        &'s self,
        location: &'s str,
    ) -> Result<ConvertedContent<'s>, ContentError> {
        let plan = self.plan.as_ref().ok_or(ContentError::Unmeasured)?;
        let (size, stream) = (plan.len(), plan.stream());
        Ok(ConvertedContent { size, stream, opened: &self.file, location })
    }
}

/// Refuses a source that cannot be read in any order, as far as the recipe shows it.
pub(super) fn check_seekable(recipe: &SourceRecipe) -> Result<(), SourceErrorKind> {
    SequentialSource::find(recipe).map_or(Ok(()), |why| Err(SourceErrorKind::Sequential(why)))
}

/// The content of a disk that is converted.
pub(super) struct ConvertedContent<'a> {
    stream: ConvertedStream,
    size: u64,
    opened: &'a OpenedFile<'a>,
    location: &'a str,
}

impl ConvertedContent<'_> {
    fn error(&self, kind: impl Into<SourceErrorKind>) -> ContentError {
        SourceError { location: self.location.into(), kind: kind.into() }.into()
    }

    /// Returns an error of reading the file: that it was changed, if it was.
    fn read_error(&self, error: ConvertError) -> ContentError {
        match self.check_file() {
            Err(changed) => self.error(changed),
            Ok(()) => self.error(error),
        }
    }

    fn check_file(&self) -> Result<(), SourceErrorKind> {
        let file = self.opened.open_unchanged()?;
        check_unchanged(&file, &self.opened.identity)
    }
}

impl SourceContent for ConvertedContent<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), ContentError> {
        self.stream.read_exact(space).map_err(|error| self.read_error(error))
    }

    fn hole_len(&mut self) -> Result<u64, ContentError> {
        self.stream.hole().map_err(|error| self.read_error(error))
    }

    fn skip_hole(&mut self, count: u64) {
        self.stream.skip(count);
    }

    fn finish(&mut self) -> Result<(), ContentError> {
        self.check_file().map_err(|kind| self.error(kind))
    }
}

impl fmt::Debug for ConvertedDisk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConvertedDisk")
            .field("conversion", &self.conversion)
            .finish_non_exhaustive()
    }
}
