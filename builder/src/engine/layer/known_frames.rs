//! *Known frames*: those of layers in zstd:chunked that are on this machine already. A chunk that has one
//! is not compressed again; its frame is copied, which compression would give again byte by byte.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::known_blob::KnownBlob;
use super::output::EncoderOutput;
use crate::oci::image::digest::Digest;
use crate::oci::image::layer::FinishedLayer;

/// Number of frames of all blobs that are looked up for a layer.
const FRAMES_MAX: u64 = 1 << 19;

/// Length in bytes of a layer for each frame that is looked up for it: a layer that is soon compressed is not worth
/// reading long tables of contents. A disk has a chunk for 64 KiB, so that the tables of some twenty others like it are read:
/// the layer before can be behind those of other platforms.
const LAYER_LEN_PER_FRAME: u64 = 2 * 1024;

/// Layers on this machine, which were written with one compression in this version of the format. The caller knows
/// that; that the files are these layers is checked here.
#[derive(Debug)]
pub(crate) struct KnownBlobs(Vec<Arc<KnownBlob>>);

/// The frames that are looked up for one layer.
#[derive(Debug)]
pub(crate) struct KnownFrames {
    blobs: Vec<Arc<KnownBlob>>,
    /// Number of bytes that were copied.
    copied: AtomicU64,
}

impl KnownBlobs {
    /// `layers` are the layers and their files, the best first. Nothing of them is read yet.
    pub(crate) fn new(layers: impl Iterator<Item = (FinishedLayer, File)>) -> Self {
        Self(
            layers.filter_map(|(layer, file)| KnownBlob::new(&layer, file)).map(Arc::new).collect(),
        )
    }

    /// Returns the frames for a layer of `len` bytes before compression: those of the first blobs whose tables of contents
    /// can be read, and are not too long for such a layer.
    pub(crate) fn frames(&self, len: u64) -> Option<KnownFrames> {
        let mut left = (len / LAYER_LEN_PER_FRAME).min(FRAMES_MAX);
        let mut blobs = Vec::new();
        for blob in &self.0 {
            // Its length is known before it is read.
            if let Some(rest) = left.checked_sub(blob.frames_max())
                && blob.has_frames()
            {
                left = rest;
                blobs.push(Arc::clone(blob));
            }
        }
        (!blobs.is_empty()).then(|| KnownFrames { blobs, copied: AtomicU64::new(0) })
    }
}

impl KnownFrames {
    /// Returns how many bytes of the layer were copied so far.
    pub(crate) fn copied(&self) -> u64 {
        self.copied.load(Ordering::Relaxed)
    }

    /// Appends the frame of a chunk of `chunk_len` bytes to the output, if it is known. Returns whether it was. A chunk
    /// that does not become shorter is stored sooner than copied.
    pub(super) fn copy_frame(
        &self,
        chunk: Digest,
        chunk_len: usize,
        output: &mut EncoderOutput<'_>,
    ) -> bool {
        let mut undamaged = self.blobs.iter().filter(|blob| !blob.is_damaged());
        let found = undamaged.find_map(|blob| Some((blob, blob.find(chunk)?)));
        let Some((blob, frame)) = found else { return false };
        let len = u64::from(frame.1.len);
        if len >= chunk_len as u64 || !blob.copy_frame(frame, output) {
            return false;
        }
        self.copied.fetch_add(len, Ordering::Relaxed);
        true
    }
}
