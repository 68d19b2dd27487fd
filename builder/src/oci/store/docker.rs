//! Docker's `manifest.json` in an OCI archive. `docker load` before Docker 25 and podman, for an
//! archive with several names, read it instead of `index.json`. It lists the config and layers of
//! each image; unlike an index, it can list one platform only.

use std::collections::BTreeMap;
use std::fs::File;

use serde::Serialize;

use super::member::MemberSpan;
use super::{BLOBS, parse_document};
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::format::is_image_config;
use crate::oci::image::json::Document;
use crate::oci::image::manifest::ImageManifest;
use crate::oci::image::platform::Platform;
use crate::oci::sink::NamedImage;
use crate::oci::walk::{DocumentLimits, DocumentSource, DocumentWalk, NestedIndexes, WalkError};

/// Name of the file in an archive.
pub(super) const DOCKER_MANIFEST: &str = "manifest.json";

/// An image in `manifest.json`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DockerImage {
    /// Path of the config in the archive.
    config: String,
    /// Full references of the image.
    repo_tags: Vec<String>,
    /// Paths of the layers in the archive, lowest first.
    layers: Vec<String>,
}

/// The blobs of an archive that is being written.
pub(super) struct ArchiveBlobs<'a> {
    pub(super) file: File,
    pub(super) spans: &'a BTreeMap<Digest, MemberSpan>,
}

impl ArchiveBlobs<'_> {
    /// Lists images in the order of their names, each once: of an index, the image that is nearest to
    /// `platform`, or its first image if none fits. Artifacts that are not images are left out.
    pub(super) fn list_docker_images(
        &self,
        images: &[NamedImage],
        platform: &Platform,
    ) -> Result<Vec<DockerImage>, StorageError> {
        let mut listed: Vec<(Digest, DockerImage)> = Vec::new();
        for named in images {
            let manifest = match self.find_manifest(named, platform) {
                Ok(Some(manifest)) => manifest,
                Err(WalkError::Storage(error)) => return Err(error),
                // What cannot be read was copied as it is; docker cannot load it.
                Ok(None) | Err(_) => continue,
            };
            let name = named.name.as_ref().map(ToString::to_string);
            let known = listed.iter_mut().find(|(digest, _)| *digest == manifest.digest);
            if let Some((_, image)) = known {
                image.repo_tags.extend(name);
            } else if let Some(mut image) = self.describe(&manifest) {
                image.repo_tags.extend(name);
                listed.push((manifest.digest, image));
            }
        }
        Ok(listed.into_iter().map(|(_, image)| image).collect())
    }

    fn find_manifest(
        &self,
        named: &NamedImage,
        platform: &Platform,
    ) -> Result<Option<Document>, WalkError> {
        let digest: Digest = match named.image.digest().to_string().parse() {
            Ok(digest) => digest,
            Err(_) => return Ok(None),
        };
        let Some(root) = self.read_document(digest)? else { return Ok(None) };
        let mut walk = DocumentWalk::new(self, DocumentLimits::default());
        if let Ok(chosen) = walk.choose_platform(&root, platform, "")? {
            return Ok(Some((*chosen).clone()));
        }
        let images = walk.list_images(&root, NestedIndexes::ByEntry)?;
        let Some(first) = images.iter().find(|image| !image.is_attestation()) else {
            return Ok(None);
        };
        Ok(Some((*walk.read_document(first.parent, &first.descriptor)?).clone()))
    }

    /// Returns an image without names; none if it is not an image, or the archive lacks a layer.
    fn describe(&self, manifest: &Document) -> Option<DockerImage> {
        let parsed = ImageManifest::parse(manifest).ok()?;
        let config = parsed.config.filter(|config| is_image_config(&config.media_type))?;
        let has_all = parsed.layers.iter().all(|layer| self.spans.contains_key(&layer.digest));
        let layers = parsed.layers.iter().map(|layer| path_of(layer.digest)).collect();
        let image = DockerImage { config: path_of(config.digest), repo_tags: Vec::new(), layers };
        has_all.then_some(image)
    }

    fn read_member(&self, digest: Digest) -> Result<Option<Vec<u8>>, StorageError> {
        let Some(span) = self.spans.get(&digest) else { return Ok(None) };
        let bytes = span.bytes(&self.file);
        Ok(Some(bytes.map_err(StorageError::io("read back", path_of(digest)))?))
    }
}

fn path_of(digest: Digest) -> String {
    format!("{BLOBS}/{}", digest.to_hex())
}

impl DocumentSource for ArchiveBlobs<'_> {
    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError> {
        let bytes = self.read_member(digest)?;
        bytes.map(|bytes| parse_document("", bytes, digest, &path_of(digest))).transpose()
    }

    fn read_config(
        &self,
        config: &Descriptor,
        _limits: &DocumentLimits,
    ) -> Result<Vec<u8>, WalkError> {
        self.read_member(config.digest)?.ok_or(WalkError::Missing(config.digest))
    }
}
