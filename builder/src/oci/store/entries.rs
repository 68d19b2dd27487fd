//! The *entries* of a layout's `index.json`, for reading images.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde::Deserialize as _;
use serde_json::Value;

use super::INDEX;
use super::attached::{AttachedDocuments, ListedDocument, may_be_document};
use super::index::{IMAGE_NAME, REF_NAME};
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::{Descriptor, DescriptorFields};
use crate::oci::image::digest::Digest;
use crate::oci::image::format::{OCI_INDEX, is_index};
use crate::oci::image::index::ImageIndex;
use crate::oci::image::json::Document;
use crate::oci::image::ref_name::{RefName, RefNameError};
use crate::oci::image::referrer::AttachedDocument;
use crate::oci::image::tag::Tag;

/// The most indexes that are read to find one that lists all others.
const INDEXES_MAX: usize = 32;

/// The entries of an `index.json`, in its order.
#[derive(Debug, Default)]
pub(super) struct LayoutEntries {
    all: Vec<LayoutEntry>,
    /// The `index.json` itself, if it is the index of an artifact.
    artifact: Option<Document>,
    /// What is attached to images, as soon as it was asked for.
    attached: OnceLock<AttachedDocuments>,
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
        let all: Vec<LayoutEntry> = all.iter().filter_map(parse_entry).collect();
        let is_named = all.iter().any(|entry| entry.tag.is_some() || entry.name.is_some());
        let artifact = Document::parse(OCI_INDEX, bytes.to_vec()).ok();
        let artifact = artifact.filter(|_| !is_named && index["artifactType"].is_string());
        Ok(Self { all, artifact, attached: OnceLock::new(), path: path.into() })
    }

    /// Returns the `index.json` itself if it is the index of an artifact with this digest.
    pub(super) fn find_artifact(&self, digest: &str) -> Option<&Document> {
        self.artifact.as_ref().filter(|artifact| artifact.digest.to_string() == digest)
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
            problem: format!("names `{}`, which is {error}", entry.digest.escape_debug()),
        })?;
        Ok(Some((digest, &entry.media_type)))
    }

    /// Returns the image that stands for all: the index itself if it is that of an artifact, as KubeVirt
    /// exports virtual machines (`pkg/storage/oci/oci.go`); the only one; or the index that lists all others, as a
    /// build with a tag for each platform writes it. `read` reads a document.
    pub(super) fn only_image(
        &self,
        read: impl Fn(Digest, &str) -> Result<Document, StorageError>,
    ) -> Result<Option<Document>, StorageError> {
        if let Some(artifact) = &self.artifact {
            return Ok(Some(artifact.clone()));
        }
        let mut digests: BTreeSet<&str> =
            self.all.iter().map(|entry| entry.digest.as_str()).collect();
        if digests.len() > 1 {
            let images = self.all.iter().filter(|entry| !entry.is_attachment(&read));
            digests = images.map(|entry| entry.digest.as_str()).collect();
        }
        if let (1, Some(digest)) = (digests.len(), digests.first()) {
            let found = self.find_image(digest)?;
            return found.map(|(digest, declared)| read(digest, declared)).transpose();
        }
        let indexes = self.all.iter().filter(|entry| is_index(&entry.media_type));
        for entry in indexes.take(INDEXES_MAX) {
            // One that cannot be read does not stand for others.
            let Some(document) =
                entry.digest.parse().ok().and_then(|digest| read(digest, &entry.media_type).ok())
            else {
                continue;
            };
            let Ok(index) = ImageIndex::parse(&document) else { continue };
            let listed = index.manifests.iter().map(|image| image.digest.to_string());
            let listed: BTreeSet<String> = listed.chain([entry.digest.clone()]).collect();
            if digests.iter().all(|digest| listed.contains(*digest)) {
                return Ok(Some(document));
            }
        }
        Ok(None)
    }

    /// Lists the referrers of an image: the documents that the index reaches through indexes and that have this subject,
    /// and what the index with the referrers tag lists. All documents are read the first time. `has` says whether a
    /// document exists, and `read` reads it.
    pub(super) fn list_referrers(
        &self,
        subject: Digest,
        has: impl Fn(Digest) -> bool,
        read: impl Fn(Digest, &str) -> Result<Document, StorageError>,
    ) -> Result<Vec<Descriptor>, StorageError> {
        let attached = if let Some(attached) = self.attached.get() {
            attached
        } else {
            let found = AttachedDocuments::find(self.listed_documents(), has, &read)?;
            self.attached.get_or_init(|| found)
        };
        attached.list_referrers(subject, &self.path, read)
    }

    /// Returns the entries that are documents; of those that are lists of referrers with their subject. An algorithm that
    /// cannot be checked is not that of a document of ours.
    fn listed_documents(&self) -> impl Iterator<Item = (ListedDocument, Option<Digest>)> {
        let documents = self.all.iter().filter(|it| may_be_document(&it.media_type));
        documents.filter_map(|entry| {
            let listed = (entry.digest.parse().ok()?, entry.media_type.clone());
            Some((listed, entry.listed_subject()))
        })
    }

    /// Returns the names of all images for messages: full references where they are known.
    pub(super) fn names(&self) -> Vec<&str> {
        let name = |entry: &'_ LayoutEntry| -> bool { entry.name.is_some() || entry.tag.is_some() };
        let named = self.all.iter().filter(|entry| name(entry) && !entry.has_attachment_tag());
        named.filter_map(|entry| entry.name.as_deref().or(entry.tag.as_deref())).collect()
    }

    /// Returns the full references of an image.
    pub(super) fn names_of(&self, digest: Digest) -> Vec<&str> {
        let digest = digest.to_string();
        let same = self.all.iter().filter(|entry| entry.digest == digest);
        same.filter_map(|entry| entry.name.as_deref()).collect()
    }

    /// Returns the names of all images as tools give them. One that cannot be a name is an error, since
    /// nothing may be left out.
    pub(super) fn tags(&self) -> Result<Vec<RefName>, StorageError> {
        let tags = self.all.iter().filter_map(|entry| Some((entry, entry.tag.as_deref()?)));
        let parse = |(entry, tag): (&LayoutEntry, &str)| {
            tag.parse().map_err(|error: RefNameError| StorageError::Unexpected {
                path: format!("{}/{INDEX}", self.path),
                problem: format!(
                    "has an image with a bad name, {}: {error}",
                    entry.digest.escape_debug()
                ),
            })
        };
        tags.map(parse).collect()
    }
}

impl LayoutEntry {
    /// Returns whether an entry is no image by itself, but is attached to one: it has a tag made of its digest, or no name
    /// and a subject.
    fn is_attachment(&self, read: impl Fn(Digest, &str) -> Result<Document, StorageError>) -> bool {
        if self.tag.is_some() || self.name.is_some() {
            return self.has_attachment_tag();
        }
        let document =
            self.digest.parse().ok().and_then(|digest| read(digest, &self.media_type).ok());
        document.is_some_and(|document| AttachedDocument::of_document(&document).is_some())
    }

    /// Returns whether the tag, alone or in a full reference, is made of the digest of an image.
    fn has_attachment_tag(&self) -> bool {
        self.parsed_tags().any(|tag| tag.subject().is_some())
    }

    /// Returns the image whose referrers are listed, if the entry is a list.
    fn listed_subject(&self) -> Option<Digest> {
        let subject = |tag: Tag| tag.subject().filter(|subject| tag == Tag::of_referrers(*subject));
        self.parsed_tags().find_map(subject)
    }

    /// Returns the tag, alone or of the full reference.
    fn parsed_tags(&self) -> impl Iterator<Item = Tag> {
        let last = |name: &String| name.rsplit(':').next()?.parse().ok();
        [&self.tag, &self.name].into_iter().flatten().filter_map(last)
    }
}

/// Parses an entry. A malformed one is ignored, so that the others can be found.
fn parse_entry(value: &Value) -> Option<LayoutEntry> {
    let fields = DescriptorFields::deserialize(value).ok()?;
    let DescriptorFields { media_type, digest, mut annotations, .. } = fields;
    let (tag, name) = (annotations.remove(REF_NAME), annotations.remove(IMAGE_NAME));
    (!digest.is_empty()).then_some(LayoutEntry { digest, media_type, tag, name })
}
