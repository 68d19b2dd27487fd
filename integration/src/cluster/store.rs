//! A **store** is an OCI layout as its consumers read it: names, documents and blobs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::disk::sha256;

/// A layout in a directory.
#[derive(Debug)]
pub struct LayoutStore {
    root: PathBuf,
}

/// The image that was chosen for an architecture.
#[derive(Debug)]
pub(super) struct ChosenImage {
    /// Document that declares its platform.
    pub(super) origin: ImageOrigin,
    /// Media type of the config in the manifest.
    pub(super) config_type: String,
    /// The config.
    pub(super) config: Value,
    /// Layers in the order of the manifest, lowest first.
    pub(super) layers: Vec<ChosenLayer>,
}

/// Document that declares the platform of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ImageOrigin {
    /// The index.
    Index,
    /// Only the config: there is no index, or its entry has no platform.
    Config,
}

/// A layer's blob.
#[derive(Debug)]
pub(super) struct ChosenLayer {
    /// Digest in the manifest.
    pub(super) digest: String,
    /// Content, or the reason why it cannot be read.
    pub(super) blob: Result<Vec<u8>, String>,
}

impl ChosenLayer {
    /// Returns the blob, if it has the digest in the manifest.
    pub(super) fn checked_blob(&self) -> Result<&[u8], String> {
        let blob = self.blob.as_ref().map_err(String::clone)?;
        if format!("sha256:{}", sha256(blob)) == self.digest {
            return Ok(blob);
        }
        Err(format!("failed to pull: {} has another digest", self.digest))
    }
}

impl ChosenImage {
    /// Returns the variables of the config's `Env`.
    pub(super) fn env(&self) -> Vec<&str> {
        let env = self.config["config"]["Env"].as_array();
        env.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

impl LayoutStore {
    /// Returns the store of a layout's directory.
    pub fn new(root: &Path) -> Self {
        Self { root: root.into() }
    }

    /// Returns the tags and their descriptors.
    pub fn tags(&self) -> Vec<(String, Value)> {
        let index = fs::read(self.root.join("index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        let entries = index["manifests"].as_array().into_iter().flatten();
        let tag = |entry: &Value| {
            let name = entry["annotations"]["org.opencontainers.image.ref.name"].as_str();
            (name.unwrap_or_default().to_owned(), entry.clone())
        };
        entries.map(tag).collect()
    }

    /// Returns the architectures that have an image.
    pub fn architectures(&self, tag: &str) -> Result<Vec<String>, String> {
        let root = self.root(tag)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if let Some(entries) = root["manifests"].as_array() {
            let entries = entries.iter().map(|entry| &entry["platform"]);
            let entries =
                entries.filter(|platform| platform.is_object() && platform["os"] != "unknown");
            return Ok(entries.map(|platform| text(&platform["architecture"])).collect());
        }
        Ok(vec![text(&self.document(&root["config"])?["architecture"])])
    }

    /// Returns the total length of an architecture's layers in bytes.
    pub(super) fn layers_len(&self, tag: &str, architecture: &str) -> Result<u64, String> {
        let (_, manifest) = self.manifest(tag, architecture)?;
        let layers = manifest["layers"].as_array().into_iter().flatten();
        Ok(layers.filter_map(|layer| layer["size"].as_u64()).sum())
    }

    /// Chooses the image for an architecture as containers/image does, for CDI and for CRI-O's kubelets:
    /// in an index the first without a variant, else the first with a variant that it knows, else in an
    /// OCI index the first without a platform; the only image if there is no index.
    pub(super) fn choose_image(
        &self,
        tag: &str,
        architecture: &str,
    ) -> Result<ChosenImage, String> {
        let (origin, manifest) = self.manifest(tag, architecture)?;
        let config_type = manifest["config"]["mediaType"].as_str().unwrap_or_default();
        let layers = manifest["layers"].as_array().into_iter().flatten();
        let layer = |layer: &Value| {
            let digest = layer["digest"].as_str().unwrap_or_default().to_owned();
            ChosenLayer { digest, blob: self.blob(layer) }
        };
        Ok(ChosenImage {
            origin,
            config_type: config_type.into(),
            config: self.document(&manifest["config"]).unwrap_or(Value::Null),
            layers: layers.map(layer).collect(),
        })
    }

    fn manifest(&self, tag: &str, architecture: &str) -> Result<(ImageOrigin, Value), String> {
        let root = self.root(tag)?;
        let Some(entries) = root["manifests"].as_array() else {
            return Ok((ImageOrigin::Config, root));
        };
        let variants: &[&str] = match architecture {
            "arm" => &["", "v8", "v7", "v6", "v5"],
            "arm64" => &["", "v8"],
            _ => &[""],
        };
        let rank = |entry: &&Value| {
            let platform = &entry["platform"];
            let is_docker = root["mediaType"].as_str().is_some_and(|kind| kind.contains("docker"));
            if platform.is_null() && !is_docker {
                return Some(usize::MAX);
            }
            let variant = platform["variant"].as_str().unwrap_or_default();
            (platform["os"] == "linux" && platform["architecture"] == architecture)
                .then(|| variants.iter().position(|known| *known == variant))?
        };
        let fitting = entries.iter().filter(|entry| rank(entry).is_some());
        let found = fitting.min_by_key(rank).ok_or_else(|| {
            format!(
                "no image found in image index for architecture {architecture:?}, \
                 variant \"\", OS \"linux\""
            )
        })?;
        let is_declared = !found["platform"].is_null();
        let origin = if is_declared { ImageOrigin::Index } else { ImageOrigin::Config };
        Ok((origin, self.document(found)?))
    }

    fn root(&self, tag: &str) -> Result<Value, String> {
        let tags = self.tags();
        let found = tags.iter().find(|(name, _)| name == tag);
        let (_, descriptor) = found.ok_or_else(|| format!("no image {tag} in the store"))?;
        self.document(descriptor)
    }

    fn document(&self, descriptor: &Value) -> Result<Value, String> {
        let bytes = self.blob(descriptor)?;
        let digest = descriptor["digest"].as_str().unwrap_or_default();
        if format!("sha256:{}", sha256(&bytes)) != digest {
            return Err(format!("failed to pull: {digest} has another digest"));
        }
        serde_json::from_slice(&bytes).map_err(|error| error.to_string())
    }

    fn blob(&self, descriptor: &Value) -> Result<Vec<u8>, String> {
        let digest = descriptor["digest"].as_str().unwrap_or_default();
        let hex = digest.strip_prefix("sha256:").ok_or("invalid digest")?;
        fs::read(self.root.join("blobs/sha256").join(hex))
            .map_err(|error| format!("blob unknown: {digest}: {error}"))
    }
}
