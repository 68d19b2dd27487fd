//! *Spooled* disks: what can be read only from front to back is written to a file without a name, which
//! can be read in any order. The user names the directory. A download is read on its server instead, if that
//! sends ranges.

use std::fmt;
use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use cap_std::fs::Dir;
use cap_tempfile::TempFile;
use rayon::ThreadPool;

use super::converted::ConvertedDisk;
use super::file::OpenedFile;
use super::judge::DiskJudge;
use super::neighbors::NeighborFiles;
use super::ranges::RangedDownload;
use super::{ContentError, InputFiles, Source, SourceErrorKind, SourceIdentity};
use crate::disk::convert::Guest;
use crate::disk::is_zero;
use crate::recipe::SourceRecipe;

/// How many bytes are written at a time.
const STEP: usize = 1 << 20;

/// A disk that is converted or resized after its stream was read as a whole.
pub(super) struct SpooledDisk<'a> {
    stream: Box<Source<'a>>,
    spool: Spool<'a>,
    inputs: &'a dyn InputFiles,
    recipe: &'a SourceRecipe,
    judge: Option<DiskJudge<'a>>,
    /// The disk in the file, after it was written.
    disk: Option<ConvertedDisk<'a>>,
}

/// Where a stream can be read in any order.
pub(super) enum Spool<'a> {
    /// In a file in this directory, which it is written to.
    Dir(&'a Dir),
    /// On its server.
    Server(Box<RangedDownload<'a>>),
}

impl<'a> SpooledDisk<'a> {
    pub(super) fn new(
        stream: Source<'a>,
        spool: Spool<'a>,
        inputs: &'a dyn InputFiles,
        recipe: &'a SourceRecipe,
        judge: Option<DiskJudge<'a>>,
    ) -> Self {
        Self { stream: Box::new(stream), spool, inputs, recipe, judge, disk: None }
    }

    /// Returns what identifies the stream.
    pub(super) fn identity(&self) -> Option<SourceIdentity> {
        self.stream.identity()
    }

    /// Returns the source of the stream.
    pub(super) fn stream(&self) -> &Source<'a> {
        &self.stream
    }

    /// Returns the disk; `None` before [`measure`](Self::measure).
    pub(super) fn disk(&self) -> Option<&ConvertedDisk<'a>> {
        self.disk.as_ref()
    }

    /// Writes the stream to a file, and surveys the disk in it. `progress` can cancel.
    pub(super) fn measure(
        &mut self,
        pool: &Arc<ThreadPool>,
        progress: &dyn Fn(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, SourceErrorKind> {
        if self.disk.is_none() {
            match self.open_disk(pool, progress)? {
                ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
                ControlFlow::Continue(disk) => self.disk = Some(disk),
            }
        }
        match &mut self.disk {
            Some(disk) => disk.survey(pool, progress),
            None => Ok(ControlFlow::Continue(())),
        }
    }

    /// Reads the stream, and opens the disk in it.
    fn open_disk(
        &mut self,
        pool: &Arc<ThreadPool>,
        progress: &dyn Fn(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), ConvertedDisk<'a>>, SourceErrorKind> {
        let (file, bytes): (_, Guest) = match self.spool {
            Spool::Dir(dir) => match self.write_stream(dir, pool, progress)? {
                ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
                ControlFlow::Continue(file) => {
                    let file = OpenedFile::from_spool(self.inputs, self.stream.location(), file)?;
                    let bytes = Arc::new(file.bytes()?);
                    (Some(file), bytes)
                }
            },
            Spool::Server(ref download) => match download.read_whole(progress)? {
                ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
                ControlFlow::Continue(file) => (None, Arc::new(file)),
            },
        };
        let neighbors = NeighborFiles::none(self.inputs);
        let disk = ConvertedDisk::new(file, &bytes, neighbors, self.recipe, self.judge)?;
        Ok(ControlFlow::Continue(disk.with_checked_source()))
    }

    /// Writes the decompressed stream to a file, and checks it. Its length is measured first if it is
    /// not known, or not the one that its compression declares.
    fn write_stream(
        &mut self,
        dir: &Dir,
        pool: &Arc<ThreadPool>,
        progress: &dyn Fn(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), File>, SourceErrorKind> {
        loop {
            match write_content(&self.stream, dir, progress) {
                Ok(written) => return Ok(written),
                Err(WriteError::Spool(error)) => return Err(SourceErrorKind::Spool(error)),
                Err(WriteError::Content(ContentError::Source(error))) => return Err(error.kind),
                Err(WriteError::Content(ContentError::Unmeasured)) => {}
            }
            let measured = self.stream.measure(pool, progress).map_err(|error| error.kind)?;
            if measured.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
}

/// Why a stream could not be written to a file.
enum WriteError {
    Content(ContentError),
    Spool(std::io::Error),
}

impl From<ContentError> for WriteError {
    fn from(error: ContentError) -> Self {
        Self::Content(error)
    }
}

fn write_content(
    stream: &Source<'_>,
    dir: &Dir,
    progress: &dyn Fn(u64) -> ControlFlow<()>,
) -> Result<ControlFlow<(), File>, WriteError> {
    let mut content = stream.content()?;
    let file = TempFile::new_anonymous(dir).map_err(WriteError::Spool)?.into_std();
    file.set_len(content.size()).map_err(WriteError::Spool)?;
    let (mut at, mut space) = (0, vec![0; STEP]);
    while at < content.size() {
        if progress(0).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let left = usize::try_from(content.size() - at).unwrap_or(usize::MAX);
        let part = &mut space[..left.min(STEP)];
        content.read_exact(part)?;
        if !is_zero(part) {
            file.write_all_at(part, at).map_err(WriteError::Spool)?;
        }
        at += part.len() as u64;
    }
    content.finish()?;
    Ok(ControlFlow::Continue(file))
}

impl fmt::Debug for SpooledDisk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpooledDisk").field("stream", &self.stream).finish_non_exhaustive()
    }
}
