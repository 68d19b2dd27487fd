//! The *chunks* of layers, as their tables of contents list them. A table is untrusted: one that is
//! damaged, too long or contradicts itself counts as missing.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::layer::ChunkedMetadata;
use crate::oci::image::manifest::ImageManifest;
use crate::oci::images::Images;
use crate::oci::toc::{Toc, read_toc};
use crate::oci::walk::{DocumentLimits, DocumentWalk};

/// Number of images on this machine whose chunks are reused.
const IMAGES_MAX: usize = 32;

/// Number of their chunks that are kept in memory together, at about 100 bytes each; others are requested.
const CHUNKS_MAX: usize = 1 << 19;

/// A chunk of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredChunk {
    /// Digest of its content.
    pub(crate) digest: Digest,
    /// Its frame in the blob.
    pub(crate) frame: Range<u64>,
}

/// Location of a chunk on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalChunk {
    /// Digest and size of the blob.
    pub(super) blob: (Digest, u64),
    /// Offset of the frame in the blob.
    pub(super) offset: u64,
}

/// The chunks on this machine.
#[derive(Debug, Default)]
pub(super) struct LocalChunks {
    blobs: BTreeSet<Digest>,
    /// By the digest of the content and the length of the frame: a frame of another length was
    /// compressed in another way.
    chunks: HashMap<(Digest, u64), LocalChunk>,
}

impl LocalChunks {
    /// Reads the tables of contents of the layers of images.
    pub(super) fn read(images: &dyn Images) -> Self {
        let mut local = Self::default();
        let tags = images.tags().unwrap_or_default();
        for tag in tags.iter().take(IMAGES_MAX) {
            let Ok(Some(root)) = images.find_image(tag.as_str()) else { continue };
            let closure = DocumentWalk::new(&images, DocumentLimits::default()).read_closure(&root);
            let documents = closure.map(|closure| closure.documents).unwrap_or_default();
            for (layer, metadata) in chunked_layers(&documents) {
                if local.blobs.insert(layer.digest) {
                    local.add(images, &layer, &metadata);
                }
            }
        }
        local
    }

    fn add(&mut self, images: &dyn Images, layer: &Descriptor, metadata: &ChunkedMetadata) {
        let chunks = read_chunks(images, layer, metadata).unwrap_or_default();
        self.add_chunks((layer.digest, layer.size), chunks);
    }

    fn add_chunks(&mut self, blob: (Digest, u64), chunks: Vec<StoredChunk>) {
        for StoredChunk { digest, frame } in chunks {
            if self.chunks.len() >= CHUNKS_MAX {
                return;
            }
            let key = (digest, frame.end - frame.start);
            self.chunks.insert(key, LocalChunk { blob, offset: frame.start });
        }
    }

    /// Returns the chunks of one blob.
    #[cfg(test)]
    pub(super) fn of_chunks(blob: (Digest, u64), chunks: Vec<StoredChunk>) -> Self {
        let mut local = Self::default();
        local.add_chunks(blob, chunks);
        local
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns whether one of the layers has this digest.
    pub(super) fn has_blob(&self, digest: Digest) -> bool {
        self.blobs.contains(&digest)
    }

    /// Returns the location of a chunk.
    pub(super) fn find(&self, chunk: &StoredChunk) -> Option<&LocalChunk> {
        self.chunks.get(&(chunk.digest, chunk.frame.end - chunk.frame.start))
    }
}

/// Returns the layers in zstd:chunked that the manifests among these documents name.
pub(super) fn chunked_layers(documents: &[Arc<Document>]) -> Vec<(Descriptor, ChunkedMetadata)> {
    let manifests = documents.iter().filter(|document| !document.is_index());
    let layers =
        manifests.flat_map(|document| ImageManifest::parse(document)).flat_map(|it| it.layers);
    let chunked = layers.map(|layer| {
        let metadata = ChunkedMetadata::from_annotations(&layer.annotations)?;
        Some((layer, metadata))
    });
    chunked.flatten().collect()
}

/// Reads the chunks of a layer, in the order of the blob.
pub(super) fn read_chunks(
    images: &dyn Images,
    layer: &Descriptor,
    metadata: &ChunkedMetadata,
) -> Option<Vec<StoredChunk>> {
    parse_toc(&read_toc(images, layer, metadata)?, metadata.toc.offset)
}

/// Parses a table of contents that begins at `end` in its blob.
pub(crate) fn parse_toc(text: &[u8], end: u64) -> Option<Vec<StoredChunk>> {
    let toc = Toc::parse(text)?;
    let mut chunks: Vec<StoredChunk> = Vec::new();
    let mut end_of_file = 0;
    for (at, entry) in toc.entries.iter().enumerate() {
        match &*entry.kind {
            "reg" => end_of_file = entry.end_offset,
            "chunk" => {}
            _ => continue,
        }
        let Some(digest) = entry.chunk_digest.as_ref().or(entry.digest.as_ref()) else { continue };
        let next = toc.entries.get(at + 1).filter(|next| next.kind == "chunk");
        let frame = entry.offset..next.map_or(end_of_file, |next| next.offset);
        let follows = chunks.last().is_none_or(|last| last.frame.end <= frame.start);
        if !follows || frame.is_empty() || frame.end > end {
            return None;
        }
        chunks.push(StoredChunk { digest: digest.parse().ok()?, frame });
    }
    Some(chunks)
}
