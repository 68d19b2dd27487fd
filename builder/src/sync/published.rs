//! What is *published*: an index, and what it says of where each platform's disk came from. Of images
//! that medius has published a label tells it
//! (<https://github.com/kubevirt/containerdisks>, `images/push.go`).

use std::collections::BTreeMap;

use oci_spec::image::MediaType;
use serde::Deserialize;

use super::SyncError;
use crate::oci::image::digest::Digest;
use crate::oci::image::documents::Member;
use crate::oci::image::json::Document;
use crate::oci::image::platform::Platform;
use crate::oci::images::Images;
use crate::oci::survey::survey;
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
    members: Vec<PublishedMember>,
    /// The digest of the recipe of the index; images of others have none.
    recipe: Option<String>,
}

/// One platform's image as it is published.
struct PublishedMember {
    member: Member,
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
        let members = content.manifests.into_iter().filter_map(Descriptor::member);
        let mut members: Vec<PublishedMember> = members.collect();
        let is_ours = |it: &PublishedMember| it.member.annotations.contains_key(SOURCE_DIGEST);
        if members.is_empty() || !members.iter().all(is_ours) {
            let survey = survey(images, document.clone());
            let survey = survey.map_err(|error| wrong(error.to_string()))?;
            members = survey.images.iter().filter_map(|image| labelled(image, &members)).collect();
        }
        let recipe = content.annotations.get(RECIPE_DIGEST).cloned();
        Ok(Some(Self { document, members, recipe }))
    }

    /// Tells whether the index says what it should, beside its platforms' images. What others have
    /// published is taken as it is.
    pub(super) fn is_as(&self, recipe: &Digest, platforms: &[&Platform]) -> bool {
        match &self.recipe {
            Some(known) => *known == recipe.to_string(),
            None => self.members.iter().all(|it| platforms.contains(&&it.member.platform)),
        }
    }

    /// Returns a platform's image.
    pub(super) fn member(&self, platform: &Platform) -> Option<&Member> {
        self.find(platform).map(|found| &found.member)
    }

    /// Returns a platform's image if it has this disk, and was made by this recipe.
    pub(super) fn unchanged(
        &self,
        platform: &Platform,
        disk: &UpstreamDisk,
        recipe: &Digest,
    ) -> Option<&Member> {
        let found = self.find(platform)?;
        let annotations = &found.member.annotations;
        let is_same = match annotations.get(SOURCE_DIGEST) {
            Some(digest) => {
                *digest == disk.checksum.to_string()
                    && annotations.get(RECIPE_DIGEST) == Some(&recipe.to_string())
            }
            None => found.shasum.as_deref() == Some(digits(&disk.checksum)),
        };
        is_same.then_some(&found.member)
    }

    /// Returns what upstream called the release that a platform's image was made of.
    pub(super) fn version(&self, platform: &Platform) -> Option<&str> {
        self.find(platform)?.member.annotations.get(VERSION).map(String::as_str)
    }

    fn find(&self, platform: &Platform) -> Option<&PublishedMember> {
        self.members.iter().find(|it| it.member.platform == *platform)
    }
}

impl Descriptor {
    /// Returns what the index says of an image; attestations and the like are none.
    fn member(self) -> Option<PublishedMember> {
        let OciPlatform { os, architecture, variant } = self.platform?;
        let member = Member {
            media_type: MediaType::from(self.media_type.as_str()),
            digest: self.digest.parse().ok()?,
            size: self.size,
            platform: Platform { os, architecture, variant },
            annotations: self.annotations,
        };
        (member.platform.os != "unknown").then_some(PublishedMember { member, shasum: None })
    }
}

/// Returns an image with what its labels say.
fn labelled(
    image: &crate::oci::survey::Image,
    members: &[PublishedMember],
) -> Option<PublishedMember> {
    let known = members.iter().find(|it| it.member.digest == image.manifest.digest);
    let member = match known {
        Some(known) => known.member.clone(),
        None => Member::new(&image.manifest, image.platform()?, BTreeMap::new()),
    };
    let label = image.config_fields.pointer("/config/Labels").and_then(|it| it.get(SHASUM));
    let shasum = label.and_then(serde_json::Value::as_str).map(str::to_owned);
    // A label without digits says nothing.
    Some(PublishedMember { member, shasum: shasum.filter(|digits| !digits.is_empty()) })
}

fn digits(checksum: &Checksum) -> &str {
    match checksum {
        Checksum::Sha256(digits) | Checksum::Sha512(digits) => digits,
    }
}
