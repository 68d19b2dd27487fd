//! What the index of a layout *reaches*: all blobs that a document names in a `digest`, whatever the
//! kind of the document, and artifacts whose `subject` is reached.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::file::read_document_file;
use super::layout_dir::LayoutDir;
use super::{BLOBS, parse_document};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::format;
use crate::oci::image::json::DOCUMENT_LEN_MAX;
use crate::oci::image::referrer::is_image;

/// The search for the blobs that the index of a layout reaches.
pub(super) struct ReachableSearch<'a> {
    layout: &'a LayoutDir,
    /// Lengths of the blobs that exist, in bytes.
    sizes: &'a BTreeMap<Digest, u64>,
    reached: BTreeSet<Digest>,
    /// Artifacts that are not reached, by their subjects.
    referrers: BTreeMap<Digest, Vec<BlobReference>>,
}

/// A blob that a document refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BlobReference {
    digest: Digest,
    /// Whether the media type is that of a manifest or an index.
    is_document: bool,
}

impl<'a> ReachableSearch<'a> {
    /// Returns the blobs that the index reaches; some may not exist. `sizes` are the lengths of all
    /// blobs that exist.
    pub(super) fn run(
        layout: &'a LayoutDir,
        sizes: &'a BTreeMap<Digest, u64>,
    ) -> Result<BTreeSet<Digest>, StorageError> {
        let mut search =
            Self { layout, sizes, reached: BTreeSet::new(), referrers: BTreeMap::new() };
        let index = layout.read_index()?.map(|(bytes, _)| bytes).unwrap_or_default();
        let index: Value = serde_json::from_slice(&index).unwrap_or_default();
        search.follow(list_references(&index))?;
        search.referrers = search.list_referrers()?;
        let reached: Vec<Digest> = search.reached.iter().copied().collect();
        let referrers = reached.iter().flat_map(|subject| search.take_referrers(subject)).collect();
        search.follow(referrers)?;
        Ok(search.reached)
    }

    fn follow(&mut self, mut pending: Vec<BlobReference>) -> Result<(), StorageError> {
        while let Some(reference) = pending.pop() {
            if self.reached.insert(reference.digest) {
                pending.extend(self.take_referrers(&reference.digest));
                if let Some(document) = self.read_document(reference)? {
                    pending.extend(list_references(&document));
                }
            }
        }
        Ok(())
    }

    fn take_referrers(&mut self, subject: &Digest) -> Vec<BlobReference> {
        self.referrers.remove(subject).unwrap_or_default()
    }

    /// Reads a blob as JSON; none if it does not exist or is something else. A manifest or an index
    /// that cannot be used is an error: what it reaches is unknown.
    fn read_document(&self, reference: BlobReference) -> Result<Option<Value>, StorageError> {
        let BlobReference { digest, is_document } = reference;
        let Some(&size) = self.sizes.get(&digest) else { return Ok(None) };
        if size > DOCUMENT_LEN_MAX && !is_document {
            return Ok(None);
        }
        let bytes = self.read_blob(digest)?;
        if !is_document {
            return Ok(serde_json::from_slice(&bytes).ok());
        }
        let document = parse_document("", bytes, digest, &self.path_of(digest))?;
        Ok(serde_json::from_slice(&document.bytes).ok())
    }

    /// Lists the artifacts that are not reached and have a subject, by the subject. Images with a subject are not among
    /// them: they are used by the names that the index has of them.
    fn list_referrers(&self) -> Result<BTreeMap<Digest, Vec<BlobReference>>, StorageError> {
        let mut referrers: BTreeMap<Digest, Vec<BlobReference>> = BTreeMap::new();
        for (&digest, &size) in self.sizes {
            if self.reached.contains(&digest) || size > DOCUMENT_LEN_MAX {
                continue;
            }
            let Ok(value) = serde_json::from_slice::<Value>(&self.read_blob(digest)?) else {
                continue;
            };
            let subject = value.pointer("/subject/digest").and_then(Value::as_str);
            let subject = subject.filter(|_| !is_image(&value));
            if let Some(subject) = subject.and_then(|subject| subject.parse().ok()) {
                // It may be damaged, or be no manifest: it stays as it is, and what it names.
                let referrer = BlobReference { digest, is_document: false };
                referrers.entry(subject).or_default().push(referrer);
            }
        }
        Ok(referrers)
    }

    fn read_blob(&self, digest: Digest) -> Result<Vec<u8>, StorageError> {
        let bytes = read_document_file(self.layout.blobs_dir(), &digest.to_hex());
        bytes.map_err(StorageError::io("read", self.path_of(digest)))
    }

    fn path_of(&self, digest: Digest) -> String {
        self.layout.path_of(&format!("{BLOBS}/{}", digest.to_hex()))
    }
}

/// Lists all blobs that a document refers to. A `subject` is not among them: a signature does not
/// keep its image.
fn list_references(document: &Value) -> Vec<BlobReference> {
    let mut found = Vec::new();
    let mut pending = vec![document];
    while let Some(value) = pending.pop() {
        match value {
            Value::Array(values) => pending.extend(values),
            Value::Object(fields) => {
                let text = |name: &str| fields.get(name).and_then(Value::as_str);
                let media_type = text("mediaType").unwrap_or_default();
                let is_document = format::is_index(media_type) || format::is_manifest(media_type);
                // `blobSum` is that of Docker's first schema.
                let digests = [text("digest"), text("blobSum")].into_iter().flatten();
                let digests = digests.filter_map(|digest| digest.parse().ok());
                found.extend(digests.map(|digest| BlobReference { digest, is_document }));
                let others = fields.iter().filter(|(name, _)| *name != "subject");
                pending.extend(others.map(|(_, value)| value));
            }
            _ => {}
        }
    }
    found
}
