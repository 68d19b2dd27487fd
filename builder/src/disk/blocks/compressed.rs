//! *Packed* blocks: stretches of the guest's bytes that the file holds compressed, each by itself.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::ReadAt;
use crate::disk::bytes::le32;
use crate::disk::guest::invalid;

/// How many bytes of unpacked blocks are kept, or one block if that is longer.
const KEPT: usize = 4 << 20;

/// The longest block that is unpacked, in bytes: a cluster of qcow2.
pub(in crate::disk) const BLOCK_MAX: u64 = 2 << 20;

/// A block that is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::disk) struct Packed {
    /// Where it begins in the guest, in bytes.
    pub(in crate::disk) start: u64,
    /// How long it is there, in bytes; [`BLOCK_MAX`] at most.
    pub(in crate::disk) len: u64,
    /// Where it begins in the file, in bytes.
    pub(in crate::disk) at: u64,
    /// How it is compressed.
    pub(in crate::disk) codec: Codec,
}

/// How a block is compressed. The length is that of the compressed bytes and of what may lie
/// behind them; a file may end before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::disk) enum Codec {
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

/// Unpacks blocks, for several threads at once.
#[derive(Default)]
pub(in crate::disk) struct Unpacker {
    idle: Mutex<Vec<Codecs>>,
    /// By where they begin; the one used last is in front.
    kept: Mutex<Vec<(u64, Arc<[u8]>)>>,
}

/// What one thread needs at a time.
struct Codecs {
    input: Vec<u8>,
    deflate: libdeflater::Decompressor,
    zstd: zstd::bulk::Decompressor<'static>,
}

impl Unpacker {
    /// Fills `space` with a part of a block.
    pub(in crate::disk) fn read(
        &self,
        file: &dyn ReadAt,
        packed: &Packed,
        space: &mut [u8],
        skip: u64,
    ) -> io::Result<()> {
        if skip == 0 && space.len() as u64 == packed.len {
            return self.unpack(file, packed, space);
        }
        let block = self.block(file, packed)?;
        let part = usize::try_from(skip)
            .ok()
            .and_then(|skip| block.get(skip..)?.get(..space.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        space.copy_from_slice(part);
        Ok(())
    }

    fn block(&self, file: &dyn ReadAt, packed: &Packed) -> io::Result<Arc<[u8]>> {
        if let Some(block) = self.kept(packed.start) {
            return Ok(block);
        }
        let len = usize::try_from(packed.len.min(BLOCK_MAX)).unwrap_or(0);
        let mut block = vec![0; len];
        self.unpack(file, packed, &mut block)?;
        let block: Arc<[u8]> = block.into();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate((KEPT / len.max(1)).clamp(1, 64) - 1);
        kept.insert(0, (packed.start, Arc::clone(&block)));
        Ok(block)
    }

    fn kept(&self, start: u64) -> Option<Arc<[u8]>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(kept, _)| *kept == start)?;
        if let Some(first) = kept.get_mut(..=place) {
            first.rotate_right(1);
        }
        kept.first().map(|(_, block)| Arc::clone(block))
    }

    fn unpack(&self, file: &dyn ReadAt, packed: &Packed, space: &mut [u8]) -> io::Result<()> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut codecs = match idle {
            Some(codecs) => codecs,
            None => Codecs::new()?,
        };
        let done = codecs.unpack(file, packed, space);
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

    fn unpack(&mut self, file: &dyn ReadAt, packed: &Packed, space: &mut [u8]) -> io::Result<()> {
        let damaged = |detail: &str| {
            invalid(format!(
                "the compressed block at byte {} (for byte {} of the disk) {detail}",
                packed.at, packed.start,
            ))
        };
        let (at, len) = match packed.codec {
            Codec::Deflate(len) | Codec::Zstd(len) | Codec::Zlib(len) => (packed.at, len),
            Codec::Grain => grain(file, packed.at).map_err(|_| damaged("has no marker"))?,
        };
        if len > 2 * BLOCK_MAX.min(packed.len) {
            return Err(damaged("is longer than a block can be"));
        }
        let len = len.min(file.len().saturating_sub(at));
        if len == 0 {
            return Err(damaged("lies outside the file"));
        }
        self.input.resize(usize::try_from(len).unwrap_or(0), 0);
        file.read_exact_at(&mut self.input, at)?;
        let count = match packed.codec {
            Codec::Deflate(_) => self.deflate.deflate_decompress(&self.input, space).ok(),
            Codec::Zlib(_) | Codec::Grain => self.deflate.zlib_decompress(&self.input, space).ok(),
            Codec::Zstd(_) => frames(&mut self.zstd, &self.input, space),
        };
        match count {
            Some(count) if count == space.len() => Ok(()),
            Some(count) if packed.codec == Codec::Grain => {
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
