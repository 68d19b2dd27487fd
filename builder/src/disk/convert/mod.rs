//! A *conversion* makes a disk of another format out of one, front to back, while it is read into a
//! layer: nothing is written in between.
//!
//! A raw disk is read as it comes. A qcow2 has its tables in front, and a tar has the file's size in
//! front of that, so that all of it has to be known before the first byte: a *survey* finds out which
//! clusters are zero, and how long the others will be. From that the file is laid out, and then it is
//! *streamed*: tables are computed when it is their turn, and clusters are read and packed again.
//! Both passes pack clusters on all threads, in the same way, so that the file's bytes depend on the
//! disk alone.

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

/// A conversion whose outcome is known, as far as that has to be known in front.
#[derive(Clone)]
pub(crate) struct Plan {
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
pub(crate) enum Stream {
    Raw(RawStream),
    Qcow2(Box<Qcow2Stream>),
}

impl Plan {
    /// Finds out what has to be known in front. `progress` is told how many more bytes of the disk
    /// were looked at, and can break it off.
    pub(crate) fn new(
        guest: Guest,
        conversion: Conversion,
        pool: &Arc<ThreadPool>,
        progress: &dyn Fn(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<(), Self>, ConvertError> {
        let pool = Arc::clone(pool);
        let target = match conversion {
            Conversion::Raw => Target::Raw,
            Conversion::Qcow2(packing) => {
                match survey::survey_clusters(&guest, packing, &pool, progress)? {
                    ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
                    ControlFlow::Continue(clusters) => {
                        Target::Qcow2(Arc::new(Layout::new(clusters, guest.len(), packing)?))
                    }
                }
            }
        };
        Ok(ControlFlow::Continue(Self { guest, pool, target }))
    }

    /// Returns how long the converted disk is, in bytes.
    pub(crate) fn len(&self) -> u64 {
        match &self.target {
            Target::Raw => self.guest.len(),
            Target::Qcow2(layout) => layout.len(),
        }
    }

    /// Returns the converted disk from its beginning.
    pub(crate) fn stream(&self) -> Stream {
        match &self.target {
            Target::Raw => Stream::Raw(RawStream::new(&self.guest, &self.pool)),
            Target::Qcow2(layout) => {
                Stream::Qcow2(Box::new(Qcow2Stream::new(&self.guest, &self.pool, layout)))
            }
        }
    }
}

impl Stream {
    /// Fills `space` with the next bytes; fails if the disk is not what it was when it was surveyed.
    pub(crate) fn read_exact(&mut self, space: &mut [u8]) -> Result<(), ConvertError> {
        match self {
            Self::Raw(raw) => raw.read_exact(space),
            Self::Qcow2(qcow2) => qcow2.read_exact(space),
        }
    }

    /// Returns how many of the next bytes are known to be zeros.
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

/// What reads behind the end come to.
fn read_past_end() -> ConvertError {
    ConvertError::Io(io::ErrorKind::UnexpectedEof.into())
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}
