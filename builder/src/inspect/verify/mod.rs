//! An *examination* reads a finished image from front to back, wherever it lies, and holds it
//! against the [`contract`](crate::cluster::contract): every document, every layer once, each disk's first
//! bytes while it goes by. Whatever is wrong with the image is a finding, and no reason to stop.

mod layer;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use thiserror::Error;

use crate::cluster::contract::facts::{ConfigFacts, EntryFacts, ImageFacts, LayerFacts, Told};
use crate::cluster::contract::{self, Finding, Findings, judge_image, judge_index};
use crate::disk;
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::nearest::PlatformNotFound;
use crate::oci::image::platform::Platform;
use crate::oci::image_documents::{PlatformImage, read_documents};
use crate::oci::images::Images;
use crate::oci::parallel::in_parallel;
use crate::oci::progress::Progress;
use crate::oci::tar::TarLimits;
use crate::oci::walk::WalkError;

/// What [`Context::kept`] usually is, in bytes: some hundred thousand members.
pub const KEPT: u64 = 64 << 20;

/// What an examination works with.
pub struct Context<'a> {
    /// What messages call the image.
    pub name: &'a str,
    /// Where the image is read from.
    pub images: &'a dyn Images,
    /// What a layer may have.
    pub limits: TarLimits,
    /// How many bytes may be kept of the members of all layers together.
    pub kept: u64,
    /// Listens, and stops it.
    pub progress: &'a dyn Progress,
}

/// Why an image cannot be examined.
#[derive(Debug, Error)]
pub enum ExamineError {
    /// It cannot be had.
    #[error(transparent)]
    Documents(WalkError),
    /// There is no image for a platform.
    #[error(transparent)]
    Platform(#[from] PlatformNotFound),
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Report {
    /// Of the index, or of the only image's manifest.
    pub root: Digest,
    /// The images that were examined, in the order of the index.
    pub images: Vec<Examined>,
    /// About the index first, then about each image, worst first.
    pub findings: Vec<Finding>,
}

/// One image that was examined.
#[derive(Debug, Clone)]
pub struct Examined {
    /// What it runs on, unless nothing says so.
    pub platform: Option<Platform>,
    /// Of its manifest.
    pub manifest: Digest,
    /// What both KubeVirt and CDI take for its disk, if they do.
    pub disk: Option<Disk>,
}

/// A disk in an image.
#[derive(Debug, Clone)]
pub struct Disk {
    /// In the image, without a slash in front.
    pub path: String,
    /// What it is, as far as its first bytes tell.
    pub info: disk::Info,
}

/// Examines an image, or of an index only the image for a platform.
pub fn examine(
    root: Document,
    only: Option<&Platform>,
    context: &Context<'_>,
) -> Result<Report, ExamineError> {
    let digest = root.digest;
    let is_index = root.is_index();
    let documents = match read_documents(context.images, root) {
        Ok(documents) => documents,
        Err(_) if context.progress.is_cancelled() => return Err(ExamineError::Cancelled),
        Err(error) => return broken(digest, error),
    };
    let entry = |image: &PlatformImage| EntryFacts {
        manifest: image.manifest.digest,
        told: image.declared.clone(),
    };
    let entries: Vec<EntryFacts> = documents.images.iter().map(entry).collect();
    let mut findings = if is_index { judge_index(&entries) } else { Vec::new() };
    let chosen = match only {
        Some(wanted) => vec![&documents.images[documents.choose(wanted, context.name)?]],
        None => documents.without_attestations().collect(),
    };
    let layers = read_layers(&chosen, context)?;
    let mut images = Vec::new();
    for image in chosen {
        let facts = facts(image, &layers);
        let platform = image.platform();
        findings.extend(judge_image(platform.as_ref(), &facts));
        let disk = contract::disk_of(&facts.layers);
        let disk = disk.map(|(path, disk)| Disk { path, info: disk.info.clone() });
        images.push(Examined { platform, manifest: image.manifest.digest, disk });
    }
    Ok(Report { root: digest, images, findings })
}

/// An image whose documents do not hold together has nothing else that could be looked at.
fn broken(root: Digest, error: WalkError) -> Result<Report, ExamineError> {
    let is_elsewhere = |error: &StorageError| {
        matches!(error, StorageError::Remote { .. } | StorageError::Cancelled)
    };
    // What a server says may be about the server.
    if matches!(&error, WalkError::Storage(error) if is_elsewhere(error)) {
        return Err(ExamineError::Documents(error));
    }
    let mut findings = Findings::of(None);
    findings.add(&contract::DOCUMENT, "image", error.to_string());
    Ok(Report { root, images: Vec::new(), findings: findings.done() })
}

type Layers = BTreeMap<(Digest, u64), LayerFacts>;

/// Reads the layers of all images, each once, several at a time.
fn read_layers(images: &[&PlatformImage], context: &Context<'_>) -> Result<Layers, ExamineError> {
    let usable = images
        .iter()
        .filter(|image| !image.config.is_empty() && image.layers.len() <= contract::LAYERS_MAX);
    let mut blobs: Vec<&Descriptor> = usable.flat_map(|image| &image.layers).collect();
    blobs.sort_by_key(|blob| (blob.digest, blob.size));
    blobs.dedup_by_key(|blob| (blob.digest, blob.size));
    let kept = AtomicU64::new(context.kept);
    let read = |number: usize, blob: &&Descriptor| {
        let facts = layer::read(number, blob, &kept, context);
        if context.progress.is_cancelled() {
            return Err(ExamineError::Cancelled);
        }
        Ok(((blob.digest, blob.size), facts))
    };
    // As many as the machine has processors.
    let layers = in_parallel(&blobs, rayon::current_num_threads(), read)?;
    Ok(layers.into_iter().collect())
}

fn facts(image: &PlatformImage, layers: &Layers) -> ImageFacts {
    let mut config = ConfigFacts::read(&image.config_fields);
    if image.config.is_empty() {
        config.foreign = Some(image.config_descriptor.media_type.clone());
    }
    let layer = |blob: &Descriptor| {
        let mut layer = layers.get(&(blob.digest, blob.size)).cloned().unwrap_or_default();
        let Descriptor { media_type, digest, size, .. } = blob.clone();
        layer.told = Some(Told { media_type, digest, size });
        layer
    };
    ImageFacts {
        told: image.declared.clone(),
        config,
        layers: image.layers.iter().map(layer).collect(),
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("limits", &self.limits).finish_non_exhaustive()
    }
}
