//! To *extract* is to write the disk of a finished image to a file, whatever tool made the image.
//! Every layer is read once, from front to back, and checked: the written file is the disk only if
//! all layers have their digests, and KubeVirt and CDI would take the same file. With a [seed](SeedUse), the tar of a
//! layer in zstd:chunked is assembled from its chunks, and checked as well.

mod blob;
mod choice;
mod copy;
mod device;
mod error;
mod layers;
mod output;
mod seed;

use std::io;
use std::sync::Arc;

pub use device::DeviceOutput;
pub use error::ExtractError;
pub use output::{DiskOutput, PipeOutput, SparseFile};
pub use seed::{ReusedBytes, SeedUse, UnusedSeed};

pub(in crate::inspect) use self::blob::{choose_layer, disk_path};
pub(in crate::inspect) use self::choice::DiskChoice;

use self::layers::Extraction;
use crate::disk::ReadAt;
use crate::inspect::facts::ContentKind;
use crate::oci::image_documents::PlatformImage;
use crate::oci::images::Images;
use crate::oci::progress::Progress;
use crate::oci::tar::TarLimits;

/// What a disk is extracted with.
pub struct ExtractContext<'a> {
    /// Where the image is read from.
    pub images: &'a dyn Images,
    /// Limits of what a layer's tar may have.
    pub limits: TarLimits,
    /// Name of the disk, if it is one of an artifact.
    pub disk: Option<&'a str>,
    /// Files on this machine that may have parts of the disk. The registry sees which parts it is not asked for, so that
    /// no image may choose them. Without any, layers are read as a whole.
    pub seeds: &'a [Arc<dyn ReadAt>],
    /// Receives the progress, and can cancel.
    pub progress: &'a dyn Progress,
}

/// A disk that was extracted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractedDisk {
    /// Path in the image, or name of the file in an artifact.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// What came of the seeds.
    pub seeds: SeedUse,
}

/// Extracts the disk of an image. What `output` received before an error must be discarded.
pub fn extract_disk(
    image: &PlatformImage,
    output: &mut dyn DiskOutput,
    context: &ExtractContext<'_>,
) -> Result<ExtractedDisk, ExtractError> {
    let extracted = match ContentKind::of(image) {
        ContentKind::Machine(_) | ContentKind::Disk => blob::extract_blob(image, output, context),
        ContentKind::Image if context.disk.is_some() => Err(ExtractError::NamedDisk),
        ContentKind::Image => extract_image(image, output, context),
    };
    match extracted {
        // Any error may be a consequence of the cancellation.
        Err(_) if context.progress.is_cancelled() => Err(ExtractError::Cancelled),
        result => result,
    }
}

/// Extracts the disk of an image. If its layer cannot be assembled from chunks, it is read as a whole.
fn extract_image(
    image: &PlatformImage,
    output: &mut dyn DiskOutput,
    context: &ExtractContext<'_>,
) -> Result<ExtractedDisk, ExtractError> {
    let mut extraction = Extraction::new(image, output, context);
    let Some(unused) = extraction.read_layers(image)? else { return extraction.finish() };
    if context.progress.is_cancelled() {
        return Err(ExtractError::Cancelled);
    }
    if extraction.has_begun {
        output.restart().map_err(|error| match error.kind() {
            io::ErrorKind::Unsupported => ExtractError::Restart(unused.clone()),
            _ => ExtractError::Output(error),
        })?;
    }
    let context = ExtractContext { seeds: &[], ..*context };
    let mut extraction = Extraction::new(image, output, &context);
    extraction.read_layers(image)?;
    let extracted = extraction.finish()?;
    Ok(ExtractedDisk { seeds: SeedUse::Unused(unused), ..extracted })
}

impl std::fmt::Debug for ExtractContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExtractContext").field("limits", &self.limits).finish_non_exhaustive()
    }
}
