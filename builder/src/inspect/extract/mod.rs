//! To *extract* is to get the disk of a finished image out again, whoever made the image. Every
//! layer is read once, from front to back, and checked: what was written is the disk only if all of
//! them are what their digests say, and KubeVirt and CDI would take the same file.

mod choice;
mod copy;
mod error;
mod output;

use std::io::Read;
use std::thread;

use sha2::{Digest as _, Sha256};

pub use error::ExtractError;
pub use output::{DiskOutput, PipeOutput, SparseFile};

use self::choice::Choice;
use self::copy::{Nowhere, copy_disk};
use crate::cluster::contract::{cdi_takes, is_relevant};
use crate::oci::hashing::BlobProblem;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image_documents::PlatformImage;
use crate::oci::images::Images;
use crate::oci::layer_tar::{ExpectedBlob, LayerProblem, LayerTar};
use crate::oci::progress::{Progress, ProgressEvent};
use crate::oci::tar::{TarEntry, TarEntryKind, TarLimits, TarReadError, TarReader};

/// What a disk is extracted with.
pub struct ExtractContext<'a> {
    /// Where the image is read from.
    pub images: &'a dyn Images,
    /// Limits of what a layer's tar may have.
    pub limits: TarLimits,
    /// Receives the progress, and can cancel.
    pub progress: &'a dyn Progress,
}

/// A disk that was extracted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractedDisk {
    /// Path in the image, without a slash in front.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
}

/// Extracts the disk of an image. What `output` received before an error must be discarded.
pub fn extract_disk(
    image: &PlatformImage,
    output: &mut dyn DiskOutput,
    context: &ExtractContext<'_>,
) -> Result<ExtractedDisk, ExtractError> {
    match run(image, output, context) {
        // Whatever failed, the user cancelled it.
        Err(_) if context.progress.is_cancelled() => Err(ExtractError::Cancelled),
        result => result,
    }
}

fn run(
    image: &PlatformImage,
    output: &mut dyn DiskOutput,
    context: &ExtractContext<'_>,
) -> Result<ExtractedDisk, ExtractError> {
    let diff_ids = diff_ids(image)?;
    let hash = (image.layers.len() > 1).then(Sha256::new);
    let mut extraction =
        Extraction { output, context, choice: Choice::default(), disk: None, hash };
    for (number, (blob, diff_id)) in image.layers.iter().zip(diff_ids).enumerate() {
        extraction.layer(number, blob, diff_id)?;
    }
    let Extraction { output, choice, disk, .. } = extraction;
    choice.judge()?;
    let disk = disk.ok_or(ExtractError::NoDisk)?;
    output.finish().map_err(ExtractError::Output)?;
    Ok(ExtractedDisk { path: disk.path, size: disk.size })
}

/// Returns the digests of the layers' tars that the config declares; it is an error if some are missing.
fn diff_ids(image: &PlatformImage) -> Result<Vec<&str>, ExtractError> {
    if image.config.is_empty() {
        return Err(ExtractError::Artifact(image.config_descriptor.media_type.clone()));
    }
    let all: Vec<&str> = image.diff_ids().collect();
    if all.len() != image.layers.len() {
        let (layers, diff_ids) = (image.layers.len(), all.len());
        return Err(ExtractError::Layers { layers, diff_ids });
    }
    Ok(all)
}

struct Extraction<'e> {
    output: &'e mut dyn DiskOutput,
    context: &'e ExtractContext<'e>,
    choice: Choice,
    /// What was written.
    disk: Option<Disk>,
    /// Begins the digest of what is written, where there is need of it.
    hash: Option<Sha256>,
}

struct Disk {
    path: String,
    size: u64,
    /// Of its bytes, where others may come that have to be compared with it.
    digest: Option<Digest>,
}

impl Extraction<'_> {
    fn layer(
        &mut self,
        number: usize,
        blob: &Descriptor,
        diff_id: &str,
    ) -> Result<(), ExtractError> {
        let (progress, digest, len) = (self.context.progress, blob.digest, blob.size);
        let wrong =
            |problem: LayerProblem| ExtractError::Layer { number: number + 1, digest, problem };
        let reader = self.context.images.open_blob(digest, len, 0)?;
        progress.report(ProgressEvent::Reading { blob: number, digest, len });
        let expected = ExpectedBlob { digest, size: len, progress, number: Some(number) };
        let found = thread::scope(|scope| {
            let tar = LayerTar::new(reader, expected).map_err(BlobProblem::Read);
            let mut tar = tar.map_err(|problem| wrong(problem.into()))?.read_ahead(scope);
            let scanned = self.scan(number, &mut tar);
            if let Err(Stop::Here(error)) = scanned {
                return Err(error);
            }
            // A tar that cannot be read is no news where the bytes are not the right ones.
            let found = tar.finish().map_err(|problem| wrong(problem.into()))?;
            match scanned {
                Err(Stop::Archive(error)) => Err(wrong(error.into())),
                _ => Ok(found.to_string()),
            }
        })?;
        if found != diff_id {
            return Err(wrong(LayerProblem::DiffId { expected: diff_id.to_owned(), found }));
        }
        progress.report(ProgressEvent::Read { blob: number, digest, len });
        Ok(())
    }

    fn scan(&mut self, layer: usize, tar: &mut LayerTar<'_>) -> Result<(), Stop> {
        let packing = tar.compression();
        let mut tar = TarReader::new(tar, packing, self.context.limits);
        while let Some(found) = tar.next().transpose()? {
            if !is_relevant(&found.path) {
                continue;
            }
            if cdi_takes(&found) {
                self.take(&found, layer, &mut tar)?;
            }
            self.choice.keep(layer, found)?;
        }
        tar.drain()?;
        Ok(())
    }

    /// Writes the first disk that comes, and compares others of its name with it.
    fn take(
        &mut self,
        found: &TarEntry,
        layer: usize,
        tar: &mut TarReader<impl Read>,
    ) -> Result<(), Stop> {
        match &self.disk {
            None if found.kind != TarEntryKind::File => {
                let path = found.path.clone();
                Err(ExtractError::Link { path, kind: found.kind.noun() }.into())
            }
            None => {
                self.output.begin(&found.path, found.size).map_err(ExtractError::Output)?;
                let digest = copy_disk(tar, self.output, self.hash.clone())?;
                self.disk = Some(Disk { path: found.path.clone(), size: found.size, digest });
                Ok(())
            }
            Some(disk) if (&disk.path, disk.size) == (&found.path, found.size) => {
                let digest = copy_disk(tar, &mut Nowhere, self.hash.clone())?;
                if digest.is_some() && digest == disk.digest {
                    self.choice.is_same(layer);
                }
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }
}

/// Why a layer is not read on.
enum Stop {
    /// Whatever the rest of the layer holds.
    Here(ExtractError),
    /// It is no tar, and may be damaged.
    Archive(TarReadError),
}

impl From<TarReadError> for Stop {
    fn from(error: TarReadError) -> Self {
        Self::Archive(error)
    }
}

impl From<ExtractError> for Stop {
    fn from(error: ExtractError) -> Self {
        Self::Here(error)
    }
}

impl std::fmt::Debug for ExtractContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExtractContext").field("limits", &self.limits).finish_non_exhaustive()
    }
}
