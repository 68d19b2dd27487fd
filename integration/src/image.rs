//! A finished **image**, read from a layout by other means than the program's own.

use std::io::Read;
use std::path::{Path, PathBuf};

use ocidir::cap_std::ambient_authority;
use ocidir::cap_std::fs::Dir;
use ocidir::oci_spec::image::{
    Descriptor, ImageConfiguration, ImageIndex, ImageManifest, MediaType,
};
use ocidir::prelude::*;
use serde_json::Value;

use crate::scene::Scene;

/// An OCI layout in a directory.
#[derive(Debug)]
pub struct Layout {
    /// The layout as `ocidir` opens it.
    pub oci: ocidir::OciDir,
}

/// One platform's image in a layout.
#[derive(Debug)]
pub struct PlatformImage {
    /// `linux/amd64`
    pub platform: String,
    /// Descriptor of the manifest.
    pub descriptor: Descriptor,
    /// The manifest itself.
    pub manifest: ImageManifest,
}

impl Layout {
    /// Opens the layout in a directory.
    pub fn open(path: &Path) -> Self {
        let dir = Dir::open_ambient_dir(path, ambient_authority()).unwrap();
        Self { oci: ocidir::OciDir::open(dir).unwrap() }
    }

    /// Returns the index.json as it is.
    pub fn index(&self) -> Value {
        serde_json::from_slice(&self.oci.dir().read("index.json").unwrap()).unwrap()
    }

    /// Returns the tags, in the order of the index.
    pub fn tags(&self) -> Vec<String> {
        let index = self.index();
        let entries = index["manifests"].as_array().unwrap().iter();
        let tag = |entry: &Value| {
            entry["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap().to_owned()
        };
        entries.map(tag).collect()
    }

    /// Returns the descriptor that has a tag.
    pub fn find_tag(&self, tag: &str) -> Descriptor {
        let found = self.oci.find_manifest_descriptor_with_tag(tag).unwrap();
        found.unwrap_or_else(|| panic!("no tag {tag} among {:?}", self.tags()))
    }

    /// Returns the images of all platforms that a tag names.
    pub fn images(&self, tag: &str) -> Vec<PlatformImage> {
        let index: ImageIndex = self.oci.read_json_blob(&self.find_tag(tag)).unwrap();
        let image = |descriptor: &Descriptor| {
            let platform = descriptor.platform().as_ref().unwrap();
            PlatformImage {
                platform: format!("{}/{}", platform.os(), platform.architecture()),
                descriptor: descriptor.clone(),
                manifest: self.oci.read_json_blob(descriptor).unwrap(),
            }
        };
        index.manifests().iter().map(image).collect()
    }

    /// Returns the config of an image.
    pub fn config(&self, image: &PlatformImage) -> ImageConfiguration {
        self.oci.read_json_blob(image.manifest.config()).unwrap()
    }

    /// Returns a blob's bytes, unchecked.
    pub fn blob(&self, descriptor: &Descriptor) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.oci.read_blob(descriptor).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Returns the tar of an image's only layer, decompressed as its media type says.
    pub fn layer_tar(&self, image: &PlatformImage) -> Vec<u8> {
        let [layer] = &image.manifest.layers()[..] else { panic!("one layer, {image:?}") };
        let blob = self.blob(layer);
        let mut tar = Vec::new();
        match layer.media_type() {
            MediaType::ImageLayerGzip => {
                flate2::read::MultiGzDecoder::new(&blob[..]).read_to_end(&mut tar).map(drop)
            }
            MediaType::ImageLayerZstd => zstd::stream::copy_decode(&blob[..], &mut tar),
            MediaType::ImageLayer => {
                tar = blob;
                Ok(())
            }
            other => panic!("an unknown kind of layer, {other}"),
        }
        .unwrap();
        tar
    }

    /// Returns the content of a file in an image's layer.
    pub fn layer_file(&self, image: &PlatformImage, path: &str) -> Vec<u8> {
        let tar = self.layer_tar(image);
        let mut archive = tar::Archive::new(&tar[..]);
        let mut entries = archive.entries().unwrap().map(Result::unwrap);
        let mut entry = entries
            .find(|entry| entry.path().unwrap().to_str() == Some(path))
            .unwrap_or_else(|| panic!("no {path} in the layer"));
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        content
    }

    /// Returns all blobs that a tag needs, the index first.
    pub fn reachable_blobs(&self, tag: &str) -> Vec<Descriptor> {
        let parts = |image: PlatformImage| {
            let config = image.manifest.config().clone();
            [image.descriptor, config].into_iter().chain(image.manifest.layers().clone())
        };
        let images = self.images(tag).into_iter().flat_map(parts);
        std::iter::once(self.find_tag(tag)).chain(images).collect()
    }

    /// Checks the digests and sizes of all blobs that a tag needs.
    pub fn verify_blobs(&self, tag: &str) -> Result<(), ocidir::Error> {
        self.reachable_blobs(tag).iter().try_for_each(|blob| self.oci.verify_blob_digest(blob))
    }
}

/// A disk taken out of an image that was built.
#[derive(Debug)]
pub struct BuiltDisk {
    /// Digest of the image.
    pub digest: String,
    /// The disk as a file.
    pub path: PathBuf,
}

/// Builds into the layout `out` of the scene, and takes `/disk/NAME` out of the image.
pub fn build_disk(scene: &Scene, args: &[&str], name: &str) -> BuiltDisk {
    let digest = scene.build_to("out", &[&["--no-cache"], args].concat());
    let layout = Layout::open(&scene.path("out"));
    let image = layout.images("1").remove(0);
    let disk = layout.layer_file(&image, &format!("disk/{name}"));
    BuiltDisk { digest, path: scene.write(&format!("built/{name}"), disk) }
}
