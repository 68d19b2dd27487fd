//! The *published* image: an index, whose annotations record the source of each platform's disk. Images
//! that medius has published have a label instead (<https://github.com/kubevirt/containerdisks>,
//! `images/push.go`).

use std::collections::BTreeMap;
use std::convert::Infallible;

use oci_spec::image::MediaType;

use super::SyncError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::IndexEntry;
use crate::oci::image::json::Document;
use crate::oci::image::nearest::{find_nearest, is_same_platform};
use crate::oci::image::platform::Platform;
use crate::oci::image_documents::{PlatformImage, read_documents};
use crate::oci::images::Images;
use crate::oci::walk::read_index;
use crate::recipe::Checksum;
use crate::upstream::UpstreamDisk;

pub(super) use crate::frontend::spec::SOURCE_URL;
/// Annotation: checksum of the disk's file, with its algorithm.
pub(super) const SOURCE_DIGEST: &str = "dev.diskette.source.digest";
/// Annotation: digest of the recipe, which excludes the disk.
pub(super) const RECIPE_DIGEST: &str = "dev.diskette.recipe.digest";
/// Annotation of a platform's entry in the index: upstream's name of the release
/// (<https://github.com/opencontainers/image-spec/blob/main/annotations.md>).
pub const VERSION: &str = "org.opencontainers.image.version";

/// Label of medius: the checksum without its algorithm.
const SHASUM_LABEL: &str = "shasum";

/// An image in its registry.
pub(super) struct PublishedImage {
    pub(super) document: Document,
    entries: Vec<PublishedEntry>,
    /// Platforms of the catalogue.
    platforms: Vec<Platform>,
    /// Digest of the recipe of the index; `None` for images that were not published by sync.
    recipe: Option<String>,
}

/// One platform's published image.
struct PublishedEntry {
    entry: IndexEntry,
    shasum: Option<String>,
}

impl PublishedImage {
    /// Reads the image with a tag: one request if it was published by sync. `platforms` are those of
    /// the catalogue. One with another artifact type has nothing that can be kept.
    pub(super) fn read(
        images: &dyn Images,
        tag: &str,
        platforms: &[&Platform],
        artifact_type: Option<&str>,
    ) -> Result<Option<Self>, SyncError> {
        let Some(document) = images.find_image(tag)? else { return Ok(None) };
        let wrong = |why: String| SyncError::Published { name: tag.to_owned(), why };
        let (mut entries, mut recipe, mut found_type) = (Vec::new(), None, None);
        if document.is_index() {
            let index = read_index(&document).map_err(|error| wrong(error.to_string()))?;
            recipe = index.annotations.get(RECIPE_DIGEST).cloned();
            found_type = index.artifact_type;
            entries =
                index.manifests.into_iter().filter_map(PublishedEntry::from_descriptor).collect();
        }
        let is_ours = |it: &PublishedEntry| it.entry.annotations.contains_key(SOURCE_DIGEST);
        if found_type.as_deref() != artifact_type {
            entries.clear();
        } else if entries.is_empty() || !entries.iter().all(is_ours) {
            let documents = read_documents(images, document.clone());
            let documents = documents.map_err(|error| wrong(error.to_string()))?;
            let labelled = |image| PublishedEntry::from_image(image, &entries);
            entries = documents.images.iter().filter_map(labelled).collect();
        }
        let platforms = platforms.iter().map(|platform| (*platform).clone()).collect();
        Ok(Some(Self { document, entries, platforms, recipe }))
    }

    /// Returns whether the index was made by this recipe, apart from its platforms' images. An index
    /// that was not published by sync must have no other platforms.
    pub(super) fn has_recipe(&self, recipe: &Digest) -> bool {
        let is_used = |it: &PublishedEntry| {
            let mut found =
                self.platforms.iter().filter_map(|platform| self.find_platform(platform));
            found.any(|found| std::ptr::eq(found, it))
        };
        match &self.recipe {
            Some(known) => *known == recipe.to_string(),
            None => self.entries.iter().all(is_used),
        }
    }

    /// Returns a platform's image.
    pub(super) fn find_entry(&self, platform: &Platform) -> Option<&IndexEntry> {
        self.find_platform(platform).map(|found| &found.entry)
    }

    /// Returns a platform's image if it has this disk, and was built by this recipe.
    pub(super) fn find_unchanged(
        &self,
        platform: &Platform,
        disk: &UpstreamDisk,
        recipe: &Digest,
    ) -> Option<&IndexEntry> {
        let found = self.find_platform(platform)?;
        let annotations = &found.entry.annotations;
        let is_same = match annotations.get(SOURCE_DIGEST) {
            Some(digest) => {
                *digest == disk.checksum.to_string()
                    && annotations.get(RECIPE_DIGEST) == Some(&recipe.to_string())
            }
            None => found.shasum.as_deref() == Some(checksum_digits(&disk.checksum)),
        };
        is_same.then_some(&found.entry)
    }

    /// Returns upstream's name of the release that a platform's image was built from.
    pub(super) fn find_version(&self, platform: &Platform) -> Option<&str> {
        self.find_platform(platform)?.entry.annotations.get(VERSION).map(String::as_str)
    }

    /// Returns the image that is nearest to a platform, but not that of another platform of the
    /// catalogue.
    fn find_platform(&self, platform: &Platform) -> Option<&PublishedEntry> {
        let others = self.platforms.iter().filter(|other| !is_same_platform(other, platform));
        let others: Vec<&Platform> = others.collect();
        let is_free = |it: &&PublishedEntry| {
            !others.iter().any(|other| is_same_platform(other, &it.entry.platform))
        };
        let entries: Vec<&PublishedEntry> = self.entries.iter().filter(is_free).collect();
        let platforms =
            entries.iter().map(|it| Ok::<_, Infallible>(Some(it.entry.platform.clone())));
        let Ok(chosen) = find_nearest("", platform, platforms);
        chosen.ok().and_then(|number| entries.get(number).copied())
    }
}

impl PublishedEntry {
    /// Returns an image of an index, or `None` for attestations and images without a platform.
    fn from_descriptor(descriptor: Descriptor) -> Option<Self> {
        let Descriptor { media_type, digest, size, platform, annotations, .. } = descriptor;
        let platform = platform.filter(|platform| !platform.is_unknown())?;
        let media_type = MediaType::from(media_type.as_str());
        let entry = IndexEntry { media_type, digest, size, platform, annotations };
        Some(Self { entry, shasum: None })
    }

    /// Returns an image with the checksum of its label.
    fn from_image(image: &PlatformImage, entries: &[Self]) -> Option<Self> {
        let known = entries.iter().find(|it| it.entry.digest == image.manifest.digest);
        let entry = match known {
            Some(known) => known.entry.clone(),
            None => IndexEntry::new(&image.manifest, image.offered_platform()?, BTreeMap::new()),
        };
        // An empty label is ignored.
        let shasum = image.label(SHASUM_LABEL).filter(|digits| !digits.is_empty());
        Some(Self { entry, shasum: shasum.map(str::to_owned) })
    }
}

fn checksum_digits(checksum: &Checksum) -> &str {
    match checksum {
        Checksum::Sha256(digits) | Checksum::Sha512(digits) => digits,
    }
}
