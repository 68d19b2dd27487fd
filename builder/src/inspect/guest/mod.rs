//! The *guest* in an image: its disk, read in any order. Where the layer allows it only the parts that are
//! asked for are read: a layer that is the disk, a tar that is not compressed, and a layer in zstd:chunked. Other
//! layers can be read only from front to back; the disk is written to a file without a name first.
//!
//! As in [`overview`](super::overview), what is read in parts is not checked, except for the chunks of
//! zstd:chunked, of which each has a digest. A disk that was written to a file is checked as a whole.
//!
//! - `locate`: the disk in the layers
//! - `ranged`: a blob, read in parts
//! - `chunked`: a file in a layer in zstd:chunked
//! - `spool`: a disk in a file without a name
//! - `cursor`: a disk as a stream

mod chunked;
mod cursor;
mod locate;
mod ranged;
mod spool;

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use self::spool::spool_stream;

use self::locate::locate_disk;
use self::spool::spool_disk;
use crate::disk::ReadAt;
use crate::inspect::extract::ExtractError;
use crate::oci::image_documents::PlatformImage;
use crate::oci::images::Images;
use crate::oci::progress::Progress;
use crate::oci::tar::TarLimits;

/// What a disk is opened with.
pub struct DiskContext<'a> {
    /// Where the image is read from.
    pub images: &'a dyn Images,
    /// Name of the disk, if it is one of an artifact.
    pub disk: Option<&'a str>,
    /// Makes a file without a name for a disk that can be read only from front to back. Without it such a disk is
    /// not opened.
    pub spool: Option<&'a dyn Fn() -> io::Result<File>>,
    /// Which layers are read in parts.
    pub parts: PartReading,
    /// Limits of what a layer's tar may have.
    pub limits: TarLimits,
    /// Receives the progress of writing a disk to a file, and can cancel.
    pub progress: &'a dyn Progress,
}

/// Which layers are read in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartReading {
    /// All that can be: what is read of a layer without chunks is not checked.
    Any,
    /// Those whose chunks have digests: nothing is used that was not checked.
    Checked,
}

/// A disk of an image, which can be read in any order.
pub struct OpenedDisk<'a> {
    /// The file of the disk, in whatever format.
    pub file: Arc<dyn ReadAt + 'a>,
    /// Path in the image, or name of the file in an artifact.
    pub path: String,
    /// What is read of the image's layers.
    pub traffic: Traffic,
}

/// How much is read of the layers of an image.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    read: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
    /// Length of the layers in bytes.
    total: u64,
}

impl Traffic {
    fn new(total: u64) -> Self {
        Self { total, ..Self::default() }
    }

    fn count(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many bytes were read.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Returns in how many parts they were read.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns how many bytes there are.
    pub fn total(&self) -> u64 {
        self.total
    }
}

/// Opens the disk of an image; `None` if it could only be written to a file, and no file is made.
pub fn open_disk<'a>(
    image: &'a PlatformImage,
    context: &DiskContext<'a>,
) -> Result<Option<OpenedDisk<'a>>, ExtractError> {
    if let Some(disk) = locate_disk(image, context)? {
        return Ok(Some(disk));
    }
    context.spool.map(|spool| spool_disk(image, context, spool)).transpose()
}

impl std::fmt::Debug for DiskContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiskContext").field("disk", &self.disk).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for OpenedDisk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenedDisk").field("path", &self.path).finish_non_exhaustive()
    }
}
