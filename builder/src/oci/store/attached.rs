//! The documents of a layout that are *attached* to an image: those with a subject, and the lists of referrers with a tag
//! made of the digest of their subject.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::INDEX;
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::format::{is_index, is_manifest};
use crate::oci::image::index::ImageIndex;
use crate::oci::image::json::Document;
use crate::oci::image::referrer::{AttachedDocument, ReferrerList};

/// A document by its digest and the media type with which it is listed.
pub(super) type ListedDocument = (Digest, String);

/// The attached documents, by the image that they are attached to. Only their digests are kept: they are untrusted, and there
/// can be many.
#[derive(Debug, Default)]
pub(super) struct AttachedDocuments {
    /// Documents with a subject.
    referrers: BTreeMap<Digest, Vec<ListedDocument>>,
    /// Lists of referrers.
    lists: BTreeMap<Digest, Vec<ListedDocument>>,
}

impl AttachedDocuments {
    /// Reads all documents that the index of a layout reaches through indexes, each once; of the entries that are lists the
    /// subject is given. `has` says whether a document exists, since those of some platforms may be missing, and `read`
    /// reads it.
    pub(super) fn find(
        entries: impl Iterator<Item = (ListedDocument, Option<Digest>)>,
        has: impl Fn(Digest) -> bool,
        read: impl Fn(Digest, &str) -> Result<Document, StorageError>,
    ) -> Result<Self, StorageError> {
        let mut found = Self::default();
        let (mut seen, mut pending) = (BTreeSet::new(), VecDeque::new());
        for (listed, subject) in entries.filter(|((digest, _), _)| has(*digest)) {
            match subject {
                Some(subject) => found.lists.entry(subject).or_default().push(listed),
                None if seen.insert(listed.0) => pending.push_back(listed),
                None => {}
            }
        }
        while let Some((digest, media_type)) = pending.pop_front() {
            let document = read(digest, &media_type)?;
            if let Some(AttachedDocument { subject, .. }) = AttachedDocument::of_document(&document)
            {
                found.referrers.entry(subject).or_default().push((digest, media_type));
            }
            let inside = ImageIndex::parse(&document).ok().filter(|_| document.is_index());
            for entry in inside.into_iter().flat_map(|index| index.manifests) {
                let is_new = may_be_document(&entry.media_type) && has(entry.digest);
                if is_new && seen.insert(entry.digest) {
                    pending.push_back((entry.digest, entry.media_type));
                }
            }
        }
        Ok(found)
    }

    /// Lists the referrers of an image. `path` is the path of the layout in messages.
    pub(super) fn list_referrers(
        &self,
        subject: Digest,
        path: &str,
        read: impl Fn(Digest, &str) -> Result<Document, StorageError>,
    ) -> Result<Vec<Descriptor>, StorageError> {
        let wrong = |name: Digest, problem: String| StorageError::Unexpected {
            path: format!("{path}/{INDEX}"),
            problem: format!("has a list of referrers, {name}, that cannot be used: {problem}"),
        };
        let mut list = ReferrerList::default();
        for (digest, media_type) in self.lists.get(&subject).into_iter().flatten() {
            let added = list.add_index(&read(*digest, media_type)?);
            added.map_err(|problem| wrong(*digest, problem))?;
        }
        for (digest, media_type) in self.referrers.get(&subject).into_iter().flatten() {
            let attached = AttachedDocument::of_document(&read(*digest, media_type)?);
            let added = attached.map_or(Ok(()), |it| list.add(it.descriptor));
            added.map_err(|problem| wrong(*digest, problem))?;
        }
        Ok(list.into_descriptors())
    }
}

/// Returns whether a media type is that of a manifest or an index, or is missing.
pub(super) fn may_be_document(media_type: &str) -> bool {
    media_type.is_empty() || is_index(media_type) || is_manifest(media_type)
}
