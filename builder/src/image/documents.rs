//! How an image's documents are composed: the config of a platform, its manifest, and the index of
//! all platforms (<https://github.com/opencontainers/image-spec>).

use std::collections::{BTreeMap, HashMap};

use oci_spec::OciSpecError;
use oci_spec::image::{
    ConfigBuilder, HistoryBuilder, ImageConfigurationBuilder, ImageIndexBuilder,
    ImageManifestBuilder, MediaType, PlatformBuilder, RootFsBuilder, SCHEMA_VERSION,
};
use thiserror::Error;

use super::digest::Digest;
use super::json::{Document, descriptor};
use super::platform::Platform;
use super::time::Timestamp;

/// A finished layer, as documents speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerEntry {
    /// The packing is part of it.
    pub media_type: MediaType,
    /// Of the blob.
    pub digest: Digest,
    /// Of the blob, in bytes.
    pub size: u64,
    /// Of the uncompressed tar.
    pub diff_id: Digest,
    /// What the layer holds, for the history.
    pub history: String,
}

/// What a platform's config says besides its layers.
#[derive(Debug, Clone, Copy)]
pub struct ConfigInput<'a> {
    /// What the image runs on.
    pub platform: &'a Platform,
    /// Written sorted, `NAME=VALUE`.
    pub env: &'a BTreeMap<String, String>,
    /// Labels of the config.
    pub labels: &'a BTreeMap<String, String>,
    /// When the image and its layers were made.
    pub created: Timestamp,
}

/// A document could not be composed; no input is known that leads to this.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// A field is missing or wrong.
    #[error(transparent)]
    Spec(#[from] OciSpecError),
    /// It cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Composes a platform's config.
pub fn config(input: ConfigInput<'_>, layers: &[LayerEntry]) -> Result<Document, DocumentError> {
    let created = input.created.to_string();
    let env: Vec<String> =
        input.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut config = ConfigBuilder::default();
    if !env.is_empty() {
        config = config.env(env);
    }
    if !input.labels.is_empty() {
        config = config.labels(map(input.labels));
    }
    let history = layers.iter().map(|layer| {
        HistoryBuilder::default()
            .created(created.clone())
            .created_by(&layer.history)
            .comment("diskette")
            .build()
    });
    // Tools that convert images refuse one without a history entry for each layer.
    let history = history.collect::<Result<Vec<_>, _>>()?;
    let diff_ids = layers.iter().map(|layer| layer.diff_id.to_string()).collect::<Vec<_>>();
    let mut image = ImageConfigurationBuilder::default()
        .created(created)
        .architecture(input.platform.architecture.as_str())
        .os(input.platform.os.as_str())
        .config(config.build()?)
        .rootfs(RootFsBuilder::default().typ("layers").diff_ids(diff_ids).build()?)
        .history(history);
    if let Some(variant) = &input.platform.variant {
        image = image.variant(variant);
    }
    Ok(Document::new(MediaType::ImageConfig, &image.build()?)?)
}

/// Composes a platform's manifest.
pub fn manifest(
    config: &Document,
    layers: &[LayerEntry],
    annotations: &BTreeMap<String, String>,
) -> Result<Document, DocumentError> {
    let layers = layers
        .iter()
        .map(|layer| descriptor(layer.media_type.clone(), layer.digest, layer.size).build())
        .collect::<Result<Vec<_>, _>>()?;
    let mut manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageManifest)
        .config(config.plain_descriptor()?)
        .layers(layers);
    if !annotations.is_empty() {
        manifest = manifest.annotations(map(annotations));
    }
    Ok(Document::new(MediaType::ImageManifest, &manifest.build()?)?)
}

/// Composes the index of all platforms, in the order given.
pub fn index(
    manifests: &[(Document, Platform)],
    annotations: &BTreeMap<String, String>,
) -> Result<Document, DocumentError> {
    let manifests = manifests
        .iter()
        .map(|(manifest, platform)| manifest.descriptor().platform(oci_platform(platform)?).build())
        .collect::<Result<Vec<_>, _>>()?;
    let mut index = ImageIndexBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageIndex)
        .manifests(manifests);
    if !annotations.is_empty() {
        index = index.annotations(map(annotations));
    }
    Ok(Document::new(MediaType::ImageIndex, &index.build()?)?)
}

/// Returns a platform as the type of `oci-spec`.
pub fn oci_platform(platform: &Platform) -> Result<oci_spec::image::Platform, OciSpecError> {
    let mut builder = PlatformBuilder::default()
        .architecture(platform.architecture.as_str())
        .os(platform.os.as_str());
    if let Some(variant) = &platform.variant {
        builder = builder.variant(variant);
    }
    builder.build()
}

/// `oci-spec` keeps maps unordered; documents are canonical all the same.
fn map(map: &BTreeMap<String, String>) -> HashMap<String, String> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}
