//! Collects the *facts* of an image that its rules judge: what its documents declare, and what
//! was seen of its layers.

use crate::cluster::contract::DiskBlobFacts;
use crate::cluster::contract::facts::{ConfigFacts, ImageFacts, LayerFacts};
use crate::cluster::disk_artifact::{ARTIFACT_TYPE, ArtifactKind, DiskArtifactFacts};
use crate::cluster::vm::{DiskLayerFacts, MachineFacts, MachineKind};
use crate::disk::{has_disk_extension, without_compression};
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image_documents::PlatformImage;

/// Returns the facts of an image; `seen` returns what was seen of a layer.
pub(super) fn image_facts(
    image: &PlatformImage,
    seen: impl Fn(&Descriptor) -> LayerFacts,
) -> ImageFacts {
    let mut config = ConfigFacts::from_fields(&image.config_fields);
    if image.config.is_empty() {
        config.foreign = Some(image.config_descriptor.media_type.clone());
    }
    let layer = |blob: &Descriptor| LayerFacts { declared: Some(blob.clone()), ..seen(blob) };
    let layers = image.layers.iter().map(layer).collect();
    let (declared, artifact_type) = (image.declared.clone(), image.artifact_type.clone());
    ImageFacts { declared, artifact_type, config, layers, disk_path: None }
}

/// What a manifest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentKind {
    /// A container image, or an artifact of a type that is not known.
    Image,
    /// A VM artifact with an object of this kind.
    Machine(MachineKind),
    /// A disk artifact.
    Disk,
}

impl ContentKind {
    /// Returns what a manifest is. An artifact of any type that has the file of a disk is a disk artifact.
    pub(super) fn of(image: &PlatformImage) -> Self {
        if let Some(kind) = machine_kind(image) {
            return Self::Machine(kind);
        }
        let own_type = image.artifact_type.as_deref().unwrap_or_default();
        let is_disk = |layer: &Descriptor| {
            layer.title().is_some_and(|title| has_disk_extension(without_compression(title)))
        };
        let is_artifact = image.config.is_empty() && !own_type.is_empty();
        if is_artifact && (own_type == ARTIFACT_TYPE || image.layers.iter().any(is_disk)) {
            return Self::Disk;
        }
        Self::Image
    }
}

/// Returns the kind of artifact that a manifest is of; nothing if it is of a container image.
pub fn artifact_kind(image: &PlatformImage) -> Option<ArtifactKind> {
    match ContentKind::of(image) {
        ContentKind::Image => None,
        ContentKind::Machine(_) => Some(ArtifactKind::Vm),
        ContentKind::Disk => Some(ArtifactKind::Disk),
    }
}

/// Returns the facts of a manifest of a disk artifact; `seen` returns what was seen of a layer.
pub(super) fn disk_artifact_facts<'a>(
    image: &'a PlatformImage,
    seen: impl Fn(&Descriptor) -> Option<&'a DiskBlobFacts>,
) -> DiskArtifactFacts<'a> {
    let blob = match &image.layers[..] {
        [only] => seen(only),
        _ => None,
    };
    let config_type = &image.config_descriptor.media_type;
    DiskArtifactFacts { config_type, layers: &image.layers, blob }
}

/// Returns the kind of object that a manifest has, if it is one of a VM artifact.
pub(super) fn machine_kind(image: &PlatformImage) -> Option<MachineKind> {
    MachineKind::from_artifact_type(image.artifact_type.as_deref()?)
}

/// Returns the facts of a manifest of a VM artifact; `seen` returns what was seen of a layer.
pub(super) fn machine_facts<'a>(
    image: &'a PlatformImage,
    kind: MachineKind,
    index_type: Option<&'a str>,
    seen: impl Fn(&Descriptor) -> Option<DiskBlobFacts>,
) -> MachineFacts<'a> {
    let layer = |declared: &'a Descriptor| DiskLayerFacts { declared, blob: seen(declared) };
    MachineFacts {
        declared: image.declared.as_ref(),
        index_type,
        kind,
        config_type: &image.config_descriptor.media_type,
        config: &image.artifact_config,
        layers: image.layers.iter().map(layer).collect(),
    }
}
