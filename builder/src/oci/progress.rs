//! *Progress* of building, copying or reading images: how it is reported, and how the work is
//! cancelled. The library shows nothing itself.
//!
//! [`Progress`] is the one trait for it. Work that knows nothing of images, such as the conversion
//! of a disk, gets a function that calls [`Progress::advance`].

use std::io::{self, Read};
use std::ops::ControlFlow;

use crate::oci::image::digest::Digest;
use crate::oci::image::layer::FinishedLayer;
use crate::oci::image::platform::Platform;
use crate::oci::sink::TransferOutcome;

/// Receives the progress of work on images, and can cancel it. It is called from several threads.
pub trait Progress: Send + Sync {
    /// Receives an event.
    fn report(&self, event: ProgressEvent<'_>);

    /// Returns whether the user wants to stop. It is called often.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Reports that more bytes of a layer or a blob are done, and returns whether to continue.
    fn advance(&self, number: usize, len: u64) -> ControlFlow<()> {
        self.report(ProgressEvent::Advanced { layer: number, len });
        if self.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// A reader that reports how much is read, and fails when the user wants to stop.
pub(crate) struct ProgressReader<'p, R> {
    inner: R,
    progress: &'p dyn Progress,
    /// Number of the blob; none if its progress is not reported.
    number: Option<usize>,
}

impl<'p, R> ProgressReader<'p, R> {
    pub(crate) fn new(inner: R, progress: &'p dyn Progress, number: Option<usize>) -> Self {
        Self { inner, progress, number }
    }
}

impl<R: Read> Read for ProgressReader<'_, R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.progress.is_cancelled() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let count = self.inner.read(space)?;
        if let Some(layer) = self.number {
            self.progress.report(ProgressEvent::Advanced { layer, len: count as u64 });
        }
        Ok(count)
    }
}

/// An event that is reported. Layers are numbered within a build, from 0.
#[derive(Debug, Clone, Copy)]
pub enum ProgressEvent<'a> {
    /// A disk that will be converted is read for the first time, or the seeds of one that is extracted. Its progress is reported as that
    /// of its layer.
    Surveying {
        /// Number of the layer.
        layer: usize,
        /// The first platform that needs it.
        platform: &'a Platform,
        /// Content of the layer, for people.
        name: &'a str,
        /// Length of the disk in bytes.
        len: u64,
    },
    /// A layer is being made.
    Started {
        /// Its number.
        layer: usize,
        /// The first platform that needs it.
        platform: &'a Platform,
        /// Content of the layer, for people.
        name: &'a str,
        /// Length of the layer's tar in bytes.
        len: u64,
    },
    /// More of a layer, of a disk for it, or of a blob was read or written.
    Advanced {
        /// Its number.
        layer: usize,
        /// Number of bytes since the last report.
        len: u64,
    },
    /// A layer is finished.
    Finished {
        /// Its number.
        layer: usize,
        /// The first platform that needs it.
        platform: &'a Platform,
        /// Content of the layer, for people.
        name: &'a str,
        /// The finished layer.
        result: &'a FinishedLayer,
        /// Whether the layer was built or reused.
        how: LayerOutcome,
    },
    /// A blob is being copied. Blobs are numbered within a copy, from 0, and their progress is
    /// reported as that of layers.
    Copying {
        /// Its number.
        blob: usize,
        /// Digest of the blob.
        digest: Digest,
        /// Length of the blob in bytes.
        len: u64,
    },
    /// A blob was copied, or existed already.
    Copied {
        /// Its number.
        blob: usize,
        /// Digest of the blob.
        digest: Digest,
        /// Length of the blob in bytes.
        len: u64,
        /// How the blob came into the sink.
        how: TransferOutcome,
    },
    /// A blob is being read to be examined. Blobs are numbered and reported as in a copy.
    Reading {
        /// Its number.
        blob: usize,
        /// Digest of the blob.
        digest: Digest,
        /// Length of the blob in bytes.
        len: u64,
    },
    /// A blob has been read.
    Read {
        /// Its number.
        blob: usize,
        /// Digest of the blob.
        digest: Digest,
        /// Length of the blob in bytes.
        len: u64,
    },
    /// A name of an image is about to refer to what was written. It may stay if the work is cancelled from
    /// now on.
    Publishing,
    /// Another of several images is done.
    Images(ImageProgress),
    /// A note for the user, which does not affect the result.
    Note(&'a str),
}

/// How far the work on several images is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImageProgress {
    /// Number of images whose work is done.
    pub done: usize,
    /// Number of all images.
    pub total: usize,
    /// Number of images that were published, or would be.
    pub published: usize,
    /// Number of images with failures.
    pub failed: usize,
}

/// Whether a layer was built or reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerOutcome {
    /// Its sources were read and the blob was written.
    Built {
        /// Number of bytes of the blob that were copied out of older layers, because compression would have given
        /// them again.
        copied: u64,
    },
    /// The blob existed already, and the input of the layer is unchanged.
    Reused,
}

/// Ignores all events, and never cancels.
#[derive(Debug, Clone, Copy)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn report(&self, _event: ProgressEvent<'_>) {}
}
