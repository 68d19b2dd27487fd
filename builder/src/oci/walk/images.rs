//! The *images* of an index, and the choice of the one for a platform.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::WalkError;
use super::reader::DocumentWalk;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::format::is_image_config;
use crate::oci::image::json::Document;
use crate::oci::image::nearest::{PlatformNotFound, find_nearest};
use crate::oci::image::platform::Platform;

/// An image of an index, or the only one.
#[derive(Debug, Clone)]
pub(crate) struct ImageEntry {
    /// Descriptor of the manifest in its index, with nested indexes that of the innermost. For an
    /// image that is in no index, it has no platform and no annotations.
    pub(crate) descriptor: Descriptor,
    /// Digest of the index; that of the manifest for an image that is in no index.
    pub(crate) parent: Digest,
}

impl ImageEntry {
    /// Returns whether the index declares this to be an attestation of BuildKit rather than an
    /// image.
    pub(crate) fn is_attestation(&self) -> bool {
        self.descriptor.platform.as_ref().is_some_and(Platform::is_unknown)
    }
}

/// How an entry of an index is recognized as an index itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NestedIndexes {
    /// By the media type of the entry: manifests are not read, unless the entry has no media type.
    ByEntry,
    /// By the document that the entry refers to: all are read.
    ByDocument,
}

impl DocumentWalk<'_> {
    /// Lists the images of an index and of nested indexes, in order, including attestations. The
    /// list of a manifest has this image only.
    pub(crate) fn list_images(
        &mut self,
        root: &Document,
        nested: NestedIndexes,
    ) -> Result<Vec<ImageEntry>, WalkError> {
        let root = self.add_document(root.clone())?;
        let mut images = Vec::new();
        if root.is_index() {
            self.list_index(&root, None, 0, nested, &mut images)?;
        } else {
            let (media_type, digest) = (root.media_type.to_string(), root.digest);
            let (size, annotations) = (root.bytes.len() as u64, BTreeMap::new());
            let (platform, artifact_type) = (None, String::new());
            let descriptor =
                Descriptor { media_type, digest, size, platform, artifact_type, annotations };
            images.push(ImageEntry { descriptor, parent: digest });
        }
        Ok(images)
    }

    fn list_index(
        &mut self,
        index: &Document,
        platform: Option<&Platform>,
        depth: usize,
        nested: NestedIndexes,
        images: &mut Vec<ImageEntry>,
    ) -> Result<(), WalkError> {
        self.check_depth(index, depth)?;
        for descriptor in &self.parse_index(index)?.manifests {
            self.count_entry(index.digest)?;
            let mut descriptor = descriptor.clone();
            if descriptor.platform.is_none() {
                descriptor.platform = platform.cloned();
            }
            if nested == NestedIndexes::ByEntry && descriptor.is_manifest() {
                images.push(ImageEntry { descriptor, parent: index.digest });
                continue;
            }
            let child = self.read_document(index.digest, &descriptor)?;
            if child.is_index() {
                let platform = descriptor.platform.as_ref();
                self.list_index(&child, platform, depth + 1, nested, images)?;
                continue;
            }
            if nested == NestedIndexes::ByEntry && descriptor.is_index() {
                let why = "it calls something an index that is none";
                return Err(WalkError::Unusable(index.digest, why.into()));
            }
            images.push(ImageEntry { descriptor, parent: index.digest });
        }
        Ok(())
    }

    /// Returns the platform in the config of a manifest.
    fn read_config_platform(&mut self, manifest: &Document) -> Result<Option<Platform>, WalkError> {
        let config = self.parse_manifest(manifest)?.config;
        let Some(config) = config.filter(|config| is_image_config(&config.media_type)) else {
            return Ok(None);
        };
        let bytes = self.read_config(&config)?;
        let fields = serde_json::from_slice(&bytes);
        let fields =
            fields.map_err(|error| WalkError::Unusable(config.digest, error.to_string()))?;
        Ok(Platform::from_fields(&fields))
    }

    /// Returns the manifest of the image that is nearest to a platform. `name` is the name of the
    /// whole image in messages.
    pub(crate) fn choose_platform(
        &mut self,
        root: &Document,
        wanted: &Platform,
        name: &str,
    ) -> Result<Result<Arc<Document>, PlatformNotFound>, WalkError> {
        let mut images = self.list_images(root, NestedIndexes::ByEntry)?;
        images.retain(|image| !image.is_attestation());
        let mut known: BTreeMap<Digest, Option<Platform>> = BTreeMap::new();
        let mut platform = |ImageEntry { descriptor, parent }: &ImageEntry| {
            if let Some(declared) = &descriptor.platform {
                return Ok::<_, WalkError>(Some(declared.clone()));
            }
            if let Some(known) = known.get(&descriptor.digest) {
                return Ok(known.clone());
            }
            let manifest = self.read_document(*parent, descriptor)?;
            let platform = self.read_config_platform(&manifest)?;
            known.insert(descriptor.digest, platform.clone());
            Ok(platform)
        };
        let image = match find_nearest(name, wanted, images.iter().map(&mut platform))? {
            Ok(number) => images.swap_remove(number),
            Err(error) => return Ok(Err(error)),
        };
        let manifest = self.read_document(image.parent, &image.descriptor)?;
        if manifest.is_index() {
            let why = "an index stands where a manifest must be";
            return Err(WalkError::Unusable(manifest.digest, why.into()));
        }
        Ok(Ok(manifest))
    }
}
