//! A *survey* is what the documents of a finished image say: for every image of an index its
//! manifest, its config and its layers, as they are, whether or not anybody would accept them. No
//! layer is opened.

use serde_json::Value;
use thiserror::Error;

use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::platform::Platform;
use crate::oci::images::Images;

/// How many images an index may have, with those in it, and how deep they may stand.
const IMAGES_MAX: usize = 1000;
const DEPTH_MAX: usize = 3;

/// The longest config, in bytes.
const CONFIG_MAX: u64 = 4 << 20;

/// Why an image's documents cannot be read.
#[derive(Debug, Error)]
pub enum SurveyError {
    /// They cannot be had.
    #[error("{}", .0.full_message())]
    Images(#[from] StorageError),
    /// One that another names is not there.
    #[error("the image names {0}, which is not there")]
    Missing(Digest),
    /// One is not what it should be.
    #[error("the document {0} cannot be used: {1}")]
    Document(Digest, String),
}

/// What an image's documents say.
#[derive(Debug, Clone)]
pub struct ImageDocuments {
    /// What the name stands for: an index, or the manifest of the only image.
    pub root: Document,
    /// In the order of the index.
    pub images: Vec<PlatformImage>,
}

/// One image of an index, or the only one.
#[derive(Debug, Clone)]
pub struct PlatformImage {
    /// What the index says that it runs on; `unknown/unknown` for attestations.
    pub told: Option<Platform>,
    /// Its manifest.
    pub manifest: Document,
    /// The manifest's fields.
    pub fields: Value,
    /// The config, byte for byte; empty where its type is not that of an image's config.
    pub config: Vec<u8>,
    /// The config's fields; null where its type is not that of an image's config.
    pub config_fields: Value,
    /// Of the config blob.
    pub config_blob: Blob,
    /// Lowest first.
    pub layers: Vec<Blob>,
}

/// A blob as a manifest speaks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// As the manifest has it.
    pub media_type: String,
    /// Of its bytes.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
}

impl PlatformImage {
    /// Returns what it runs on: what its config says, else what the index says.
    pub fn platform(&self) -> Option<Platform> {
        let text = |name: &str| {
            let text = self.config_fields.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        match (text("os"), text("architecture")) {
            (Some(os), Some(architecture)) => {
                Some(Platform { os, architecture, variant: text("variant") })
            }
            _ => self.told.clone(),
        }
    }

    /// Tells whether it is no image but says something of one (BuildKit's attestations).
    pub fn is_attestation(&self) -> bool {
        self.told.as_ref().is_some_and(|platform| platform.os == "unknown")
    }
}

/// Reads the documents of an image.
pub fn read_documents(images: &dyn Images, root: Document) -> Result<ImageDocuments, SurveyError> {
    let mut found = Vec::new();
    collect(images, &root, None, 0, &mut found)?;
    Ok(ImageDocuments { root, images: found })
}

fn collect(
    images: &dyn Images,
    document: &Document,
    told: Option<Platform>,
    depth: usize,
    found: &mut Vec<PlatformImage>,
) -> Result<(), SurveyError> {
    let wrong = |why: &str| SurveyError::Document(document.digest, why.into());
    let fields: Value =
        serde_json::from_slice(&document.bytes).map_err(|error| wrong(&error.to_string()))?;
    if !document.is_index() {
        if found.len() >= IMAGES_MAX {
            return Err(wrong("there are too many images"));
        }
        found.push(image(images, document, fields, told)?);
        return Ok(());
    }
    if depth >= DEPTH_MAX {
        return Err(wrong("indexes stand in too many others"));
    }
    let manifests = fields.get("manifests").and_then(Value::as_array);
    for descriptor in manifests.ok_or_else(|| wrong("it has no list of manifests"))? {
        let blob = blob(document, descriptor)?;
        let child = images.document(blob.digest)?.ok_or(SurveyError::Missing(blob.digest))?;
        if child.bytes.len() as u64 != blob.size {
            return Err(wrong("it gives another size than one of its manifests has"));
        }
        collect(images, &child, platform(descriptor).or_else(|| told.clone()), depth + 1, found)?;
    }
    Ok(())
}

fn image(
    images: &dyn Images,
    manifest: &Document,
    fields: Value,
    told: Option<Platform>,
) -> Result<PlatformImage, SurveyError> {
    let wrong = |why: &str| SurveyError::Document(manifest.digest, why.into());
    let config = fields.get("config").ok_or_else(|| wrong("it has no config"))?;
    let config_blob = blob(manifest, config)?;
    let layers = fields.get("layers").and_then(Value::as_array).into_iter().flatten();
    let layers = layers.map(|layer| blob(manifest, layer)).collect::<Result<Vec<_>, _>>()?;
    let config = if is_image_config(&config_blob.media_type) {
        read_config(images, &config_blob)?
    } else {
        Vec::new()
    };
    let config_fields = match &config[..] {
        [] => Value::Null,
        bytes => serde_json::from_slice(bytes)
            .map_err(|error| SurveyError::Document(config_blob.digest, error.to_string()))?,
    };
    Ok(PlatformImage {
        told,
        manifest: manifest.clone(),
        fields,
        config,
        config_fields,
        config_blob,
        layers,
    })
}

fn is_image_config(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/vnd.oci.image.config.v1+json"
            | "application/vnd.docker.container.image.v1+json"
    )
}

fn read_config(images: &dyn Images, blob: &Blob) -> Result<Vec<u8>, SurveyError> {
    let wrong = |why: &str| SurveyError::Document(blob.digest, why.into());
    if blob.size > CONFIG_MAX {
        return Err(wrong("it is too long for a config"));
    }
    let mut bytes = Vec::new();
    let reader = images.blob(blob.digest, blob.size, 0)?;
    std::io::Read::read_to_end(&mut std::io::Read::take(reader, CONFIG_MAX + 1), &mut bytes)
        .map_err(|error| wrong(&error.to_string()))?;
    if bytes.len() as u64 != blob.size || Digest::of_bytes(&bytes) != blob.digest {
        return Err(wrong("it is damaged: its bytes have another digest"));
    }
    Ok(bytes)
}

fn blob(document: &Document, descriptor: &Value) -> Result<Blob, SurveyError> {
    let wrong = |why: String| SurveyError::Document(document.digest, why);
    let text = |name: &str| descriptor.get(name).and_then(Value::as_str).unwrap_or_default();
    let digest = text("digest");
    let digest = digest.parse().map_err(|_| wrong(format!("`{digest}` is not a sha256 digest")))?;
    let size = descriptor.get("size").and_then(Value::as_u64);
    let size = size.ok_or_else(|| wrong(format!("it gives no size of {digest}")))?;
    Ok(Blob { media_type: text("mediaType").into(), digest, size })
}

fn platform(descriptor: &Value) -> Option<Platform> {
    let platform = descriptor.get("platform")?;
    let text = |name: &str| platform.get(name).and_then(Value::as_str).map(str::to_owned);
    let variant = text("variant").filter(|variant| !variant.is_empty());
    Some(Platform { os: text("os")?, architecture: text("architecture")?, variant })
}
