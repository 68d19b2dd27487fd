//! What is *published*: an index, and what it says of where each platform's disk came from. Of images
//! that medius has published a label tells it
//! (<https://github.com/kubevirt/containerdisks>, `images/push.go`).

use std::collections::BTreeMap;

use oci_spec::image::MediaType;
use serde::Deserialize;

use super::SyncError;
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::IndexEntry;
use crate::oci::image::json::Document;
use crate::oci::image::platform::Platform;
use crate::oci::image_documents::read_documents;
use crate::oci::images::Images;
use crate::recipe::Checksum;
use crate::upstream::UpstreamDisk;

/// Where the disk came from.
pub(super) const SOURCE_URL: &str = "dev.diskette.source.url";
/// The checksum of the file that it came in, with its algorithm.
pub(super) const SOURCE_DIGEST: &str = "dev.diskette.source.digest";
/// What the image is made of beside the disk.
pub(super) const RECIPE_DIGEST: &str = "dev.diskette.recipe.digest";
/// What upstream calls the release
/// (<https://github.com/opencontainers/image-spec/blob/main/annotations.md>).
pub(super) const VERSION: &str = "org.opencontainers.image.version";

/// medius's label: the checksum without its algorithm.
const SHASUM: &str = "shasum";

/// An image as it is published.
pub(super) struct Published {
    pub(super) document: Document,
    entries: Vec<PublishedEntry>,
    /// The digest of the recipe of the index; images of others have none.
    recipe: Option<String>,
}

/// One platform's image as it is published.
struct PublishedEntry {
    entry: IndexEntry,
    shasum: Option<String>,
}

/// What of an index matters here.
#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<OciPlatform>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct OciPlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Published {
    /// Reads what has a tag: one request if it was published by sync.
    pub(super) fn read(images: &dyn Images, tag: &str) -> Result<Option<Self>, SyncError> {
        let Some(document) = images.find(tag)? else { return Ok(None) };
        let wrong = |why: String| SyncError::Published { place: tag.to_owned(), why };
        let content: Content =
            serde_json::from_slice(&document.bytes).map_err(|error| wrong(error.to_string()))?;
        let entries = content.manifests.into_iter().filter_map(Descriptor::entry);
        let mut entries: Vec<PublishedEntry> = entries.collect();
        let is_ours = |it: &PublishedEntry| it.entry.annotations.contains_key(SOURCE_DIGEST);
        if entries.is_empty() || !entries.iter().all(is_ours) {
            let survey = read_documents(images, document.clone());
            let survey = survey.map_err(|error| wrong(error.to_string()))?;
            entries = survey.images.iter().filter_map(|image| labelled(image, &entries)).collect();
        }
        let recipe = content.annotations.get(RECIPE_DIGEST).cloned();
        Ok(Some(Self { document, entries, recipe }))
    }

    /// Tells whether the index says what it should, beside its platforms' images. What others have
    /// published is taken as it is.
    pub(super) fn is_as(&self, recipe: &Digest, platforms: &[&Platform]) -> bool {
        match &self.recipe {
            Some(known) => *known == recipe.to_string(),
            None => self.entries.iter().all(|it| platforms.contains(&&it.entry.platform)),
        }
    }

    /// Returns a platform's image.
    pub(super) fn entry(&self, platform: &Platform) -> Option<&IndexEntry> {
        self.find(platform).map(|found| &found.entry)
    }

    /// Returns a platform's image if it has this disk, and was made by this recipe.
    pub(super) fn unchanged(
        &self,
        platform: &Platform,
        disk: &UpstreamDisk,
        recipe: &Digest,
    ) -> Option<&IndexEntry> {
        let found = self.find(platform)?;
        let annotations = &found.entry.annotations;
        let is_same = match annotations.get(SOURCE_DIGEST) {
            Some(digest) => {
                *digest == disk.checksum.to_string()
                    && annotations.get(RECIPE_DIGEST) == Some(&recipe.to_string())
            }
            None => found.shasum.as_deref() == Some(digits(&disk.checksum)),
        };
        is_same.then_some(&found.entry)
    }

    /// Returns what upstream called the release that a platform's image was made of.
    pub(super) fn version(&self, platform: &Platform) -> Option<&str> {
        self.find(platform)?.entry.annotations.get(VERSION).map(String::as_str)
    }

    fn find(&self, platform: &Platform) -> Option<&PublishedEntry> {
        self.entries.iter().find(|it| it.entry.platform == *platform)
    }
}

impl Descriptor {
    /// Returns what the index says of an image; attestations and the like are none.
    fn entry(self) -> Option<PublishedEntry> {
        let OciPlatform { os, architecture, variant } = self.platform?;
        let entry = IndexEntry {
            media_type: MediaType::from(self.media_type.as_str()),
            digest: self.digest.parse().ok()?,
            size: self.size,
            platform: Platform { os, architecture, variant },
            annotations: self.annotations,
        };
        (entry.platform.os != "unknown").then_some(PublishedEntry { entry, shasum: None })
    }
}

/// Returns an image with what its labels say.
fn labelled(
    image: &crate::oci::image_documents::PlatformImage,
    entries: &[PublishedEntry],
) -> Option<PublishedEntry> {
    let known = entries.iter().find(|it| it.entry.digest == image.manifest.digest);
    let entry = match known {
        Some(known) => known.entry.clone(),
        None => IndexEntry::new(&image.manifest, image.platform()?, BTreeMap::new()),
    };
    let label = image.config_fields.pointer("/config/Labels").and_then(|it| it.get(SHASUM));
    let shasum = label.and_then(serde_json::Value::as_str).map(str::to_owned);
    // A label without digits says nothing.
    Some(PublishedEntry { entry, shasum: shasum.filter(|digits| !digits.is_empty()) })
}

fn digits(checksum: &Checksum) -> &str {
    match checksum {
        Checksum::Sha256(digits) | Checksum::Sha512(digits) => digits,
    }
}
