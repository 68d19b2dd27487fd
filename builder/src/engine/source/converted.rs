//! Disks that are *converted* while they are read. That needs all of the disk, in any order: a file
//! that lies here as it is.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use rayon::ThreadPool;

use super::file::{Opened, check_unchanged};
use super::{Content, SourceError, SourceErrorKind};
use crate::compression::CompressionFormat;
use crate::disk;
use crate::disk::convert::Conversion;
use crate::disk::convert::{ConvertError, Guest, Plan, Stream};
use crate::recipe::{SourceLocation, SourceRecipe};

/// Why a disk cannot be read in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequential {
    /// It would be unpacked on its way.
    Packed(CompressionFormat),
    /// It is downloaded.
    Download,
    /// It lies in an archive or an image, or was given inline.
    Part,
}

impl fmt::Display for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packed(packing) => write!(f, "packed with {packing}"),
            Self::Download => f.write_str("a download"),
            Self::Part => f.write_str("part of something else"),
        }
    }
}

/// A disk that can be converted.
pub(super) struct Converted {
    guest: Guest,
    conversion: Conversion,
    /// Known after it was surveyed.
    plan: Option<Plan>,
}

impl Converted {
    pub(super) fn new(
        opened: &Opened<'_>,
        conversion: Conversion,
    ) -> Result<Self, SourceErrorKind> {
        let bytes = opened.bytes()?;
        let format = disk::examine(&bytes)?.format;
        let guest: Guest = Arc::from(disk::guest::open(Arc::new(bytes), format)?);
        if guest.is_empty() {
            return Err(SourceErrorKind::Empty);
        }
        Ok(Self { guest, conversion, plan: None })
    }

    /// Returns the size of the disk that has to be surveyed, in bytes, if that was not done yet.
    pub(super) fn unsurveyed(&self) -> Option<u64> {
        self.plan.is_none().then(|| self.guest.len())
    }

    pub(super) fn survey(
        &mut self,
        pool: &Arc<ThreadPool>,
        progress: &dyn Fn(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, SourceErrorKind> {
        let plan = Plan::new(Guest::clone(&self.guest), self.conversion, pool, progress)?;
        Ok(match plan {
            ControlFlow::Break(()) => ControlFlow::Break(()),
            ControlFlow::Continue(plan) => {
                self.plan = Some(plan);
                ControlFlow::Continue(())
            }
        })
    }

    pub(super) fn content<'a>(
        &'a self,
        opened: &'a Opened<'a>,
        place: &'a str,
    ) -> Result<ConvertedContent<'a>, SourceErrorKind> {
        // What was not surveyed has no size yet.
        let plan = self.plan.as_ref().ok_or(SourceErrorKind::Size { announced: 0 })?;
        Ok(ConvertedContent { size: plan.len(), stream: plan.stream(), opened, place })
    }
}

/// Refuses what cannot be read in any order, as far as the recipe tells.
pub(super) fn check(recipe: &SourceRecipe) -> Result<(), SourceErrorKind> {
    let why = match (&recipe.location, recipe.packing) {
        (_, Some(packing)) => Sequential::Packed(packing),
        (SourceLocation::Url(_), None) => Sequential::Download,
        (SourceLocation::Inline(_) | SourceLocation::Member(_), None) => Sequential::Part,
        (SourceLocation::Path(_) | SourceLocation::Context(_), None) => return Ok(()),
    };
    Err(SourceErrorKind::Sequential(why))
}

/// The content of a disk that is converted.
pub(super) struct ConvertedContent<'a> {
    stream: Stream,
    size: u64,
    opened: &'a Opened<'a>,
    place: &'a str,
}

impl ConvertedContent<'_> {
    fn error(&self, kind: impl Into<SourceErrorKind>) -> SourceError {
        SourceError { place: self.place.into(), kind: kind.into() }
    }

    /// What is found wrong with a file that was written to is wrong for that reason.
    fn read_error(&self, error: ConvertError) -> SourceError {
        match self.check() {
            Err(changed) => self.error(changed),
            Ok(()) => self.error(error),
        }
    }

    fn check(&self) -> Result<(), SourceErrorKind> {
        let file = self.opened.file()?;
        check_unchanged(&file, &self.opened.before)
    }
}

impl Content for ConvertedContent<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), SourceError> {
        self.stream.read_exact(space).map_err(|error| self.read_error(error))
    }

    fn hole(&mut self) -> Result<u64, SourceError> {
        self.stream.hole().map_err(|error| self.read_error(error))
    }

    fn skip(&mut self, count: u64) {
        self.stream.skip(count);
    }

    fn finish(&mut self) -> Result<(), SourceError> {
        self.check().map_err(|kind| self.error(kind))
    }
}

impl From<ConvertError> for SourceErrorKind {
    fn from(error: ConvertError) -> Self {
        match error {
            ConvertError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Changed
            }
            ConvertError::Io(error) => Self::Io(error),
            ConvertError::Changed => Self::Changed,
            error => Self::Convert(error),
        }
    }
}

impl fmt::Debug for Converted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Converted").field("conversion", &self.conversion).finish_non_exhaustive()
    }
}
