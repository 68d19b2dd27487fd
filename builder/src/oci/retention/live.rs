//! What *lives*: the manifests and indexes that something that stays needs: those that an index lists, those that refer to
//! what lives, and those that it refers to.

use std::collections::{BTreeMap, BTreeSet};

use super::snapshot::{DocumentLinks, WIDTH, stop_if_cancelled};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::ref_name::RefName;
use crate::oci::image::tag::{CosignTag, Tag};
use crate::oci::images::Images;
use crate::oci::parallel::in_parallel;
use crate::oci::progress::Progress;

/// The search for what lives.
pub(crate) struct LiveSearch<'a> {
    images: &'a dyn Images,
    /// Tags of attachments.
    attachments: BTreeMap<Tag, Digest>,
    /// What these tags name.
    named: BTreeSet<Digest>,
    progress: &'a dyn Progress,
    /// Documents that were read before.
    known: BTreeMap<Digest, DocumentLinks>,
    live: BTreeSet<Digest>,
}

impl<'a> LiveSearch<'a> {
    /// Starts a search in images that have these tags.
    pub(crate) fn new(
        images: &'a dyn Images,
        tags: &BTreeMap<RefName, Digest>,
        progress: &'a dyn Progress,
    ) -> Self {
        let attachments = tags.iter().filter(|(name, _)| name.is_of_attachments());
        let attachments: BTreeMap<Tag, Digest> =
            attachments.filter_map(|(name, digest)| Some((name.tag()?, *digest))).collect();
        let named = attachments.values().copied().collect();
        let (known, live) = (BTreeMap::new(), BTreeSet::new());
        Self { images, attachments, named, progress, known, live }
    }

    /// Adds documents that were read already.
    pub(super) fn add_known(&mut self, documents: &BTreeMap<Digest, DocumentLinks>) {
        self.known.extend(documents.iter().map(|(digest, links)| (*digest, links.clone())));
    }

    /// Adds what lives, and all that it needs.
    pub(crate) fn add(
        &mut self,
        roots: impl IntoIterator<Item = Digest>,
    ) -> Result<(), StorageError> {
        let mut frontier: Vec<Digest> = roots.into_iter().collect();
        while !frontier.is_empty() {
            frontier.retain(|digest| self.live.insert(*digest));
            let found = in_parallel(&frontier, WIDTH, |_, digest| {
                stop_if_cancelled(self.progress)?;
                self.neighbours(*digest)
            })?;
            frontier = found.into_iter().flatten().collect();
        }
        Ok(())
    }

    /// Returns whether a document lives.
    pub(crate) fn has(&self, digest: Digest) -> bool {
        self.live.contains(&digest)
    }

    /// Returns what a document says about others; nothing if it does not exist.
    pub(super) fn links(&self, digest: Digest) -> Result<DocumentLinks, StorageError> {
        if let Some(known) = self.known.get(&digest) {
            return Ok(known.clone());
        }
        let document = self.images.read_document(digest)?;
        document.map_or_else(|| Ok(DocumentLinks::default()), |it| DocumentLinks::of_document(&it))
    }

    /// Returns whether a tag of attachments names a document.
    pub(super) fn is_named_attachment(&self, digest: Digest) -> bool {
        self.named.contains(&digest)
    }

    /// Returns what belongs to an image: what tags of attachments name, and what refers to it.
    pub(super) fn attached(&self, image: Digest) -> Result<Vec<Digest>, StorageError> {
        let own = CosignTag::ALL.map(|kind| kind.of_image(image));
        let own = own.into_iter().chain([Tag::of_referrers(image)]);
        let mut found: Vec<Digest> =
            own.filter_map(|tag| self.attachments.get(&tag).copied()).collect();
        let referrers = self.images.list_referrers(image)?;
        found.extend(referrers.iter().map(|referrer| referrer.digest));
        Ok(found)
    }

    fn neighbours(&self, digest: Digest) -> Result<Vec<Digest>, StorageError> {
        let links = self.links(digest)?;
        let mut found = self.attached(digest)?;
        found.extend(links.children);
        found.extend(links.subject);
        Ok(found)
    }
}

impl std::fmt::Debug for LiveSearch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveSearch").field("live", &self.live.len()).finish_non_exhaustive()
    }
}
