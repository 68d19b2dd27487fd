//! Collects the *facts* of an image that the contract judges: what its documents declare, and what
//! was seen of its layers.

use crate::cluster::contract::facts::{ConfigFacts, ImageFacts, LayerFacts};
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
