//! A *candidate* is a file of a list that may be chosen as the disk.

use std::collections::BTreeMap;

use url::Url;

use super::listing::Listings;
use super::{UpstreamDisk, UpstreamError};
use crate::compression::CompressionFormat;
use crate::recipe::Checksum;

/// A file of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Last part of the path.
    pub(super) name: String,
    /// Path or URL, relative to the list; `None` means `name`.
    pub(super) location: Option<String>,
    /// Checksum of the file.
    pub(super) checksum: Option<ListedDigest>,
    /// Checksum of the decompressed disk.
    pub(super) uncompressed_checksum: Option<ListedDigest>,
    /// Size in bytes.
    pub(super) size: Option<u64>,
    /// Name of the release in the list.
    pub(super) version: Option<String>,
    /// Text that each named group of the pattern matched.
    pub(super) groups: BTreeMap<String, String>,
}

/// A digest as a list spells it: algorithm and digits are not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ListedDigest {
    Sha256(String),
    Sha512(String),
    /// A digest whose algorithm follows from its length.
    Hexadecimal(String),
}

impl ListedDigest {
    fn to_checksum(&self) -> Result<Checksum, String> {
        let (digits, len) = match self {
            Self::Sha256(digits) => (digits, 64),
            Self::Sha512(digits) => (digits, 128),
            Self::Hexadecimal(digits) => (digits, if digits.len() == 128 { 128 } else { 64 }),
        };
        if digits.is_empty() {
            return Err("it is empty".into());
        }
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("it is not hexadecimal".into());
        }
        if digits.len() != len {
            return Err(format!("it has {} digits, not {len}", digits.len()));
        }
        let digits = digits.to_ascii_lowercase();
        Ok(if len == 64 { Checksum::Sha256(digits) } else { Checksum::Sha512(digits) })
    }
}

impl Candidate {
    /// Returns whether the name matches, and keeps the text that the groups matched.
    pub(super) fn match_name(&mut self, pattern: &regex::Regex) -> bool {
        let Some(captures) = pattern.captures(&self.name) else { return false };
        let names = pattern.capture_names().flatten();
        let groups = names
            .filter_map(|name| Some((name.to_owned(), captures.name(name)?.as_str().to_owned())));
        self.groups = groups.collect();
        true
    }

    /// Returns the version by which the newest file is chosen.
    pub(super) fn release_version(&self) -> &str {
        let group = self.groups.get("version").map(String::as_str);
        group.or(self.version.as_deref()).unwrap_or_default()
    }

    /// Returns the disk, if its checksum can be used.
    pub(super) fn into_disk(
        self,
        listings: &Listings<'_>,
        url: &Url,
    ) -> Result<UpstreamDisk, UpstreamError> {
        let unusable = |why: String| UpstreamError::Checksum {
            url: url.to_string(),
            file: self.name.clone(),
            why,
        };
        let checksum = self.checksum.as_ref().ok_or_else(|| unusable("there is none".into()))?;
        let checksum = checksum.to_checksum().map_err(unusable)?;
        let unpacked =
            self.uncompressed_checksum.as_ref().map(ListedDigest::to_checksum).transpose();
        let unpacked = unpacked.map_err(|why| {
            unusable(format!(
                "of the decompressed disk, \
             {why}"
            ))
        })?;
        let location = self.location.as_deref().unwrap_or(&self.name);
        let at = listings.named_url(url, location)?;
        Ok(UpstreamDisk {
            mirrors: listings.mirror_urls(url, &at)?,
            url: at.to_string(),
            checksum,
            uncompressed_checksum: unpacked,
            size: self.size,
            compression: CompressionFormat::from_name(&self.name),
            version: self.release_version().to_owned(),
            groups: self.groups,
            lists: listings.read.take(),
        })
    }
}
