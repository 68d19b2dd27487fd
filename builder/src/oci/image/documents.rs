//! Composes an image's *documents*: the manifest of a platform, and the index of all platforms
//! (<https://github.com/opencontainers/image-spec>).

use std::collections::{BTreeMap, HashMap};

use oci_spec::OciSpecError;
use oci_spec::image::{
    Descriptor, ImageIndexBuilder, ImageManifestBuilder, MediaType, PlatformBuilder, SCHEMA_VERSION,
};
use thiserror::Error;

use super::digest::Digest;
use super::format::ImageFormat;
use super::json::{Document, describe_blob};
use super::platform::Platform;
use super::subject::SubjectError;
use super::tag::TagError;

/// Annotation of an entry of an index that holds attestations: digest of the image that they are about
/// (<https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md>).
pub(crate) const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

/// A finished layer as a manifest refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerDescriptor {
    /// Media type, which includes the compression of the tar.
    pub(crate) media_type: MediaType,
    /// Digest of the blob.
    pub(crate) digest: Digest,
    /// Length of the blob in bytes.
    pub(crate) size: u64,
    /// Annotations of the layer; Docker's format has none.
    pub(crate) annotations: BTreeMap<String, String>,
}

/// The finished image of a platform as an index refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    /// Media type of the manifest.
    pub(crate) media_type: MediaType,
    /// Digest of the manifest.
    pub(crate) digest: Digest,
    /// Length of the manifest in bytes.
    pub(crate) size: u64,
    /// Platform that the index declares.
    pub(crate) platform: Platform,
    /// Annotations of the entry in the index.
    pub(crate) annotations: BTreeMap<String, String>,
}

impl IndexEntry {
    /// Returns the entry for a manifest.
    pub(crate) fn new(
        manifest: &Document,
        platform: Platform,
        annotations: BTreeMap<String, String>,
    ) -> Self {
        let (media_type, digest) = (manifest.media_type.clone(), manifest.digest);
        Self { media_type, digest, size: manifest.bytes.len() as u64, platform, annotations }
    }

    fn descriptor(&self) -> Result<Descriptor, OciSpecError> {
        let descriptor = describe_blob(self.media_type.clone(), self.digest, self.size)
            .platform(oci_platform(&self.platform)?);
        if self.annotations.is_empty() {
            return descriptor.build();
        }
        descriptor.annotations(to_hash_map(&self.annotations)).build()
    }
}

/// A document could not be composed. No input is known that causes this.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// A field is missing or wrong.
    #[error(transparent)]
    Spec(#[from] OciSpecError),
    /// The document cannot be serialized as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The image cannot refer to another.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// A platform cannot be a part of a tag.
    #[error(transparent)]
    Tag(#[from] TagError),
}

/// What the manifest of a platform is composed of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ManifestParts<'a> {
    /// Family of media types. In Docker's, manifests and layers have no annotations.
    pub(crate) format: ImageFormat,
    /// Artifact type, if the manifest is an artifact.
    pub(crate) artifact_type: Option<&'a str>,
    /// The config.
    pub(crate) config: &'a Document,
    /// The layers, lowest first.
    pub(crate) layers: &'a [LayerDescriptor],
    /// Annotations of the manifest.
    pub(crate) annotations: &'a BTreeMap<String, String>,
}

/// Composes the manifest of a platform.
pub(crate) fn compose_manifest(parts: &ManifestParts<'_>) -> Result<Document, DocumentError> {
    let ManifestParts { format, artifact_type, config, layers, annotations } = *parts;
    let layers = layers
        .iter()
        .map(|layer| {
            let media_type = format.media_type(&layer.media_type);
            let descriptor = describe_blob(media_type, layer.digest, layer.size);
            if format != ImageFormat::Oci || layer.annotations.is_empty() {
                return descriptor.build();
            }
            descriptor.annotations(to_hash_map(&layer.annotations)).build()
        })
        .collect::<Result<Vec<_>, _>>()?;
    let media_type = format.media_type(&MediaType::ImageManifest);
    let mut manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(media_type.clone())
        .config(config.descriptor()?)
        .layers(layers);
    if format == ImageFormat::Oci && !annotations.is_empty() {
        manifest = manifest.annotations(to_hash_map(annotations));
    }
    if let Some(artifact_type) = artifact_type {
        manifest = manifest.artifact_type(MediaType::from(artifact_type));
    }
    Ok(Document::new(media_type, &manifest.build()?)?)
}

/// What the index of all platforms is composed of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexParts<'a> {
    /// Family of media types. In Docker's, indexes have no annotations.
    pub(crate) format: ImageFormat,
    /// Artifact type, if all manifests are artifacts of this type.
    pub(crate) artifact_type: Option<&'a str>,
    /// The manifests, in order.
    pub(crate) entries: &'a [IndexEntry],
    /// Annotations of the index.
    pub(crate) annotations: &'a BTreeMap<String, String>,
}

/// Composes the index of all platforms.
pub(crate) fn compose_index(parts: &IndexParts<'_>) -> Result<Document, DocumentError> {
    let IndexParts { format, artifact_type, entries, annotations } = *parts;
    let manifests = entries.iter().map(IndexEntry::descriptor).collect::<Result<Vec<_>, _>>()?;
    let media_type = format.media_type(&MediaType::ImageIndex);
    let mut index = ImageIndexBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(media_type.clone())
        .manifests(manifests);
    if format == ImageFormat::Oci && !annotations.is_empty() {
        index = index.annotations(to_hash_map(annotations));
    }
    if let Some(artifact_type) = artifact_type {
        index = index.artifact_type(MediaType::from(artifact_type));
    }
    Ok(Document::new(media_type, &index.build()?)?)
}

/// Returns a platform as the type of `oci-spec`.
pub(crate) fn oci_platform(platform: &Platform) -> Result<oci_spec::image::Platform, OciSpecError> {
    let mut builder = PlatformBuilder::default()
        .architecture(platform.architecture.as_str())
        .os(platform.os.as_str());
    if let Some(variant) = &platform.variant {
        builder = builder.variant(variant);
    }
    builder.build()
}

/// Converts to the map type of `oci-spec`. It is unordered, but documents are written canonically.
fn to_hash_map(map: &BTreeMap<String, String>) -> HashMap<String, String> {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}
