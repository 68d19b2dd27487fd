//! The *documents* of a finished image, parsed: for every image of an index the manifest, the
//! config and the descriptors of the layers, whether or not a cluster would accept them. No layer
//! is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use serde_json::Value;

use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::format::is_image_config;
use crate::oci::image::json::Document;
use crate::oci::image::manifest::ImageManifest;
use crate::oci::image::nearest::{PlatformNotFound, find_nearest};
use crate::oci::image::platform::Platform;
use crate::oci::images::Images;
use crate::oci::walk::{
    DocumentLimits, DocumentWalk, ImageEntry, NestedIndexes, WalkError, read_index,
};

/// The documents of an image, parsed.
#[derive(Debug, Clone)]
pub struct ImageDocuments {
    /// The document that the name refers to: an index, or the manifest of the only image.
    pub root: Document,
    /// Annotations of the root document.
    pub annotations: BTreeMap<String, String>,
    /// Artifact type of the root document; that of images has none.
    pub artifact_type: Option<String>,
    /// All images in the order of the index, including attestations.
    pub images: Vec<PlatformImage>,
}

/// One image of an index, or the only one.
#[derive(Debug, Clone)]
pub struct PlatformImage {
    /// Platform that the index declares; `unknown/unknown` for attestations.
    pub declared: Option<Platform>,
    /// Annotations of the entry in the index.
    pub entry_annotations: BTreeMap<String, String>,
    /// The manifest.
    pub manifest: Document,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// Artifact type of the manifest; an image has none.
    pub artifact_type: Option<String>,
    /// The config of an artifact; null if it is not JSON, or this is an image.
    pub artifact_config: Value,
    /// Bytes of the config; empty if its media type is not that of an image config.
    pub config: Vec<u8>,
    /// Fields of the config; null if its media type is not that of an image config.
    pub config_fields: Value,
    /// Descriptor of the config in the manifest.
    pub config_descriptor: Descriptor,
    /// Descriptors of the layers in the manifest, lowest first.
    pub layers: Vec<Descriptor>,
}

impl PlatformImage {
    /// Returns the platform to show: that of the config, else that of the index.
    pub fn platform(&self) -> Option<Platform> {
        Platform::from_fields(&self.config_fields).or_else(|| self.declared.clone())
    }

    /// Returns the platform by which the image is chosen among several: that of the index, else
    /// that of the config.
    pub(crate) fn offered_platform(&self) -> Option<Platform> {
        self.declared.clone().or_else(|| Platform::from_fields(&self.config_fields))
    }

    /// Returns the `diff_ids` of the config, lowest layer first; an element that is not a string is
    /// empty.
    pub(crate) fn diff_ids(&self) -> impl Iterator<Item = &str> {
        let all = self.config_fields.pointer("/rootfs/diff_ids").and_then(Value::as_array);
        all.into_iter().flatten().map(|digest| digest.as_str().unwrap_or_default())
    }

    /// Returns the environment variables of the config, as `NAME=VALUE`.
    pub fn env(&self) -> impl Iterator<Item = &str> {
        let all = self.config_fields.pointer("/config/Env").and_then(Value::as_array);
        all.into_iter().flatten().filter_map(Value::as_str)
    }

    /// Returns the value of a label of the config.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.config_fields.pointer("/config/Labels")?.get(name)?.as_str()
    }

    /// Returns whether this is an attestation of BuildKit rather than an image.
    pub fn is_attestation(&self) -> bool {
        self.declared.as_ref().is_some_and(Platform::is_unknown)
    }
}

impl ImageDocuments {
    /// Returns the images without the attestations.
    pub fn without_attestations(&self) -> impl Iterator<Item = &PlatformImage> {
        self.images.iter().filter(|image| !image.is_attestation())
    }

    /// Returns the index in [`images`](Self::images) of the image that is nearest to a platform.
    /// `name` is the name of the image in messages.
    pub fn choose_platform(
        &self,
        wanted: &Platform,
        name: &str,
    ) -> Result<usize, PlatformNotFound> {
        let images: Vec<(usize, &PlatformImage)> =
            self.images.iter().enumerate().filter(|(_, image)| !image.is_attestation()).collect();
        let platforms =
            images.iter().map(|(_, image)| Ok::<_, Infallible>(image.offered_platform()));
        let Ok(chosen) = find_nearest(name, wanted, platforms);
        chosen.map(|number| images[number].0)
    }
}

/// Reads the documents of an image.
pub fn read_documents(images: &dyn Images, root: Document) -> Result<ImageDocuments, WalkError> {
    let mut walk = DocumentWalk::new(&images, DocumentLimits::default());
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    for entry in walk.list_images(&root, NestedIndexes::ByDocument)? {
        let image = read_image(&mut walk, entry)?;
        if !known.insert(image.manifest.digest) {
            // Every image keeps its own copy of the documents in memory.
            let config = usize::try_from(image.config_descriptor.size).unwrap_or(usize::MAX);
            let has_config = !image.config.is_empty() || !image.artifact_config.is_null();
            let config = if has_config { config } else { 0 };
            walk.count_bytes(root.digest, image.manifest.bytes.len().saturating_add(config))?;
        }
        found.push(image);
    }
    let (annotations, artifact_type) = match &found[..] {
        [only] if !root.is_index() => (only.annotations.clone(), only.artifact_type.clone()),
        _ => {
            let index = read_index(&root)?;
            (index.annotations, index.artifact_type)
        }
    };
    Ok(ImageDocuments { root, annotations, artifact_type, images: found })
}

fn read_image(walk: &mut DocumentWalk<'_>, entry: ImageEntry) -> Result<PlatformImage, WalkError> {
    let manifest = walk.read_document(entry.parent, &entry.descriptor)?;
    let ImageManifest { config, layers, annotations, artifact_type } =
        walk.parse_manifest(&manifest)?;
    let missing = || WalkError::Unusable(manifest.digest, "it has no config".into());
    let config_descriptor = config.ok_or_else(missing)?;
    let (config, config_fields) = if is_image_config(&config_descriptor.media_type) {
        let config = walk.read_config(&config_descriptor)?;
        let fields = serde_json::from_slice(&config);
        let wrong = |error: serde_json::Error| {
            WalkError::Unusable(config_descriptor.digest, error.to_string())
        };
        (config.to_vec(), fields.map_err(wrong)?)
    } else {
        (Vec::new(), Value::Null)
    };
    let artifact_config = match &artifact_type {
        Some(_) if config.is_empty() => read_artifact_config(walk, &config_descriptor)?,
        _ => Value::Null,
    };
    Ok(PlatformImage {
        declared: entry.descriptor.platform,
        entry_annotations: entry.descriptor.annotations,
        manifest: (*manifest).clone(),
        annotations,
        artifact_type,
        artifact_config,
        config,
        config_fields,
        config_descriptor,
        layers,
    })
}

/// Returns the config of an artifact; null if its media type is not one of JSON, or it is not JSON.
fn read_artifact_config(
    walk: &mut DocumentWalk<'_>,
    config: &Descriptor,
) -> Result<Value, WalkError> {
    if !config.media_type.ends_with("+json") {
        return Ok(Value::Null);
    }
    Ok(serde_json::from_slice(&walk.read_config(config)?).unwrap_or_default())
}
