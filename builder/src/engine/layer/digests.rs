//! The *digests* of a layer are computed on a thread of their own, which receives the blocks in order:
//! those of the tar and of the blob together, since two hashes side by side take little longer than
//! one (see the crate `sha256-pair`). In zstd:chunked the contents of files are
//! hashed too, together with the tar.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use sha256_pair::{Sha256, update_pair};

use super::contents::ChunkedPart;
use super::encode::EncodedBlock;
use super::metadata::ChunkedFiles;
use crate::oci::image::digest::Digest;

/// The digests of the blocks so far, and the files in chunks if the layer is in zstd:chunked.
#[derive(Debug, Default)]
pub(super) struct LayerDigests {
    tar: Sha256,
    blob: Sha256,
    files: Option<ChunkedFiles>,
}

impl LayerDigests {
    fn add(&mut self, block: &EncodedBlock) {
        if self.files.is_some() {
            self.add_chunked(block);
            return;
        }
        let mut tar = block.source();
        for piece in block.slices() {
            let (partner, rest) = tar.split_at(tar.len().min(piece.len()));
            update_pair(&mut self.tar, partner, &mut self.blob, piece);
            tar = rest;
        }
        self.tar.update(tar);
    }

    fn add_chunked(&mut self, block: &EncodedBlock) {
        let Some(files) = &mut self.files else { return };
        let tar = block.source();
        let mut end = 0;
        for ChunkedPart { range, .. } in block.chunked() {
            let content = &tar[range.range.clone()];
            self.tar.update(&tar[end..range.range.start]);
            end = range.range.end;
            update_pair(&mut self.tar, content, files.content_hash(range.content), content);
        }
        self.tar.update(&tar[end..]);
        for piece in block.slices() {
            self.blob.update(piece);
        }
        files.add(block);
    }

    /// Adds bytes at the end of the blob that are not of the tar.
    pub(super) fn add_trailer(&mut self, bytes: &[u8]) {
        self.blob.update(bytes);
    }

    /// Returns the files, if the layer is in zstd:chunked.
    pub(super) fn take_files(&mut self) -> Option<ChunkedFiles> {
        self.files.take()
    }

    /// Returns the digests of the tar and of the blob.
    pub(super) fn finish(self) -> (Digest, Digest) {
        (Digest::from_bytes(self.tar.finalize()), Digest::from_bytes(self.blob.finalize()))
    }
}

/// Hashes the blocks of a layer. `files` collects those of a layer in zstd:chunked.
pub(super) fn hash_blocks(
    blocks: Receiver<Arc<EncodedBlock>>,
    files: Option<ChunkedFiles>,
) -> LayerDigests {
    let mut digests = LayerDigests { files, ..LayerDigests::default() };
    for block in blocks {
        digests.add(&block);
    }
    digests
}
