//! The *search* for the attachments of an image, of the images of its platforms, and of the attachments themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::selector::AttachmentSelector;
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::referrer::{AttachedDocument, find_artifact_type};
use crate::oci::image::tag::Tag;
use crate::oci::images::Images;
use crate::oci::parallel::in_parallel;
use crate::oci::walk::{DocumentLimits, DocumentWalk, ImageClosure, WalkError};

/// How many images are looked up before what was found is held against the limits.
const LOOKUPS: usize = 8;

/// Limits of what is read of all attachments of an image. A manifest of cosign has a line of some hundred bytes for each
/// signature.
const LIMITS: DocumentLimits = DocumentLimits {
    depth: 3,
    documents: 1000,
    entries: 1000,
    bytes: 64 << 20,
    config: 4 << 20,
    layers: 10_000,
};

/// The attachments of an image.
#[derive(Debug, Default)]
pub(crate) struct Attachments {
    /// Manifests and indexes, each after those that it refers to; the blobs of all.
    pub(crate) closure: ImageClosure,
    /// Manifests with a tag that cosign makes of the digest of their image.
    pub(crate) tagged: BTreeMap<Tag, Arc<Document>>,
    /// Manifests and indexes whose subject is the image, or another attachment.
    pub(crate) referrers: Vec<Arc<Document>>,
}

/// Finds the attachments of an image, whose manifests and indexes are `documents`; up to `jobs` of them are looked up at a
/// time.
pub(crate) fn find_attachments(
    images: &dyn Images,
    documents: &[Arc<Document>],
    selector: &AttachmentSelector,
    jobs: usize,
) -> Result<Attachments, WalkError> {
    let mut found = Attachments::default();
    if *selector == AttachmentSelector::None {
        return Ok(found);
    }
    let mut walk = DocumentWalk::new(&images, LIMITS);
    let mut known: BTreeSet<Digest> = documents.iter().map(|it| it.digest).collect();
    let mut pending: Vec<Digest> = documents.iter().map(|it| it.digest).collect();
    while !pending.is_empty() {
        let subjects = pending.split_off(pending.len().saturating_sub(LOOKUPS));
        let lookups = in_parallel(&subjects, jobs, |_, subject| {
            Lookup::run(images, *subject, selector).map(|lookup| (*subject, lookup))
        })?;
        for (subject, Lookup { tagged, referrers }) in lookups {
            for (tag, document) in tagged {
                let document = found.add(&mut walk, document, &mut known, &mut pending)?;
                found.tagged.insert(tag, document);
            }
            for digest in referrers {
                let Some(document) = read_referrer(images, digest, subject, selector)? else {
                    continue;
                };
                if !known.contains(&digest) {
                    let document = found.add(&mut walk, document, &mut known, &mut pending)?;
                    found.referrers.push(document);
                }
            }
        }
    }
    Ok(found)
}

impl Attachments {
    /// Adds an attachment with all that it refers to, whose own attachments are looked up later.
    fn add(
        &mut self,
        walk: &mut DocumentWalk<'_>,
        document: Document,
        known: &mut BTreeSet<Digest>,
        pending: &mut Vec<Digest>,
    ) -> Result<Arc<Document>, WalkError> {
        let closure = walk.read_closure(&document)?;
        self.closure.blobs.extend(closure.blobs);
        for document in closure.documents {
            if known.insert(document.digest) {
                pending.push(document.digest);
                self.closure.documents.push(document);
            }
        }
        Ok(Arc::new(document))
    }
}

/// What belongs to one manifest or index.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    tagged: Vec<(Tag, Document)>,
    referrers: Vec<Digest>,
}

impl Lookup {
    fn run(
        images: &dyn Images,
        subject: Digest,
        selector: &AttachmentSelector,
    ) -> Result<Self, StorageError> {
        let tagged = Self::find_tagged(images, subject, selector)?;
        let mut lookup = Self { tagged, referrers: Vec::new() };
        if selector.has_referrers() {
            let all = images.list_referrers(subject)?.into_iter();
            let is_meant = |kind: &str| kind.is_empty() || selector.has_type(kind);
            let meant = all.filter(|it| is_meant(&it.artifact_type));
            lookup.referrers = meant.map(|it| it.digest).collect();
        }
        Ok(lookup)
    }

    /// Finds the manifests with the tags that cosign makes of a digest.
    pub(super) fn find_tagged(
        images: &dyn Images,
        subject: Digest,
        selector: &AttachmentSelector,
    ) -> Result<Vec<(Tag, Document)>, StorageError> {
        let mut tagged = Vec::new();
        for kind in selector.tags() {
            let tag = kind.of_image(subject);
            if let Some(document) = images.find_attachment(&tag)? {
                tagged.push((tag, document));
            }
        }
        Ok(tagged)
    }
}

/// Reads a referrer; none if it was deleted, if it refers to another image than the list says, or if its type is not
/// selected.
fn read_referrer(
    images: &dyn Images,
    digest: Digest,
    subject: Digest,
    selector: &AttachmentSelector,
) -> Result<Option<Document>, StorageError> {
    let Some(document) = images.read_document(digest)? else { return Ok(None) };
    let is_attached = AttachedDocument::of_document(&document)
        .is_some_and(|attached| attached.subject == subject);
    let is_meant = is_attached && selector.has_type(&find_artifact_type(&document));
    Ok(is_meant.then_some(document))
}
