//! How an image's documents are composed: the manifest of a platform, and the index of all platforms (<https://github.com/opencontainers/image-spec>).

use std::collections::{BTreeMap, HashMap};

use oci_spec::OciSpecError;
use oci_spec::image::{
    Descriptor, ImageIndexBuilder, ImageManifestBuilder, MediaType, PlatformBuilder, SCHEMA_VERSION,
};
use thiserror::Error;

use super::digest::Digest;
use super::format::Format;
use super::json::{Document, descriptor};
use super::platform::Platform;

/// A finished layer, as manifests speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerDescriptor {
    /// The packing is part of it.
    pub media_type: MediaType,
    /// Of the blob.
    pub digest: Digest,
    /// Of the blob, in bytes.
    pub size: u64,
}

/// A finished image of one platform, as an index speaks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Of its manifest.
    pub media_type: MediaType,
    /// Of its manifest.
    pub digest: Digest,
    /// Of its manifest, in bytes.
    pub size: u64,
    /// What it runs on.
    pub platform: Platform,
    /// Said of it in the index alone.
    pub annotations: BTreeMap<String, String>,
}

impl IndexEntry {
    /// Returns what an index says of a manifest.
    pub fn new(
        manifest: &Document,
        platform: Platform,
        annotations: BTreeMap<String, String>,
    ) -> Self {
        let (media_type, digest) = (manifest.media_type.clone(), manifest.digest);
        Self { media_type, digest, size: manifest.bytes.len() as u64, platform, annotations }
    }

    fn descriptor(&self) -> Result<Descriptor, OciSpecError> {
        let descriptor = descriptor(self.media_type.clone(), self.digest, self.size)
            .platform(oci_platform(&self.platform)?);
        if self.annotations.is_empty() {
            return descriptor.build();
        }
        descriptor.annotations(map(&self.annotations)).build()
    }
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

/// Composes a platform's manifest. Docker's has no annotations.
pub fn manifest(
    format: Format,
    config: &Document,
    layers: &[LayerDescriptor],
    annotations: &BTreeMap<String, String>,
) -> Result<Document, DocumentError> {
    let layers = layers
        .iter()
        .map(|layer| {
            descriptor(format.media_type(&layer.media_type), layer.digest, layer.size).build()
        })
        .collect::<Result<Vec<_>, _>>()?;
    let media_type = format.media_type(&MediaType::ImageManifest);
    let mut manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(media_type.clone())
        .config(config.plain_descriptor()?)
        .layers(layers);
    if format == Format::Oci && !annotations.is_empty() {
        manifest = manifest.annotations(map(annotations));
    }
    Ok(Document::new(media_type, &manifest.build()?)?)
}

/// Composes the index of all platforms, in the order given. Docker's has no annotations.
pub fn index(
    format: Format,
    entries: &[IndexEntry],
    annotations: &BTreeMap<String, String>,
) -> Result<Document, DocumentError> {
    let manifests = entries.iter().map(IndexEntry::descriptor).collect::<Result<Vec<_>, _>>()?;
    let media_type = format.media_type(&MediaType::ImageIndex);
    let mut index = ImageIndexBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(media_type.clone())
        .manifests(manifests);
    if format == Format::Oci && !annotations.is_empty() {
        index = index.annotations(map(annotations));
    }
    Ok(Document::new(media_type, &index.build()?)?)
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
