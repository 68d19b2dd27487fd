//! The *digests* of a layer are computed on a thread of their own, which receives the blocks in order:
//! those of the tar and of the blob together, since two hashes side by side take little longer than
//! one (see the crate `sha256-pair`).

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use sha256_pair::{Sha256, update_pair};

use super::encode::EncodedBlock;
use crate::oci::image::digest::Digest;

/// The digests of the blocks so far.
#[derive(Debug, Default)]
struct LayerDigests {
    tar: Sha256,
    blob: Sha256,
}

impl LayerDigests {
    fn add(&mut self, block: &EncodedBlock) {
        let mut tar = block.source();
        for piece in block.slices() {
            let (partner, rest) = tar.split_at(tar.len().min(piece.len()));
            update_pair(&mut self.tar, partner, &mut self.blob, piece);
            tar = rest;
        }
        self.tar.update(tar);
    }
}

/// Hashes the blocks of a layer. Returns the digests of the tar and of the blob.
pub(super) fn hash_blocks(blocks: Receiver<Arc<EncodedBlock>>) -> (Digest, Digest) {
    let mut digests = LayerDigests::default();
    for block in blocks {
        digests.add(&block);
    }
    (Digest::from_bytes(digests.tar.finalize()), Digest::from_bytes(digests.blob.finalize()))
}
