//! *Tags* and the other names by which images are found. They come from users, layouts, archives and
//! registries, and end up in URLs and indexes; so they are checked once, when they are parsed.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::digest::Digest;

/// Maximum length of a tag in bytes.
const TAG_MAX: usize = 128;

/// The tag of an image in a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(Cow<'static, str>);

/// The tags that cosign makes of the digest of an image
/// (<https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CosignTag {
    /// Signatures.
    Signatures,
    /// Attestations.
    Attestations,
    /// SBOMs.
    Sboms,
}

impl CosignTag {
    /// All tags.
    pub const ALL: [Self; 3] = [Self::Signatures, Self::Attestations, Self::Sboms];

    /// Returns the end of the tag, without the period.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Signatures => "sig",
            Self::Attestations => "att",
            Self::Sboms => "sbom",
        }
    }

    /// Returns the tag of an image.
    pub fn of_image(self, image: Digest) -> Tag {
        Tag(format!("sha256-{}.{}", image.to_hex(), self.suffix()).into())
    }
}

/// A text is not a tag.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{}` is not a tag", .0.escape_debug())]
pub struct TagError(String);

impl Tag {
    /// The tag of a name without one.
    pub const LATEST: Self = Self(Cow::Borrowed("latest"));

    /// Returns the tag of the index that lists the referrers of an image where a registry does not.
    pub(crate) fn of_referrers(subject: Digest) -> Self {
        Self(format!("sha256-{}", subject.to_hex()).into())
    }

    /// Returns the tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the digest of the image whose attachments have this tag: signatures and other things that cosign makes, or
    /// the list of referrers; none for other tags.
    pub fn subject(&self) -> Option<Digest> {
        let rest = self.0.strip_prefix("sha256-")?;
        let hex = match rest.split_once('.') {
            None => rest,
            Some((hex, suffix)) => {
                CosignTag::ALL.iter().find(|kind| kind.suffix() == suffix).map(|_| hex)?
            }
        };
        format!("sha256:{hex}").parse().ok()
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_tag = text.len() <= TAG_MAX
            && text.bytes().next().is_some_and(is_word)
            && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
        if is_tag { Ok(Self(text.to_owned().into())) } else { Err(TagError(text.into())) }
    }
}

impl TryFrom<String> for Tag {
    type Error = TagError;

    fn try_from(text: String) -> Result<Self, TagError> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0.into_owned()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name by which a registry finds a manifest: a tag or a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestName(String);

/// A text is neither a tag nor a digest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{}` is neither a tag nor a digest", .0.escape_debug())]
pub(crate) struct ManifestNameError(String);

impl ManifestName {
    /// Returns the name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ManifestName {
    type Err = ManifestNameError;

    fn from_str(text: &str) -> Result<Self, ManifestNameError> {
        let is_name = text.parse::<Tag>().is_ok() || is_digest(text);
        if is_name { Ok(Self(text.into())) } else { Err(ManifestNameError(text.into())) }
    }
}

/// Returns whether a text is a digest of an algorithm that registries know: distribution and docker refuse all
/// others, other lengths and upper case (opencontainers/go-digest, `digest.go`).
pub(super) fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let len = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == len && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
