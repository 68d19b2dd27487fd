//! To *verify* a finished image is to read all of it and to judge it by the
//! [`contract`](crate::cluster::contract): every document, every layer once, each disk by its first
//! bytes. Whatever is wrong with the image is a finding, not a reason to stop.

mod disk_blobs;
mod layer;
mod report;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use oci_spec::image::MediaType;
use thiserror::Error;

use self::disk_blobs::DiskBlobs;
pub use self::report::{VerifiedContent, VerifiedDisk, VerifiedImage, VerifyReport};
use crate::cluster::contract::facts::{EntryFacts, IndexFacts, LayerFacts};
use crate::cluster::contract::{self, DiskBlobFacts, Finding, Findings, judge_image, judge_index};
use crate::cluster::disk_artifact::judge_disk_artifact;
use crate::cluster::vm::{MachineKind, judge_machine, judge_machine_index};
use crate::inspect::facts::{
    ContentKind, disk_artifact_facts, image_facts, machine_facts, machine_kind,
};
use crate::inspect::vm::SeenMachine;
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::format::ImageFormat;
use crate::oci::image::json::Document;
use crate::oci::image::nearest::PlatformNotFound;
use crate::oci::image::platform::Platform;
use crate::oci::image_documents::{ImageDocuments, PlatformImage, read_documents};
use crate::oci::images::Images;
use crate::oci::parallel::in_parallel;
use crate::oci::progress::Progress;
use crate::oci::tar::TarLimits;
use crate::oci::walk::WalkError;

/// Usual value of [`VerifyContext::kept`] in bytes: some hundred thousand members.
pub const DEFAULT_KEPT_LEN: u64 = 64 << 20;

/// What an image is verified with.
pub struct VerifyContext<'a> {
    /// Name of the image in messages.
    pub name: &'a str,
    /// Where the image is read from.
    pub images: &'a dyn Images,
    /// Path of the disk, absolute, where virtual machines name it by `containerDisk.path`; nothing if
    /// the disk is looked for in `/disk`.
    pub disk_path: Option<&'a str>,
    /// Limits of what a layer's tar may have.
    pub limits: TarLimits,
    /// Maximum number of bytes that are kept of the members of all layers together.
    pub kept: u64,
    /// Receives the progress, and can cancel.
    pub progress: &'a dyn Progress,
}

impl VerifyContext<'_> {
    /// Returns the path of the disk as layers have it, if it is named.
    fn member_path(&self) -> Option<&str> {
        self.disk_path.map(|path| path.trim_start_matches('/'))
    }
}

/// Why an image cannot be verified.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// It cannot be read.
    #[error(transparent)]
    Documents(WalkError),
    /// There is no image for a platform.
    #[error(transparent)]
    Platform(#[from] PlatformNotFound),
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Verifies an image, or of an index only the image for a platform.
pub fn verify_image(
    root: Document,
    only: Option<&Platform>,
    context: &VerifyContext<'_>,
) -> Result<VerifyReport, VerifyError> {
    let digest = root.digest;
    let (is_index, is_docker) = (
        root.is_index(),
        root.media_type == ImageFormat::Docker.media_type(&MediaType::ImageIndex),
    );
    let documents = match read_documents(context.images, root) {
        Ok(documents) => documents,
        Err(_) if context.progress.is_cancelled() => return Err(VerifyError::Cancelled),
        Err(error) => return report_broken(digest, error),
    };
    let entry = |image: &PlatformImage| EntryFacts {
        manifest: image.manifest.digest,
        declared: image.declared.clone(),
        config: Platform::from_fields(&image.config_fields),
    };
    let entries: Vec<EntryFacts> = documents.images.iter().map(entry).collect();
    let index = IndexFacts { is_docker, entries };
    let mut findings = match machine_platforms(&documents) {
        _ if !is_index => Vec::new(),
        Some(platforms) => judge_machine_index(&platforms),
        None => judge_index(&index),
    };
    let chosen = match only {
        Some(wanted) => vec![&documents.images[documents.choose_platform(wanted, context.name)?]],
        None => documents.without_attestations().collect(),
    };
    let seen = SeenBlobs {
        layers: read_layers(&chosen, context)?,
        disks: disk_blobs::read_disk_blobs(&chosen, context)?,
    };
    let index_type = documents.artifact_type.as_deref().filter(|_| is_index);
    let mut images = Vec::new();
    for image in chosen {
        let (verified, found) = match ContentKind::of(image) {
            ContentKind::Image => seen.verify_image(image, context),
            ContentKind::Machine(kind) => seen.verify_machine(image, kind, index_type),
            ContentKind::Disk => seen.verify_disk_artifact(image),
        };
        findings.extend(found);
        let (platform, manifest) = (image.platform(), image.manifest.digest);
        images.push(VerifiedImage { platform, manifest, content: verified });
    }
    Ok(VerifyReport { root: digest, images, findings })
}

/// What was seen of blobs.
struct SeenBlobs {
    /// Layers that are tars.
    layers: LayersByBlob,
    /// Layers that are disks.
    disks: DiskBlobs,
}

impl SeenBlobs {
    fn disk(&self, blob: &Descriptor) -> Option<&DiskBlobFacts> {
        self.disks.get(&(blob.digest, blob.size))
    }

    /// Verifies a manifest of a container image.
    fn verify_image(
        &self,
        image: &PlatformImage,
        context: &VerifyContext<'_>,
    ) -> (VerifiedContent, Vec<Finding>) {
        let mut facts = image_facts(image, |blob| {
            self.layers.get(&(blob.digest, blob.size)).cloned().unwrap_or_default()
        });
        facts.disk_path = context.member_path().map(str::to_owned);
        let disk = match &facts.disk_path {
            Some(path) => contract::named_disk(&facts.layers, path),
            None => contract::agreed_disk(&facts.layers),
        };
        let disk = disk.map(|(path, disk)| VerifiedDisk { path, info: disk.info.clone() });
        let findings = judge_image(image.platform().as_ref(), &facts);
        (VerifiedContent::Image(disk), findings)
    }

    /// Verifies a manifest of a VM artifact.
    fn verify_machine(
        &self,
        image: &PlatformImage,
        kind: MachineKind,
        index_type: Option<&str>,
    ) -> (VerifiedContent, Vec<Finding>) {
        let facts = machine_facts(image, kind, index_type, |blob| self.disk(blob).cloned());
        let findings = judge_machine(image.platform().as_ref(), &facts);
        (VerifiedContent::Machine(SeenMachine::new(image, kind)), findings)
    }

    /// Verifies a manifest of a disk artifact.
    fn verify_disk_artifact(&self, image: &PlatformImage) -> (VerifiedContent, Vec<Finding>) {
        let facts = disk_artifact_facts(image, |blob| self.disk(blob));
        let title = image.layers.first().and_then(Descriptor::title).unwrap_or_default();
        let disk = match facts.blob {
            Some(DiskBlobFacts::Sound(info)) => {
                Some(VerifiedDisk { path: title.to_owned(), info: info.clone() })
            }
            _ => None,
        };
        let findings = judge_disk_artifact(image.platform().as_ref(), &facts);
        (VerifiedContent::DiskArtifact(disk), findings)
    }
}

/// Returns the platforms of an index, if all its images are VM artifacts.
fn machine_platforms(documents: &ImageDocuments) -> Option<Vec<Option<Platform>>> {
    let images: Vec<&PlatformImage> = documents.without_attestations().collect();
    let are_machines = images.iter().all(|image| machine_kind(image).is_some());
    let platforms = images.iter().map(|image| image.declared.clone()).collect();
    (are_machines && !images.is_empty()).then_some(platforms)
}

/// Reports an image whose documents cannot be read; nothing else of it can be verified.
fn report_broken(root: Digest, error: WalkError) -> Result<VerifyReport, VerifyError> {
    let is_elsewhere = |error: &StorageError| {
        matches!(error, StorageError::Remote { .. } | StorageError::Cancelled)
    };
    // An error of the server says nothing about the image.
    if matches!(&error, WalkError::Storage(error) if is_elsewhere(error)) {
        return Err(VerifyError::Documents(error));
    }
    let mut findings = Findings::new(None);
    findings.add(&contract::DOCUMENT, "image", error.to_string());
    Ok(VerifyReport { root, images: Vec::new(), findings: findings.into_sorted() })
}

type LayersByBlob = BTreeMap<(Digest, u64), LayerFacts>;

/// Reads the layers of all images, each once, several at a time.
fn read_layers(
    images: &[&PlatformImage],
    context: &VerifyContext<'_>,
) -> Result<LayersByBlob, VerifyError> {
    let usable = images
        .iter()
        .filter(|image| !image.config.is_empty() && image.layers.len() <= contract::LAYERS_MAX);
    let mut blobs: Vec<&Descriptor> = usable.flat_map(|image| &image.layers).collect();
    blobs.sort_by_key(|blob| (blob.digest, blob.size));
    blobs.dedup_by_key(|blob| (blob.digest, blob.size));
    let kept = AtomicU64::new(context.kept);
    let read = |number: usize, blob: &&Descriptor| {
        let facts = layer::read_layer(number, blob, &kept, context);
        if context.progress.is_cancelled() {
            return Err(VerifyError::Cancelled);
        }
        Ok(((blob.digest, blob.size), facts))
    };
    // As many as the machine has processors.
    let layers = in_parallel(&blobs, rayon::current_num_threads(), read)?;
    Ok(layers.into_iter().collect())
}

impl std::fmt::Debug for VerifyContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyContext").field("limits", &self.limits).finish_non_exhaustive()
    }
}
