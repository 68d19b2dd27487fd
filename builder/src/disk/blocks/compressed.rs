//! *Compressed* blocks: parts of the disk that the file holds compressed, each by itself.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::invalid_data;
use super::recent::RecentBytes;
use crate::disk::bytes::le32;
use crate::disk::read_at::ReadAt;

/// How many bytes of decompressed blocks are kept, and how many blocks. A block that is longer than
/// that is kept alone.
const KEPT_LEN: usize = 4 << 20;
const KEPT_COUNT: usize = 64;

/// The longest block that is decompressed, in bytes: a cluster of qcow2.
const BLOCK_MAX: u64 = 2 << 20;

/// A compressed block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::disk) struct CompressedBlock {
    /// Offset of the block in the guest, in bytes.
    pub(in crate::disk) start: u64,
    /// Length in the guest in bytes; [`BLOCK_MAX`] at most.
    pub(in crate::disk) len: u64,
    /// Offset of the compressed bytes in the file, in bytes.
    pub(in crate::disk) at: u64,
    /// How the block is compressed.
    pub(in crate::disk) codec: BlockCodec,
}

impl CompressedBlock {
    /// Returns the error of a block that cannot be decompressed.
    fn damaged(&self, detail: &str) -> io::Error {
        invalid_data(format!(
            "the compressed block at byte {} (for byte {} of the disk) {detail}",
            self.at, self.start,
        ))
    }
}

/// How a block is compressed. The number is an upper bound of its compressed length in bytes: other
/// bytes may follow the block, and the file may end earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::disk) enum BlockCodec {
    /// Deflate (RFC 1951) without a header.
    Deflate(u64),
    /// Zstandard (RFC 8878), one or more frames.
    Zstd(u64),
    /// zlib (RFC 1950).
    Zlib(u64),
    /// zlib behind a marker with the compressed length. A block at the end of the disk may be
    /// short.
    Grain,
}

/// Length in bytes of the marker in front of a grain: the grain's first sector in the guest (8
/// bytes) and its compressed length (4 bytes).
const MARKER: usize = 12;

/// Decompresses blocks; several threads can share one.
#[derive(Default)]
pub(super) struct BlockDecompressor {
    idle: Mutex<Vec<Codecs>>,
    /// Decompressed blocks by their offset in the guest.
    kept: RecentBytes,
}

/// The decompressors and the buffer that one thread uses at a time.
struct Codecs {
    input: Vec<u8>,
    deflate: libdeflater::Decompressor,
    zstd: zstd::bulk::Decompressor<'static>,
}

impl BlockDecompressor {
    /// Fills `space` with a part of a block, which begins `skip` bytes behind its beginning.
    pub(super) fn read_block(
        &self,
        file: &dyn ReadAt,
        block: &CompressedBlock,
        space: &mut [u8],
        skip: u64,
    ) -> io::Result<()> {
        if skip == 0 && space.len() as u64 == block.len {
            return self.decompress_block(file, block, space);
        }
        let bytes = self.decompressed_block(file, block)?;
        let part = usize::try_from(skip)
            .ok()
            .and_then(|skip| bytes.get(skip..)?.get(..space.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        space.copy_from_slice(part);
        Ok(())
    }

    /// Returns a whole block, from memory if it was used recently.
    fn decompressed_block(
        &self,
        file: &dyn ReadAt,
        block: &CompressedBlock,
    ) -> io::Result<Arc<[u8]>> {
        if let Some(bytes) = self.kept.get(block.start) {
            return Ok(bytes);
        }
        let len = usize::try_from(block.len.min(BLOCK_MAX)).unwrap_or(0);
        let mut bytes = vec![0; len];
        self.decompress_block(file, block, &mut bytes)?;
        let count = (KEPT_LEN / len.max(1)).clamp(1, KEPT_COUNT);
        Ok(self.kept.insert(block.start, bytes, count))
    }

    fn decompress_block(
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
        let result = codecs.decompress_block(file, block, space);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(codecs);
        result
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

    /// Fills `space` with a whole block.
    fn decompress_block(
        &mut self,
        file: &dyn ReadAt,
        block: &CompressedBlock,
        space: &mut [u8],
    ) -> io::Result<()> {
        self.read_input(file, block)?;
        let count = match block.codec {
            BlockCodec::Deflate(_) => self.deflate.deflate_decompress(&self.input, space).ok(),
            BlockCodec::Zlib(_) | BlockCodec::Grain => {
                self.deflate.zlib_decompress(&self.input, space).ok()
            }
            BlockCodec::Zstd(_) => decompress_frames(&mut self.zstd, &self.input, space),
        };
        match count {
            Some(count) if count == space.len() => Ok(()),
            Some(count) if block.codec == BlockCodec::Grain => {
                space.get_mut(count..).unwrap_or_default().fill(0);
                Ok(())
            }
            Some(_) => Err(block.damaged("is too short when it is decompressed")),
            None => Err(block.damaged("cannot be unpacked")),
        }
    }

    /// Reads the compressed bytes of a block.
    fn read_input(&mut self, file: &dyn ReadAt, block: &CompressedBlock) -> io::Result<()> {
        let (at, len) = match block.codec {
            BlockCodec::Deflate(len) | BlockCodec::Zstd(len) | BlockCodec::Zlib(len) => {
                (block.at, len)
            }
            BlockCodec::Grain => {
                read_grain_marker(file, block.at).map_err(|_| block.damaged("has no marker"))?
            }
        };
        if len > 2 * BLOCK_MAX.min(block.len) {
            return Err(block.damaged("is longer than a block can be"));
        }
        let len = len.min(file.len().saturating_sub(at));
        if len == 0 {
            return Err(block.damaged("lies outside the file"));
        }
        self.input.resize(usize::try_from(len).unwrap_or(0), 0);
        file.read_exact_at(&mut self.input, at)
    }
}

/// Returns the offset of the bytes behind a grain's marker, and their length, in bytes.
fn read_grain_marker(file: &dyn ReadAt, at: u64) -> io::Result<(u64, u64)> {
    let mut marker = [0; MARKER];
    file.read_exact_at(&mut marker, at)?;
    let begin = at.checked_add(MARKER as u64).ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((begin, u64::from(le32(&marker, 8))))
}

/// Decompresses frames until `space` is full. Each is decompressed into its final position, so that
/// the window of a frame needs no memory, whatever size its header asks for.
fn decompress_frames(
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
