//! *Compressed* blocks: stretches of the disk that the file holds compressed, each by itself.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::invalid;
use super::recent::RecentBytes;
use crate::disk::bytes::le32;
use crate::disk::read_at::ReadAt;

/// How many bytes of decompressed blocks are kept, or one block if that is longer, and how many blocks.
const KEPT_LEN: usize = 4 << 20;
const KEPT_COUNT: usize = 64;

/// The longest block that is decompressed, in bytes: a cluster of qcow2.
const BLOCK_MAX: u64 = 2 << 20;

/// A block that is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::disk) struct CompressedBlock {
    /// Where it begins in the guest, in bytes.
    pub(in crate::disk) start: u64,
    /// How long it is there, in bytes; [`BLOCK_MAX`] at most.
    pub(in crate::disk) len: u64,
    /// Where it begins in the file, in bytes.
    pub(in crate::disk) at: u64,
    /// How it is compressed.
    pub(in crate::disk) codec: BlockCodec,
}

/// How a block is compressed. The length is that of the compressed bytes and of what may lie
/// behind them; a file may end before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::disk) enum BlockCodec {
    /// Deflate without a header.
    Deflate(u64),
    /// Zstandard.
    Zstd(u64),
    /// zlib.
    Zlib(u64),
    /// zlib behind a marker that says how long it is; a block at the end of the disk may be short.
    Grain,
}

/// A marker in front of a grain: the first sector (8 bytes), the length (4 bytes).
const MARKER: usize = 12;

/// Decompresses blocks, for several threads at once.
#[derive(Default)]
pub(super) struct BlockDecompressor {
    idle: Mutex<Vec<Codecs>>,
    /// Blocks by where they begin in the guest.
    kept: RecentBytes,
}

/// What one thread needs at a time.
struct Codecs {
    input: Vec<u8>,
    deflate: libdeflater::Decompressor,
    zstd: zstd::bulk::Decompressor<'static>,
}

impl BlockDecompressor {
    /// Fills `space` with a part of a block.
    pub(super) fn read(
        &self,
        file: &dyn ReadAt,
        block: &CompressedBlock,
        space: &mut [u8],
        skip: u64,
    ) -> io::Result<()> {
        if skip == 0 && space.len() as u64 == block.len {
            return self.decompress(file, block, space);
        }
        let bytes = self.whole(file, block)?;
        let part = usize::try_from(skip)
            .ok()
            .and_then(|skip| bytes.get(skip..)?.get(..space.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        space.copy_from_slice(part);
        Ok(())
    }

    /// Returns all of a block.
    fn whole(&self, file: &dyn ReadAt, block: &CompressedBlock) -> io::Result<Arc<[u8]>> {
        if let Some(bytes) = self.kept.get(block.start) {
            return Ok(bytes);
        }
        let len = usize::try_from(block.len.min(BLOCK_MAX)).unwrap_or(0);
        let mut bytes = vec![0; len];
        self.decompress(file, block, &mut bytes)?;
        let count = (KEPT_LEN / len.max(1)).clamp(1, KEPT_COUNT);
        Ok(self.kept.insert(block.start, bytes, count))
    }

    fn decompress(
        &self,
        file: &dyn ReadAt,
        block: &CompressedBlock,
        space: &mut [u8],
    ) -> io::Result<()> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut codecs = match idle {
            Some(codecs) => codecs,
            None => Codecs::new()?,
        };
        let done = codecs.decompress(file, block, space);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(codecs);
        done
    }
}

impl Codecs {
    fn new() -> io::Result<Self> {
        Ok(Self {
            input: Vec::new(),
            deflate: libdeflater::Decompressor::new(),
            zstd: zstd::bulk::Decompressor::new()?,
        })
    }

    fn decompress(
        &mut self,
        file: &dyn ReadAt,
        block: &CompressedBlock,
        space: &mut [u8],
    ) -> io::Result<()> {
        let damaged = |detail: &str| {
            invalid(format!(
                "the compressed block at byte {} (for byte {} of the disk) {detail}",
                block.at, block.start,
            ))
        };
        let (at, len) = match block.codec {
            BlockCodec::Deflate(len) | BlockCodec::Zstd(len) | BlockCodec::Zlib(len) => {
                (block.at, len)
            }
            BlockCodec::Grain => grain(file, block.at).map_err(|_| damaged("has no marker"))?,
        };
        if len > 2 * BLOCK_MAX.min(block.len) {
            return Err(damaged("is longer than a block can be"));
        }
        let len = len.min(file.len().saturating_sub(at));
        if len == 0 {
            return Err(damaged("lies outside the file"));
        }
        self.input.resize(usize::try_from(len).unwrap_or(0), 0);
        file.read_exact_at(&mut self.input, at)?;
        let count = match block.codec {
            BlockCodec::Deflate(_) => self.deflate.deflate_decompress(&self.input, space).ok(),
            BlockCodec::Zlib(_) | BlockCodec::Grain => {
                self.deflate.zlib_decompress(&self.input, space).ok()
            }
            BlockCodec::Zstd(_) => frames(&mut self.zstd, &self.input, space),
        };
        match count {
            Some(count) if count == space.len() => Ok(()),
            Some(count) if block.codec == BlockCodec::Grain => {
                space.get_mut(count..).unwrap_or_default().fill(0);
                Ok(())
            }
            Some(_) => Err(damaged("is too short when it is unpacked")),
            None => Err(damaged("cannot be unpacked")),
        }
    }
}

/// Returns where a grain begins behind its marker, and how long it is, in bytes.
fn grain(file: &dyn ReadAt, at: u64) -> io::Result<(u64, u64)> {
    let mut marker = [0; MARKER];
    file.read_exact_at(&mut marker, at)?;
    let begin = at.checked_add(MARKER as u64).ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((begin, u64::from(le32(&marker, 8))))
}

/// Unpacks frames until the space is full. Each is unpacked right where it belongs, so that a
/// frame's window needs no memory, whatever its header asks for.
fn frames(
    zstd: &mut zstd::bulk::Decompressor<'_>,
    mut input: &[u8],
    space: &mut [u8],
) -> Option<usize> {
    let mut done = 0;
    while done < space.len() {
        let len = zstd::zstd_safe::find_frame_compressed_size(input).ok()?;
        let (frame, rest) = input.split_at_checked(len)?;
        done += zstd.decompress_to_buffer(frame, space.get_mut(done..)?).ok()?;
        input = rest;
    }
    Some(done)
}
