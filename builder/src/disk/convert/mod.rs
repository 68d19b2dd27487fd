//! A *conversion* produces a disk in another format as a stream, which is read into a layer: no
//! temporary file is written.
//!
//! A raw disk is streamed in one pass. A qcow2 begins with its tables, and a tar has the file's size in
//! front of that, so that all lengths have to be known before the first byte: a *survey* finds the
//! clusters that are zero and the lengths of the others. The layout of the file follows from it. Then
//! the file is *streamed*: tables are computed when they are due, and clusters are read and compressed
//! again. Both passes compress clusters on all threads, in the same way, so that the file's bytes depend
//! on the disk alone.

mod batch;
mod cluster;
mod compress;
mod conversion;
mod error;
mod layout;
mod parallel;
mod qcow2;
mod raw;
mod survey;
mod tables;
#[cfg(test)]
mod tests;
mod walk;

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use rayon::ThreadPool;

pub use self::conversion::{ClusterCompression, Conversion};
pub(crate) use self::error::ConvertError;
use self::layout::Layout;
use self::qcow2::Qcow2Stream;
use self::raw::RawStream;
use crate::disk::read_at::ReadAt;

/// A disk as its virtual machine sees it.
pub(crate) type Guest = Arc<dyn ReadAt>;

/// A conversion after the survey: the length of its output is known.
#[derive(Clone)]
pub(crate) struct ConversionPlan {
    guest: Guest,
    pool: Arc<ThreadPool>,
    target: Target,
}

#[derive(Clone)]
enum Target {
    Raw,
    Qcow2(Arc<Layout>),
}

/// The bytes of a disk that is being converted, from the first to the last.
pub(crate) enum ConvertedStream {
    Raw(RawStream),
    Qcow2(Box<Qcow2Stream>),
}

impl ConversionPlan {
    /// Surveys a disk. `progress` is called with the number of bytes surveyed since its last call, and
    /// can cancel the survey.
    pub(crate) fn new(
        guest: Guest,
        conversion: Conversion,
        pool: &Arc<ThreadPool>,
        progress: &dyn Fn(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), Self>, ConvertError> {
        let pool = Arc::clone(pool);
        let target = match conversion {
            Conversion::Raw => Target::Raw,
            Conversion::Qcow2(compression) => {
                match survey::survey_clusters(&guest, compression, &pool, progress)? {
                    ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
                    ControlFlow::Continue(clusters) => {
                        Target::Qcow2(Arc::new(Layout::new(clusters, guest.len(), compression)?))
                    }
                }
            }
        };
        Ok(ControlFlow::Continue(Self { guest, pool, target }))
    }

    /// Returns the length of the converted disk in bytes.
    pub(crate) fn len(&self) -> u64 {
        match &self.target {
            Target::Raw => self.guest.len(),
            Target::Qcow2(layout) => layout.len(),
        }
    }

    /// Returns the converted disk from its beginning.
    pub(crate) fn stream(&self) -> ConvertedStream {
        match &self.target {
            Target::Raw => ConvertedStream::Raw(RawStream::new(&self.guest, &self.pool)),
            Target::Qcow2(layout) => {
                ConvertedStream::Qcow2(Box::new(Qcow2Stream::new(&self.guest, &self.pool, layout)))
            }
        }
    }
}

impl ConvertedStream {
    /// Fills `space` with the next bytes; fails if the disk has changed since the survey.
    pub(crate) fn read_exact(&mut self, space: &mut [u8]) -> Result<(), ConvertError> {
        match self {
            Self::Raw(raw) => raw.read_exact(space),
            Self::Qcow2(qcow2) => qcow2.read_exact(space),
        }
    }

    /// Returns the number of the next bytes that are known to be zeros.
    pub(crate) fn hole(&mut self) -> Result<u64, ConvertError> {
        match self {
            Self::Raw(raw) => raw.hole_len(),
            Self::Qcow2(_) => Ok(0),
        }
    }

    /// Skips bytes of a hole.
    pub(crate) fn skip(&mut self, count: u64) {
        match self {
            Self::Raw(raw) => raw.skip_hole(count),
            Self::Qcow2(_) => {}
        }
    }
}

/// Returns the error of reads behind the end.
fn read_past_end() -> ConvertError {
    ConvertError::Io(io::ErrorKind::UnexpectedEof.into())
}

impl std::fmt::Debug for ConversionPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConversionPlan").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ConvertedStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}
