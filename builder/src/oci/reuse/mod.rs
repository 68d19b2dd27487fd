//! *Reuse* of chunks: a layer in zstd:chunked is made of the chunks that layers on this machine have already,
//! and only the rest is read from where it comes from. Whether the result is right, its digest shows: a
//! sink that finds another one reads the whole blob.

mod assembled;
mod chunks;
mod plan;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use self::assembled::AssembledBlob;
pub(crate) use self::chunks::parse_toc;

use self::chunks::{LocalChunks, chunked_layers, read_chunks};
use self::plan::BlobPlan;
use super::error::StorageError;
use super::image::descriptor::Descriptor;
use super::image::digest::Digest;
use super::image::json::Document;
use super::image::ref_name::RefName;
use super::image::tag::Tag;
use super::images::Images;

/// Returns the frames that a table of contents lists, which begins at `end` in its blob.
pub(crate) fn frames_of_toc(text: &[u8], end: u64) -> Option<Vec<Range<u64>>> {
    let chunks = chunks::parse_toc(text, end)?;
    Some(chunks.into_iter().map(|chunk| chunk.frame).collect())
}

/// Images of which some blobs are made of chunks of other images.
pub(crate) struct ReusingImages<'a> {
    images: &'a dyn Images,
    local: &'a dyn Images,
    plans: Mutex<HashMap<Digest, Arc<BlobPlan>>>,
}

impl<'a> ReusingImages<'a> {
    /// Returns the images, with the layers that these documents name made of chunks of `local` as far as
    /// that has them. Returns nothing if there is nothing to reuse, or what there is cannot be read.
    pub(crate) fn new(
        images: &'a dyn Images,
        local: &'a dyn Images,
        documents: &[Arc<Document>],
    ) -> Option<Self> {
        let layers = chunked_layers(documents);
        let known =
            if layers.is_empty() { LocalChunks::default() } else { LocalChunks::read(local) };
        if known.is_empty() {
            return None;
        }
        let mut plans = HashMap::new();
        for (layer, metadata) in layers {
            // The sink has it.
            if known.has_blob(layer.digest) {
                continue;
            }
            let Some(chunks) = read_chunks(images, &layer, &metadata) else { continue };
            let plan = BlobPlan::new(layer.size, &chunks, &known);
            plans.extend(plan.map(|plan| (layer.digest, Arc::new(plan))));
        }
        (!plans.is_empty()).then(|| Self { images, local, plans: Mutex::new(plans) })
    }

    fn plan(&self, digest: Digest) -> Option<Arc<BlobPlan>> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned()
    }

    fn open<'s>(
        &self,
        digest: Digest,
        size: u64,
        part: Range<u64>,
    ) -> Result<Box<dyn Read + Send + 's>, StorageError>
    where
        'a: 's,
    {
        let Some(plan) = self.plan(digest) else {
            let images: &'a dyn Images = self.images;
            return images.open_blob_part(digest, size, part);
        };
        let blob = AssembledBlob::new(self.images, self.local, (digest, size), plan, part.start);
        Ok(Box::new(blob.take(part.end - part.start)))
    }
}

impl Images for ReusingImages<'_> {
    fn find_image(&self, name: &str) -> Result<Option<Document>, StorageError> {
        self.images.find_image(name)
    }

    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError> {
        self.images.read_document(digest)
    }

    fn open_blob(
        &self,
        digest: Digest,
        size: u64,
        at: u64,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        self.open(digest, size, at..size)
    }

    fn open_blob_part(
        &self,
        digest: Digest,
        size: u64,
        part: Range<u64>,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        self.open(digest, size, part)
    }

    fn into_blob_reader<'s>(
        self: Box<Self>,
        digest: Digest,
        size: u64,
    ) -> Result<Box<dyn Read + Send + 's>, StorageError>
    where
        Self: 's,
    {
        self.open(digest, size, 0..size)
    }

    fn forget_reused(&self, digest: Digest) -> bool {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest).is_some()
    }

    fn only_image(&self) -> Result<Option<Document>, StorageError> {
        self.images.only_image()
    }

    fn names(&self) -> Vec<&str> {
        self.images.names()
    }

    fn names_of(&self, digest: Digest) -> Vec<&str> {
        self.images.names_of(digest)
    }

    fn tags(&self) -> Result<Vec<RefName>, StorageError> {
        self.images.tags()
    }

    fn find_attachment(&self, tag: &Tag) -> Result<Option<Document>, StorageError> {
        self.images.find_attachment(tag)
    }

    fn list_referrers(&self, subject: Digest) -> Result<Vec<Descriptor>, StorageError> {
        self.images.list_referrers(subject)
    }

    fn mount_source(&self) -> Option<(&str, &str)> {
        self.images.mount_source()
    }
}

impl std::fmt::Debug for ReusingImages<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReusingImages").field("plans", &self.plans).finish_non_exhaustive()
    }
}
