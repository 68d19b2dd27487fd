//! A *known blob*: a layer in zstd:chunked that is on this machine, whose frames can be used again once the blob was
//! read whole and has its digest. Since a frame is read again later, it must be then what it was.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread;

use crc_fast::CrcAlgorithm;
use sha2::{Digest as _, Sha256};

use super::output::EncoderOutput;
use crate::oci::image::digest::Digest;
use crate::oci::image::layer::{ChunkedMetadata, FinishedLayer};
use crate::oci::reuse::parse_toc;
use crate::oci::toc::{decompress_toc, toc_part};

/// Length in bytes of the pieces that a blob is read in.
const READ_LEN: usize = 1 << 20;

/// Length in bytes of the shortest entry that a table of contents has for a chunk.
const ENTRY_LEN_MIN: u64 = 128;

/// Share of the bytes of a blob that must have been made again before the blob is read whole to check it: a layer
/// that has little in common with the new one is not worth reading.
const WORTH_READING: u64 = 64;

/// The checksum of a frame in memory.
const FRAME_CRC: CrcAlgorithm = CrcAlgorithm::Crc64Nvme;

/// A layer on this machine.
#[derive(Debug)]
pub(super) struct KnownBlob {
    file: File,
    digest: Digest,
    size: u64,
    metadata: ChunkedMetadata,
    /// In the order of the digests of their chunks; none if the table of contents cannot be read.
    frames: OnceLock<Vec<KnownFrame>>,
    /// Number of bytes in frames that were looked up.
    found: AtomicU64,
    /// Whether a thread reads the blob to check it, or has done so.
    is_claimed: AtomicBool,
    /// The checksums of the frames, in their order, as they were when the blob had its digest; none if it has another.
    checked: OnceLock<Option<Vec<u64>>>,
}

/// A frame of a blob.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownFrame {
    chunk: Digest,
    offset: u64,
    /// Its length in bytes.
    pub(super) len: u32,
}

impl KnownBlob {
    /// Returns the blob of a layer; none if the layer has no table of contents.
    pub(super) fn new(layer: &FinishedLayer, file: File) -> Option<Self> {
        Some(Self {
            file,
            digest: layer.digest,
            size: layer.size,
            metadata: layer.chunked?,
            frames: OnceLock::new(),
            found: AtomicU64::new(0),
            is_claimed: AtomicBool::new(false),
            checked: OnceLock::new(),
        })
    }

    /// Returns how many frames it has at most, by the length of its table of contents.
    pub(super) fn frames_max(&self) -> u64 {
        self.metadata.toc.text_len / ENTRY_LEN_MIN
    }

    /// Reads the table of contents, unless that was done; returns whether there are frames.
    pub(super) fn has_frames(&self) -> bool {
        !self.frames().is_empty()
    }

    fn frames(&self) -> &[KnownFrame] {
        self.frames.get_or_init(|| self.read_frames().unwrap_or_default())
    }

    fn read_frames(&self) -> Option<Vec<KnownFrame>> {
        let part = toc_part(self.size, &self.metadata)?;
        let mut compressed = vec![0; usize::try_from(part.end - part.start).ok()?];
        self.file.read_exact_at(&mut compressed, part.start).ok()?;
        let text = decompress_toc(&compressed, &self.metadata)?;
        let chunks = parse_toc(&text, self.metadata.toc.offset)?.into_iter().map(|chunk| {
            let len = u32::try_from(chunk.frame.end - chunk.frame.start).ok()?;
            Some(KnownFrame { chunk: chunk.digest, offset: chunk.frame.start, len })
        });
        let mut frames = chunks.collect::<Option<Vec<KnownFrame>>>()?;
        frames.sort_unstable_by_key(|frame| frame.chunk);
        frames.dedup_by_key(|frame| frame.chunk);
        Some(frames)
    }

    /// Returns whether the blob was checked, and has another digest.
    pub(super) fn is_damaged(&self) -> bool {
        matches!(self.checked.get(), Some(None))
    }

    /// Returns the number of the frame of a chunk, and the frame.
    pub(super) fn find(&self, chunk: Digest) -> Option<(usize, KnownFrame)> {
        let frames = self.frames();
        let number = frames.binary_search_by_key(&chunk, |frame| frame.chunk).ok()?;
        Some((number, frames[number]))
    }

    /// Appends a frame to the output, if the blob was checked and the frame is what it was then. Returns whether it did.
    /// Once the blob is worth reading, it is checked by a thread of its own, while layers are compressed.
    pub(super) fn copy_frame(
        self: &Arc<Self>,
        (number, frame): (usize, KnownFrame),
        output: &mut EncoderOutput<'_>,
    ) -> bool {
        match self.checked.get() {
            Some(Some(checksums)) => {
                let copied = output.append_with(frame.len as usize, |space| {
                    self.file.read_exact_at(space, frame.offset)?;
                    let is_same =
                        checksums.get(number) == Some(&crc_fast::checksum(FRAME_CRC, space));
                    if is_same { Ok(space.len()) } else { Err(io::ErrorKind::InvalidData.into()) }
                });
                copied.is_ok()
            }
            Some(None) => false,
            None => {
                let len = u64::from(frame.len);
                let found = self.found.fetch_add(len, Ordering::Relaxed) + len;
                if found >= self.size / WORTH_READING {
                    self.start_check();
                }
                false
            }
        }
    }

    fn start_check(self: &Arc<Self>) {
        if self.is_claimed.swap(true, Ordering::Relaxed) {
            return;
        }
        let blob = Arc::downgrade(self);
        let thread = thread::Builder::new().name("check-layer".into());
        // Without a thread the frames are made again. It ends when nobody needs the blob any more.
        drop(thread.spawn(move || check_blob(&blob)));
    }
}

/// Reads a blob, and keeps the checksums of its frames if it has its digest.
fn check_blob(blob: &Weak<KnownBlob>) {
    let (mut hash, mut buffer, mut at) = (Sha256::new(), vec![0; READ_LEN], 0);
    let Some(mut sums) = blob.upgrade().map(|blob| FrameSums::new(blob.frames())) else { return };
    while let Some(blob) = blob.upgrade() {
        // An error counts as the end: the digest will not be right.
        let count = blob.file.read_at(&mut buffer, at).unwrap_or_default();
        let bytes = &buffer[..count];
        if bytes.is_empty() {
            let is_whole = Digest::from_hasher(hash) == blob.digest;
            // Nobody else has claimed the blob.
            blob.checked.get_or_init(|| is_whole.then_some(sums.sums));
            return;
        }
        hash.update(bytes);
        sums.add(blob.frames(), bytes, at);
        at += count as u64;
    }
}

/// Computes the checksums of frames while their blob is read.
struct FrameSums {
    /// Numbers of the frames in the order of the blob, and how many of them are done.
    order: Vec<u32>,
    done: usize,
    current: crc_fast::Digest,
    /// In the order of the frames.
    sums: Vec<u64>,
}

impl FrameSums {
    fn new(frames: &[KnownFrame]) -> Self {
        let count = u32::try_from(frames.len()).unwrap_or_default();
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_unstable_by_key(|number| frames[*number as usize].offset);
        let current = crc_fast::Digest::new(FRAME_CRC);
        Self { order, done: 0, current, sums: vec![0; frames.len()] }
    }

    /// Adds bytes that are at `at` in the blob.
    fn add(&mut self, frames: &[KnownFrame], mut bytes: &[u8], mut at: u64) {
        while let Some(number) = self.order.get(self.done).map(|number| *number as usize) {
            let frame = &frames[number];
            let end = frame.offset + u64::from(frame.len);
            let gap = take(&mut bytes, frame.offset.saturating_sub(at));
            at += gap.len() as u64;
            let part = take(&mut bytes, end.saturating_sub(at));
            at += part.len() as u64;
            self.current.update(part);
            if at < end {
                return;
            }
            self.sums[number] = self.current.finalize_reset();
            self.done += 1;
        }
    }
}

/// Takes at most `len` bytes from the front.
fn take<'b>(bytes: &mut &'b [u8], len: u64) -> &'b [u8] {
    let len = usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len());
    let (front, rest) = bytes.split_at(len);
    *bytes = rest;
    front
}
