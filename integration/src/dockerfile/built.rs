//! An image that was **built**, as a tree and a config.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::config::Config;
use super::layer;
use super::tree::Tree;

/// The parts of an image that are compared.
#[derive(Debug, Clone)]
pub struct BuiltImage {
    /// Files of all layers.
    pub tree: Tree,
    /// Compared fields of the config.
    pub config: Config,
}

impl BuiltImage {
    /// Reads the only image of an OCI layout, or the image of a directory as `skopeo` and `buildah`
    /// write it (`dir:`), which keeps the fields that only Docker's config has.
    pub fn read(directory: &Path) -> Result<Self, String> {
        if directory.join("manifest.json").exists() {
            let manifest = json(&directory.join("manifest.json"))?;
            return Self::of(&manifest, |hex| directory.join(hex));
        }
        let blobs = directory.join("blobs/sha256");
        let mut manifest = json(&directory.join("index.json"))?;
        while let Some(entries) = manifest["manifests"].as_array() {
            let [entry] = &entries[..] else {
                return Err(format!("{} images, and not one", entries.len()));
            };
            manifest = json(&blobs.join(hex(entry)?))?;
        }
        Self::of(&manifest, |hex| blobs.join(hex))
    }

    fn of(manifest: &Value, blob: impl Fn(&str) -> std::path::PathBuf) -> Result<Self, String> {
        let config = Config::of(&json(&blob(hex(&manifest["config"])?))?);
        let mut tree = Tree::default();
        for descriptor in manifest["layers"].as_array().ok_or("a manifest without layers")? {
            tree.apply(&layer::read(&bytes(&blob(hex(descriptor)?))?)?)?;
        }
        Ok(Self { tree, config })
    }

    /// Returns all differences from the expected image, each as its name and a description.
    pub fn differences(&self, expected: &Self) -> Vec<(String, String)> {
        let mut all = self.tree.differences(&expected.tree);
        all.extend(self.config.differences(&expected.config));
        all
    }
}

fn hex(descriptor: &Value) -> Result<&str, String> {
    let digest = descriptor["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:"));
    digest.ok_or(format!("a descriptor without a digest: {descriptor}"))
}

fn json(path: &Path) -> Result<Value, String> {
    let parsed = serde_json::from_slice(&bytes(path)?);
    parsed.map_err(|error| format!("{}: {error}", path.display()))
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}
