//! The **documents** of one platform's image in a layout, as unchecked JSON, and its layers.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::layer;

/// Manifest, config and layers of an image.
#[derive(Debug)]
pub struct Documents {
    /// Platform in the index, e.g. `linux/amd64`.
    pub platform: String,
    /// Manifest of the image.
    pub manifest: Value,
    /// Config of the image.
    pub config: Value,
    blobs: Vec<Vec<u8>>,
}

impl Documents {
    /// Reads the images of all platforms of a layout that has one index.
    pub fn all(layout: &Path) -> Vec<Self> {
        let blobs = layout.join("blobs/sha256");
        let images = Self::index(layout)["manifests"].as_array().unwrap().clone();
        let image = |entry: &Value| {
            let manifest = document(&blobs, entry);
            let config = document(&blobs, &manifest["config"]);
            let layers = manifest["layers"].as_array().unwrap().iter();
            let layers = layers.map(|layer| fs::read(path(&blobs, layer)).unwrap()).collect();
            let [os, architecture] = ["os", "architecture"].map(|key| &entry["platform"][key]);
            let platform = format!("{}/{}", text(os), text(architecture));
            Self { platform, manifest, config, blobs: layers }
        };
        images.iter().map(image).collect()
    }

    /// Reads the only image of a layout.
    pub fn only(layout: &Path) -> Self {
        let mut all = Self::all(layout);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// Reads the only index of a layout.
    pub fn index(layout: &Path) -> Value {
        let index: Value = parse(&layout.join("index.json"));
        let [entry] = &index["manifests"].as_array().unwrap()[..] else { panic!("{index}") };
        document(&layout.join("blobs/sha256"), entry)
    }

    /// Returns the digests of the layers, lowest first.
    pub fn layers(&self) -> Vec<String> {
        let layers = self.manifest["layers"].as_array().unwrap().iter();
        layers.map(|layer| text(&layer["digest"]).to_owned()).collect()
    }

    /// Returns the entries of a layer, each as a line in the notation of cases.
    pub fn layer(&self, number: usize) -> Vec<String> {
        layer::read(&self.blobs[number]).unwrap().iter().map(ToString::to_string).collect()
    }

    /// Returns the extended attributes of the entries of a layer that have any, as `PATH NAME=VALUE`.
    pub fn xattrs(&self, number: usize) -> Vec<String> {
        layer::xattrs(&self.blobs[number]).unwrap()
    }
}

fn document(blobs: &Path, descriptor: &Value) -> Value {
    parse(&path(blobs, descriptor))
}

fn path(blobs: &Path, descriptor: &Value) -> PathBuf {
    blobs.join(text(&descriptor["digest"]).trim_start_matches("sha256:"))
}

fn parse(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
