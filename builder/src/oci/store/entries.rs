//! The *entries* of a layout's `index.json`, for reading images.

use serde::Deserialize as _;
use serde_json::Value;

use super::INDEX;
use super::index::{IMAGE_NAME, REF_NAME};
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::DescriptorFields;
use crate::oci::image::digest::Digest;

/// The entries of an `index.json`, in its order.
#[derive(Debug, Default)]
pub(super) struct LayoutEntries {
    all: Vec<LayoutEntry>,
    /// Path of the layout in messages.
    path: String,
}

/// An entry of an `index.json`.
#[derive(Debug, Clone)]
struct LayoutEntry {
    digest: String,
    media_type: String,
    tag: Option<String>,
    name: Option<String>,
}

impl LayoutEntries {
    /// Parses an `index.json`.
    pub(super) fn parse(bytes: &[u8], path: &str) -> Result<Self, StorageError> {
        let foreign = |problem: String| StorageError::Unexpected { path: path.into(), problem };
        let index: Value = serde_json::from_slice(bytes)
            .map_err(|error| foreign(format!("has an {INDEX} that is not JSON: {error}")))?;
        let all = index.get("manifests").and_then(Value::as_array);
        let all = all.ok_or_else(|| foreign("has an index without a list of manifests".into()))?;
        Ok(Self { all: all.iter().filter_map(parse_entry).collect(), path: path.into() })
    }

    /// Returns digest and media type of the image with this tag, full reference or digest.
    pub(super) fn find_image(&self, name: &str) -> Result<Option<(Digest, &str)>, StorageError> {
        let is = |entry: &&LayoutEntry| {
            entry.name.as_deref() == Some(name)
                || entry.tag.as_deref() == Some(name)
                || entry.digest == name
        };
        let Some(entry) = self.all.iter().find(is) else { return Ok(None) };
        let digest = entry.digest.parse().map_err(|error| StorageError::Unexpected {
            path: format!("{}/{INDEX}", self.path),
            problem: format!("names `{}`, which is {error}", entry.digest),
        })?;
        Ok(Some((digest, &entry.media_type)))
    }

    /// Returns digest and media type of the image if there is exactly one.
    pub(super) fn only_image(&self) -> Result<Option<(Digest, &str)>, StorageError> {
        let mut digests: Vec<&str> = self.all.iter().map(|entry| entry.digest.as_str()).collect();
        digests.sort_unstable();
        digests.dedup();
        match digests[..] {
            [digest] => self.find_image(digest),
            _ => Ok(None),
        }
    }

    /// Returns the names of all images for messages: full references where they are known.
    pub(super) fn names(&self) -> Vec<&str> {
        let name = |entry: &'_ LayoutEntry| -> bool { entry.name.is_some() || entry.tag.is_some() };
        let named = self.all.iter().filter(|entry| name(entry));
        named.filter_map(|entry| entry.name.as_deref().or(entry.tag.as_deref())).collect()
    }

    /// Returns the full references of an image.
    pub(super) fn names_of(&self, digest: Digest) -> Vec<&str> {
        let digest = digest.to_string();
        let same = self.all.iter().filter(|entry| entry.digest == digest);
        same.filter_map(|entry| entry.name.as_deref()).collect()
    }

    /// Returns the tags of all images.
    pub(super) fn tags(&self) -> Vec<String> {
        self.all.iter().filter_map(|entry| entry.tag.clone()).collect()
    }
}

/// Parses an entry. A malformed one is ignored, so that the others can be found.
fn parse_entry(value: &Value) -> Option<LayoutEntry> {
    let fields = DescriptorFields::deserialize(value).ok()?;
    let DescriptorFields { media_type, digest, mut annotations, .. } = fields;
    let (tag, name) = (annotations.remove(REF_NAME), annotations.remove(IMAGE_NAME));
    (!digest.is_empty()).then_some(LayoutEntry { digest, media_type, tag, name })
}
