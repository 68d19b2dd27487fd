//! The parts of a *manifest* that make a base: its config and layers.

use super::BaseError;
use crate::cluster::contract::LAYERS_MAX;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::format::is_image_config;
use crate::oci::image::json::Document;
use crate::oci::image::layer::ChunkedMetadata;
use crate::oci::image::manifest::ImageManifest;
use crate::oci::walk::WalkError;
use crate::recipe::BaseLayer;

/// Returns the config and the layers of an image, with OCI's media types.
pub(super) fn config_and_layers(
    document: &Document,
    manifest: ImageManifest,
) -> Result<(Descriptor, Vec<BaseLayer>), BaseError> {
    let wrong = |why: String| BaseError::from(WalkError::Unusable(document.digest, why));
    let config = manifest.config.ok_or_else(|| wrong("it has no config".into()))?;
    let config_type = &config.media_type;
    if !is_image_config(config_type) {
        return Err(wrong(format!("it is no image, but has a config of type `{config_type}`")));
    }
    if manifest.layers.len() > LAYERS_MAX {
        return Err(wrong(format!("it has more than {LAYERS_MAX} layers")));
    }
    let layers = manifest.layers.into_iter().map(base_layer).collect::<Result<_, _>>()?;
    Ok((config, layers))
}

fn base_layer(descriptor: Descriptor) -> Result<BaseLayer, BaseError> {
    let Descriptor { media_type, digest, size, mut annotations, .. } = descriptor;
    annotations.retain(|key, _| ChunkedMetadata::is_annotation(key));
    match layer_type(&media_type) {
        Ok(media_type) => {
            Ok(BaseLayer { media_type: media_type.into(), digest, size, annotations })
        }
        Err(why) => Err(BaseError::MediaType { digest, media_type, why }),
    }
}

/// Returns OCI's media type for that of a layer, or why it is not supported.
fn layer_type(media_type: &str) -> Result<&'static str, &'static str> {
    const DOCKER: &str = "application/vnd.docker.image.rootfs.";
    const OCI: &str = "application/vnd.oci.image.layer.";
    let kind = media_type.strip_prefix(DOCKER).or_else(|| media_type.strip_prefix(OCI));
    match kind {
        Some("diff.tar" | "v1.tar") => Ok("application/vnd.oci.image.layer.v1.tar"),
        Some("diff.tar.gzip" | "v1.tar+gzip") => Ok("application/vnd.oci.image.layer.v1.tar+gzip"),
        Some("diff.tar.zstd" | "v1.tar+zstd") => Ok("application/vnd.oci.image.layer.v1.tar+zstd"),
        Some(kind) if kind.starts_with("foreign") || kind.starts_with("nondistributable") => {
            Err("its bytes are not distributed with the image")
        }
        _ if media_type.ends_with("+encrypted") => Err("it is encrypted"),
        _ => Err("its type is not known"),
    }
}
