//! Collects the *facts* of an image that its rules judge: what its documents declare, and what
//! was seen of its layers.

use crate::cluster::contract::facts::{ConfigFacts, ImageFacts, LayerFacts};
use crate::cluster::vm::{DiskBlobFacts, DiskLayerFacts, MachineFacts, MachineKind};
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
