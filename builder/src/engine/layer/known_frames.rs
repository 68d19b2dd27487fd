//! *Known frames*: those of layers in zstd:chunked that are on this machine already. A chunk that has one
//! is not compressed again; its frame is copied, which compression would give again byte by byte.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use sha2::{Digest as _, Sha256};

use super::output::EncoderOutput;
use crate::oci::image::digest::Digest;
use crate::oci::image::layer::FinishedLayer;
use crate::oci::reuse::{StoredChunk, parse_toc};
use crate::oci::toc::{decompress_toc, toc_part};

/// Number of frames that are kept in memory together, at 48 bytes each.
const FRAMES_MAX: usize = 1 << 19;

/// Share of the bytes of a blob that must have been made again before the blob is read whole to check it: a layer
/// that has little in common with the new one is not worth reading.
const WORTH_READING: u64 = 64;

/// Length in bytes of the pieces that a blob is read in.
const READ_LEN: usize = 1 << 20;

/// The frames of layers that were written with one compression in this version of the format.
#[derive(Debug)]
pub(crate) struct KnownFrames {
    blobs: Arc<Vec<KnownBlob>>,
    /// Number of bytes that were copied.
    copied: AtomicU64,
}

/// A layer on this machine.
#[derive(Debug)]
struct KnownBlob {
    file: File,
    digest: Digest,
    size: u64,
    /// In the order of the digests of their chunks.
    frames: Vec<StoredChunk>,
    /// Number of bytes in frames that were looked up.
    found: AtomicU64,
    /// Whether a thread reads the blob to check it, or has done so.
    is_claimed: AtomicBool,
    /// Whether the blob has its digest.
    is_whole: OnceLock<bool>,
}

impl KnownFrames {
    /// Reads the tables of contents of layers. The caller knows that they were written with the compression and
    /// the version of the format that the frames are used for; that the files are these layers is checked here.
    pub(crate) fn read(layers: impl Iterator<Item = (FinishedLayer, File)>) -> Option<Self> {
        let mut count = 0;
        let mut blobs = Vec::new();
        for (layer, file) in layers {
            let Some(blob) = KnownBlob::read(&layer, file) else { continue };
            if count + blob.frames.len() <= FRAMES_MAX {
                count += blob.frames.len();
                blobs.push(blob);
            }
        }
        let blobs = Arc::new(blobs);
        (!blobs.is_empty()).then(|| Self { blobs, copied: AtomicU64::new(0) })
    }

    /// Returns the same frames for another layer, of which nothing was copied.
    pub(crate) fn for_layer(&self) -> Self {
        Self { blobs: Arc::clone(&self.blobs), copied: AtomicU64::new(0) }
    }

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
        let undamaged = |blob: &KnownBlob| blob.is_whole.get() != Some(&false);
        let mut blobs = self.blobs.iter().enumerate().filter(|(_, blob)| undamaged(blob));
        let found = blobs.find_map(|(number, blob)| Some((number, blob, blob.find(chunk)?)));
        let Some((number, blob, frame)) = found else { return false };
        let len = frame.end - frame.start;
        if len >= chunk_len as u64 {
            return false;
        }
        if !self.is_whole(number, len) || blob.copy(frame, output).is_err() {
            return false;
        }
        self.copied.fetch_add(len, Ordering::Relaxed);
        true
    }

    /// Returns whether a blob is known to be whole, of which `len` more bytes were made again. Once it is worth
    /// reading, a compressing thread reads it, while the others go on.
    fn is_whole(&self, number: usize, len: u64) -> bool {
        let blob = &self.blobs[number];
        if let Some(is_whole) = blob.is_whole.get() {
            return *is_whole;
        }
        let found = blob.found.fetch_add(len, Ordering::Relaxed) + len;
        if found >= blob.size / WORTH_READING && !blob.is_claimed.swap(true, Ordering::Relaxed) {
            let blobs = Arc::downgrade(&self.blobs);
            rayon::spawn_fifo(move || check_blob(&blobs, number));
        }
        false
    }
}

impl KnownBlob {
    fn read(layer: &FinishedLayer, file: File) -> Option<Self> {
        let metadata = layer.chunked?;
        let part = toc_part(layer.size, &metadata)?;
        let mut compressed = vec![0; usize::try_from(part.end - part.start).ok()?];
        file.read_exact_at(&mut compressed, part.start).ok()?;
        let mut frames = parse_toc(&decompress_toc(&compressed, &metadata)?, metadata.toc.offset)?;
        frames.sort_unstable_by_key(|frame| frame.digest);
        frames.dedup_by_key(|frame| frame.digest);
        Some(Self {
            file,
            digest: layer.digest,
            size: layer.size,
            frames,
            found: AtomicU64::new(0),
            is_claimed: AtomicBool::new(false),
            is_whole: OnceLock::new(),
        })
    }

    fn find(&self, chunk: Digest) -> Option<Range<u64>> {
        let at = self.frames.binary_search_by_key(&chunk, |frame| frame.digest).ok()?;
        Some(self.frames[at].frame.clone())
    }

    fn copy(&self, frame: Range<u64>, output: &mut EncoderOutput<'_>) -> io::Result<()> {
        let len = usize::try_from(frame.end - frame.start).map_err(io::Error::other)?;
        output.append_with(len, |space| {
            self.file.read_exact_at(space, frame.start).map(|()| space.len())
        })
    }
}

/// Reads a blob and compares its digest, unless nobody needs the frames any more.
fn check_blob(blobs: &Weak<Vec<KnownBlob>>, number: usize) {
    let (mut hash, mut buffer, mut at) = (Sha256::new(), vec![0; READ_LEN], 0);
    while let Some(blobs) = blobs.upgrade() {
        let blob = &blobs[number];
        // An error counts as the end: the digest will not be right.
        let count = blob.file.read_at(&mut buffer, at).unwrap_or_default();
        if count == 0 {
            let found = Digest::from_hasher(hash);
            // Nobody else has claimed the blob.
            blob.is_whole.get_or_init(|| found == blob.digest);
            return;
        }
        hash.update(&buffer[..count]);
        at += count as u64;
    }
}
