//! Disks that are *converted* or resized while they are read. The conversion reads the disk in any order, so
//! the source must be a file that is not compressed.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use rayon::ThreadPool;

use super::file::{OpenedFile, check_unchanged};
use super::identity::SourceIdentity;
use super::judge::DiskJudge;
use super::neighbors::NeighborFiles;
use super::raw::RawStream;
use super::{ContentError, SourceContent, SourceError, SourceErrorKind, stream};
use crate::cluster::contract::{examine_disk_by_rules, sort_flaws};
use crate::compression::CompressionFormat;
use crate::disk::convert::Conversion;
use crate::disk::convert::{ConversionPlan, ConvertError, ConvertedStream, Guest};
use crate::disk::guest::GuestError;
use crate::disk::{self, FlawKind};
use crate::recipe::{Checksum, SourceLocation, SourceRecipe};

/// A source that can be read only from front to back, so that its disk cannot be converted or resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequentialSource {
    /// The disk is compressed in this format.
    Compressed(CompressionFormat),
    /// The disk is downloaded.
    Download,
    /// The disk is in an archive, or is given inline.
    Part,
    /// The disk is in an image.
    Image,
}

impl SequentialSource {
    /// Returns why the disk of a source cannot be converted or resized, as far as the recipe shows it.
    pub(crate) fn find(recipe: &SourceRecipe) -> Option<Self> {
        match (&recipe.location, recipe.compression) {
            (_, Some(compression)) => Some(Self::Compressed(compression)),
            (SourceLocation::Url(_), None) => Some(Self::Download),
            (SourceLocation::Inline(_) | SourceLocation::Member(_), None) => Some(Self::Part),
            (SourceLocation::Image(_), None) => Some(Self::Image),
            (SourceLocation::File(_), None) => None,
        }
    }
}

impl fmt::Display for SequentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compressed(compression) => write!(f, "compressed with {compression}"),
            Self::Download => f.write_str("a download, whose server sends no ranges"),
            Self::Part => f.write_str("part of something else"),
            Self::Image => f.write_str("in an image"),
        }
    }
}

/// A disk that is converted or resized.
pub(super) struct ConvertedDisk<'a> {
    /// Its file; none if it is on a server.
    file: Option<OpenedFile<'a>>,
    /// Its other files, if the disk consists of several.
    neighbors: Vec<OpenedFile<'a>>,
    recipe: &'a SourceRecipe,
    /// Checksum of the file, unless it was checked already.
    checksum: Option<&'a Checksum>,
    /// Format and flaws of the disk before it is converted.
    pub(super) info: disk::DiskInfo,
    /// The bytes that are converted: the resized disk, or its file if that has another size only in
    /// its header.
    bytes: Guest,
    conversion: Conversion,
    /// Plan of the conversion, which the survey makes.
    plan: Option<ConversionPlan>,
}

impl<'a> ConvertedDisk<'a> {
    /// Opens the disk that `bytes` of a file are; its other files, if any, are `neighbors`.
    pub(super) fn new(
        file: impl Into<Option<OpenedFile<'a>>>,
        bytes: &Guest,
        mut neighbors: NeighborFiles<'a>,
        recipe: &'a SourceRecipe,
        judge: Option<DiskJudge<'a>>,
    ) -> Result<Self, SourceErrorKind> {
        let replayed = disk::guest::replay_log(bytes).map_err(GuestError::from)?;
        let bytes = replayed.as_ref().unwrap_or(bytes);
        let mut info = examine_disk_by_rules(bytes).map_err(SourceErrorKind::from_disk)?;
        let guest = open_guest(bytes, &mut info, &mut neighbors, recipe, judge)?;
        if let Some(judge) = judge {
            judge.check(&info)?;
        }
        if guest.is_empty() {
            return Err(SourceErrorKind::Empty);
        }
        let neighbors = neighbors.into_opened();
        if recipe.checksum.is_some() && !neighbors.is_empty() {
            return Err(SourceErrorKind::SplitChecksum(neighbors.len() + 1));
        }
        let guest =
            if recipe.discards_free_space() { disk::discard_free_space(&guest)? } else { guest };
        let conversion = match recipe.convert {
            None if recipe.rewrites_disk() => Some(disk::rewriting_conversion(bytes, info.format)?),
            conversion => conversion,
        };
        let (bytes, conversion) = match (recipe.disk_size(), conversion) {
            (None, conversion) => (guest, conversion.unwrap_or(Conversion::Raw)),
            (Some(size), conversion) => {
                let len = size.of_disk(guest.len())?;
                let resized = disk::resize_disk(bytes, &guest, &info, len, conversion)?;
                info.virtual_size = len;
                (resized.bytes, resized.conversion)
            }
        };
        let checksum = recipe.checksum.as_ref();
        let file = file.into();
        Ok(Self { file, neighbors, recipe, checksum, info, bytes, conversion, plan: None })
    }

    /// Returns the disk of a file whose source has been checked.
    pub(super) fn with_checked_source(self) -> Self {
        Self { checksum: None, ..self }
    }

    /// Returns the identity of its files.
    pub(super) fn identity(&self) -> SourceIdentity {
        let mut files: Vec<_> = self.files().map(|file| file.identity.clone()).collect();
        match (files.len(), files.pop()) {
            (1, Some(only)) => SourceIdentity::File(only),
            (_, last) => SourceIdentity::Files(files.into_iter().chain(last).collect()),
        }
    }

    /// Returns its files.
    pub(super) fn files(&self) -> impl Iterator<Item = &OpenedFile<'a>> {
        self.file.iter().chain(&self.neighbors)
    }

    /// Returns its file, if it is the only one, and all of it the disk.
    pub(super) fn only_file(&self) -> Option<&OpenedFile<'a>> {
        let is_whole = self.neighbors.is_empty() && self.recipe.archived_disk().is_none();
        self.file.as_ref().filter(|_| is_whole)
    }

    /// Fails if one of its files was changed.
    fn check_unchanged(&self) -> Result<(), SourceErrorKind> {
        for file in self.files() {
            check_unchanged(&*file.open_unchanged()?, &file.identity)?;
        }
        Ok(())
    }

    /// Returns the format and flaws of the disk, if it keeps its format.
    pub(super) fn kept_format(&self) -> Option<&disk::DiskInfo> {
        self.recipe.convert.is_none().then_some(&self.info)
    }

    /// Returns the size of the disk in bytes if it has not been surveyed yet.
    pub(super) fn unsurveyed_len(&self) -> Option<u64> {
        self.plan.is_none().then(|| self.bytes.len())
    }

    /// Surveys the disk: the length of the converted file has to be known before its first byte is.
    /// `progress` receives how many more bytes were surveyed, and can cancel.
    pub(super) fn survey(
        &mut self,
        pool: &Arc<ThreadPool>,
        progress: &dyn Fn(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, SourceErrorKind> {
        if let Some((checksum, file)) = self.checksum.zip(self.file.as_ref()) {
            // The conversion does not read the file from its beginning to its end.
            stream::check_checksum(RawStream::from_file(file)?, checksum)?;
        }
        let plan = ConversionPlan::new(Guest::clone(&self.bytes), self.conversion, pool, progress)?;
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
        Ok(ConvertedContent { size, stream, disk: self, location })
    }
}

/// Opens the disk in a file, with its other files, and adds to `info` what the disk shows as a whole.
fn open_guest(
    bytes: &Guest,
    info: &mut disk::DiskInfo,
    neighbors: &mut NeighborFiles<'_>,
    recipe: &SourceRecipe,
    judge: Option<DiskJudge<'_>>,
) -> Result<Guest, SourceErrorKind> {
    let is_split = disk::guest::is_split(bytes, info.format);
    let is_overlay =
        recipe.flattens_disk() && info.flaws.iter().any(|flaw| flaw.kind == FlawKind::BackingFile);
    if is_split {
        info.flaws.retain(|flaw| !matches!(flaw.kind, FlawKind::DataFile | FlawKind::CdiOnly));
    }
    if is_overlay {
        info.flaws.retain(|flaw| flaw.kind != FlawKind::BackingFile);
    }
    if let Some(judge) = judge {
        judge.check(info)?;
    }
    let guest = if is_split {
        disk::guest::open_split(bytes, neighbors).map_err(GuestError::from)?
    } else if is_overlay {
        disk::guest::open_chain(Arc::clone(bytes), info.format, neighbors)
            .map_err(GuestError::from)?
    } else {
        return Ok(Arc::from(disk::guest::open(Arc::clone(bytes), info.format)?));
    };
    let whole = disk::examine_guest_of(&guest, info.file_size, info.format);
    let flaws = std::mem::take(&mut info.flaws);
    *info = disk::DiskInfo { flaws: [flaws, whole.flaws].concat(), ..whole };
    sort_flaws(info);
    Ok(guest)
}

/// The content of a disk that is converted.
pub(super) struct ConvertedContent<'a> {
    stream: ConvertedStream,
    size: u64,
    disk: &'a ConvertedDisk<'a>,
    location: &'a str,
}

impl ConvertedContent<'_> {
    fn error(&self, kind: impl Into<SourceErrorKind>) -> ContentError {
        SourceError { location: self.location.into(), kind: kind.into() }.into()
    }

    /// Returns an error of reading the file: that it was changed, if it was.
    fn read_error(&self, error: ConvertError) -> ContentError {
        match self.disk.check_unchanged() {
            Err(changed) => self.error(changed),
            Ok(()) => self.error(error),
        }
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
        self.disk.check_unchanged().map_err(|kind| self.error(kind))
    }
}

impl fmt::Debug for ConvertedDisk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConvertedDisk")
            .field("conversion", &self.conversion)
            .finish_non_exhaustive()
    }
}
