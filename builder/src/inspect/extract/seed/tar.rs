//! The *assembled tar* of a layer: it is read from front to back as if the layer had been decompressed.

use std::io::{self, Cursor, Read};
use std::slice::Iter;
use std::sync::Arc;

use sha256_pair::{Sha256, update_pair};
use zstd::stream::read::Decoder;

use super::fetch::RangeFetcher;
use super::index::{SeedPlace, read_seed};
use super::plan::TarPart;
use crate::disk::ReadAt;
use crate::inspect::chunked::{FileChunk, FileChunks};
use crate::oci::image::digest::Digest;
use crate::oci::progress::Progress;

/// How much of what has no chunks is passed on at a time, in bytes.
const STEP: usize = 256 * 1024;

/// Length in bytes of the most that has no chunks: headers, and small files beside the disk.
const OTHER_MAX: u64 = 64 << 20;

/// A decompressor of bytes in memory.
type Other = Decoder<'static, Cursor<Vec<u8>>>;

/// A tar.
pub(in crate::inspect::extract) struct AssembledTar<'s> {
    parts: Iter<'s, TarPart>,
    file: &'s FileChunks,
    seeds: &'s [Arc<dyn ReadAt>],
    fetcher: RangeFetcher<'s>,
    progress: &'s dyn Progress,
    /// Hash of the tar up to the end of `content`.
    hash: Sha256,
    /// The bytes that come next, and how many of them were read.
    content: Vec<u8>,
    at: usize,
    /// What comes behind them: a part without chunks, and a number of zeros.
    other: Option<Other>,
    zeros: u64,
    /// How much may have no chunks.
    other_left: u64,
    /// Space for a compressed chunk.
    frame: Vec<u8>,
}

impl<'s> AssembledTar<'s> {
    pub(super) fn new(
        parts: &'s [TarPart],
        file: &'s FileChunks,
        seeds: &'s [Arc<dyn ReadAt>],
        fetcher: RangeFetcher<'s>,
        progress: &'s dyn Progress,
    ) -> Self {
        Self {
            parts: parts.iter(),
            file,
            seeds,
            fetcher,
            progress,
            hash: Sha256::new(),
            content: Vec::new(),
            at: 0,
            other: None,
            zeros: 0,
            other_left: OTHER_MAX,
            frame: Vec::new(),
        }
    }

    /// Returns the digest of the tar, which has been read to its end.
    pub(in crate::inspect::extract) fn digest(&self) -> Digest {
        Digest::from_bytes(self.hash.clone().finalize())
    }

    /// Prepares the bytes that come next; returns whether there are any.
    fn fill(&mut self) -> io::Result<bool> {
        self.at = 0;
        loop {
            self.content.clear();
            if self.progress.is_cancelled() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if let Some(other) = &mut self.other {
                let count = other.take(STEP as u64).read_to_end(&mut self.content)?;
                if count < STEP {
                    self.other = None;
                }
                self.other_left = self.other_left.checked_sub(count as u64).ok_or_else(too_much)?;
                self.hash.update(&self.content);
            } else if self.zeros > 0 {
                let count = usize::try_from(self.zeros).map_or(STEP, |left| left.min(STEP));
                self.zeros -= count as u64;
                self.content.resize(count, 0);
                self.hash.update(&self.content);
            } else if let Some(part) = self.parts.next() {
                self.open(part)?;
            } else {
                return Ok(false);
            }
            if !self.content.is_empty() {
                return Ok(true);
            }
        }
    }

    fn open(&mut self, part: &TarPart) -> io::Result<()> {
        match part {
            TarPart::Other(range) => {
                let mut compressed = Vec::new();
                self.fetcher.read(range, &mut compressed)?;
                self.other = Some(Decoder::with_buffer(Cursor::new(compressed))?);
                Ok(())
            }
            TarPart::Zeros(number) => {
                self.zeros = self.file.chunks[*number].len();
                Ok(())
            }
            TarPart::Seed(number, place) => self.copy_chunk(&self.file.chunks[*number], *place),
            TarPart::Layer(number) => self.fetch_chunk(&self.file.chunks[*number]),
        }
    }

    fn copy_chunk(&mut self, chunk: &FileChunk, place: SeedPlace) -> io::Result<()> {
        let read = read_seed(self.seeds, place, chunk.len(), &mut self.content);
        read.map_err(|error| io::Error::other(format!("a seed cannot be read: {error}")))?;
        if self.is_chunk(chunk) {
            return Ok(());
        }
        let at = place.at;
        Err(io::Error::other(format!("a seed was changed at byte {at} while it was read")))
    }

    fn fetch_chunk(&mut self, chunk: &FileChunk) -> io::Result<()> {
        let frame = chunk.frame.clone().unwrap_or_default();
        self.fetcher.read(&frame, &mut self.frame)?;
        if chunk.decompress(&self.frame, &mut self.content) && self.is_chunk(chunk) {
            return Ok(());
        }
        let at = frame.start;
        Err(io::Error::other(format!("the chunk at byte {at} of the layer has another digest")))
    }

    /// Returns whether the content is that of a chunk; it is hashed as part of the tar, too.
    fn is_chunk(&mut self, chunk: &FileChunk) -> bool {
        let mut hash = Sha256::new();
        update_pair(&mut hash, &self.content, &mut self.hash, &self.content);
        Digest::from_bytes(hash.finalize()) == chunk.digest
    }
}

fn too_much() -> io::Error {
    io::Error::other("its layer has too much beside the disk")
}

impl Read for AssembledTar<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if space.is_empty() || (self.at == self.content.len() && !self.fill()?) {
            return Ok(0);
        }
        let rest = self.content.get(self.at..).unwrap_or_default();
        let count = rest.len().min(space.len());
        space[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}
