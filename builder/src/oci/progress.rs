//! *Progress* is what is reported while images are made, copied or read, and how that is cancelled. The
//! library shows nothing itself.
//!
//! [`Progress`] is the one trait for it. Work that knows nothing of images, such as the conversion of a
//! disk, gets an [`Advance`] made of it.

use std::io::{self, Read};
use std::ops::ControlFlow;

use crate::oci::image::digest::Digest;
use crate::oci::image::layer::Layer;
use crate::oci::image::platform::Platform;
use crate::oci::sink::Moved;

/// Receives the progress of one task: how many bytes more are done. Returns whether to go on.
pub type Advance<'a> = dyn Fn(u64) -> ControlFlow<()> + Sync + 'a;

/// Receives the progress of what is done with images, and cancels it; called from several threads.
pub trait Progress: Send + Sync {
    /// Receives what happened.
    fn event(&self, event: Event<'_>);

    /// Reports whether the user wants to stop; it is asked often.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Reports that more bytes of a layer or a blob are done, and returns whether to go on.
    fn advance(&self, number: usize, len: u64) -> ControlFlow<()> {
        self.event(Event::Advanced { layer: number, len });
        if self.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Reports how much is read, and fails when the user wants to stop.
pub(crate) struct ProgressReader<'p, R> {
    inner: R,
    progress: &'p dyn Progress,
    /// Number of the blob; nothing if its progress is not reported.
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
            self.progress.event(Event::Advanced { layer, len: count as u64 });
        }
        Ok(count)
    }
}

/// One thing that happened. Layers are numbered within a build, from 0.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A disk that a layer will hold is looked at, to know what it is converted to. It advances as the
    /// layer will.
    Surveying {
        /// Number of the layer.
        layer: usize,
        /// The first platform that needs it.
        platform: &'a Platform,
        /// What the layer holds.
        name: &'a str,
        /// Of the disk, in bytes.
        len: u64,
    },
    /// A layer is being made.
    Started {
        /// Its number.
        layer: usize,
        /// The first platform that needs it.
        platform: &'a Platform,
        /// What it holds.
        name: &'a str,
        /// Length of its tar in bytes.
        len: u64,
    },
    /// More of a layer's tar, or of the survey for it, is done.
    Advanced {
        /// Its number.
        layer: usize,
        /// How many bytes more.
        len: u64,
    },
    /// A layer is there.
    Finished {
        /// Its number.
        layer: usize,
        /// The first platform that needs it.
        platform: &'a Platform,
        /// What it holds.
        name: &'a str,
        /// What it came to.
        result: &'a Layer,
        /// How it came about.
        how: Made,
    },
    /// A blob that lies somewhere is being moved. Blobs are numbered within a copy, from 0, and
    /// advance as layers do.
    Moving {
        /// Its number.
        blob: usize,
        /// Of the blob.
        digest: Digest,
        /// In bytes.
        len: u64,
    },
    /// A blob is where it should be.
    Moved {
        /// Its number.
        blob: usize,
        /// Of the blob.
        digest: Digest,
        /// In bytes.
        len: u64,
        /// How it came there.
        how: Moved,
    },
    /// A blob that lies somewhere is being read, to be looked at. Blobs are numbered and advance as
    /// those do that are moved.
    Reading {
        /// Its number.
        blob: usize,
        /// Of the blob.
        digest: Digest,
        /// In bytes.
        len: u64,
    },
    /// A blob has been read.
    Read {
        /// Its number.
        blob: usize,
        /// Of the blob.
        digest: Digest,
        /// In bytes.
        len: u64,
    },
    /// Something that the user may want to know, and that changes nothing.
    Note(&'a str),
}

/// How a layer came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// Its sources were read.
    Built,
    /// It was there, and its input is unchanged.
    Reused,
}

/// Ignores all progress, and never cancels.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _event: Event<'_>) {}
}
