//! An *encoder* turns blocks into their compressed form, each block by itself. The result is a list
//! of pieces: bytes that the encoder made, and ranges of the block that are kept as they are, so
//! that stored data is never copied.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use libdeflater::CompressionLvl;

use super::blocks::{BlockPart, ReadBlock};
use super::buffers::{BlockBuffer, BlockBuffers, TarBlock};
use super::chunked::ChunkedEncoder;
use super::compression::block_len;
use super::contents::{ChunkedPart, ContentRange};
use super::gzip::{GzipEncoder, write_stored_member};
use super::known_frames::KnownFrames;
use super::output::{EncodedPiece, EncoderOutput};
use super::zstd::{ZstdEncoder, write_raw_frame};
use crate::compression::LayerCompression;

/// A block in compressed form.
#[derive(Debug)]
pub(crate) struct EncodedBlock {
    block: TarBlock,
    made: MadeBytes,
    pieces: Vec<EncodedPiece>,
    chunked: Vec<ChunkedPart>,
}

#[derive(Debug)]
enum MadeBytes {
    Nothing,
    Own(BlockBuffer),
    Shared(Arc<[u8]>),
}

impl EncodedBlock {
    /// Returns the pieces in order.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let made: &[u8] = match &self.made {
            MadeBytes::Nothing => &[],
            MadeBytes::Own(buffer) => buffer.bytes(),
            MadeBytes::Shared(bytes) => bytes,
        };
        self.pieces.iter().map(move |piece| match piece {
            EncodedPiece::Made(range) => &made[range.clone()],
            EncodedPiece::Kept(range) => &self.block.bytes()[range.clone()],
        })
    }

    /// Returns the block before it was compressed.
    pub(crate) fn source(&self) -> &[u8] {
        self.block.bytes()
    }

    /// Returns the contents of files in chunks, in order; empty where the layer is not in zstd:chunked.
    pub(crate) fn chunked(&self) -> &[ChunkedPart] {
        &self.chunked
    }
}

#[derive(Debug)]
enum BlockEncoder {
    Gzip(Box<GzipEncoder>),
    Zstd(Box<ZstdEncoder>),
    Chunked(Box<ChunkedEncoder>),
    None,
}

impl BlockEncoder {
    fn new(compression: LayerCompression) -> io::Result<Self> {
        Ok(match compression {
            LayerCompression::Gzip(level) => {
                let level = CompressionLvl::new(level.get().into()).unwrap_or_default();
                Self::Gzip(Box::new(GzipEncoder::new(level)))
            }
            LayerCompression::Zstd(level) => {
                Self::Zstd(Box::new(ZstdEncoder::new(level.get().into())?))
            }
            LayerCompression::ZstdChunked(level) => {
                Self::Chunked(Box::new(ChunkedEncoder::new(level.get().into())?))
            }
            LayerCompression::None => Self::None,
        })
    }

    /// Encodes a block. Returns what of it is chunked.
    fn encode(
        &mut self,
        block: &[u8],
        contents: Vec<ContentRange>,
        known: Option<&KnownFrames>,
        output: &mut EncoderOutput<'_>,
    ) -> io::Result<Vec<ChunkedPart>> {
        match self {
            Self::Gzip(gzip) => gzip.encode(block, output)?,
            Self::Zstd(zstd) => zstd.encode(block, output)?,
            Self::Chunked(chunked) => return chunked.encode(block, contents, known, output),
            Self::None => output.append_kept(0..block.len()),
        }
        Ok(Vec::new())
    }

    /// Stores the block, whatever it contains.
    fn store(&self, block: &[u8], output: &mut EncoderOutput<'_>) {
        match self {
            Self::Gzip(_) => write_stored_member(block, 0..block.len(), output),
            Self::Zstd(_) | Self::Chunked(_) => write_raw_frame(0..block.len(), output),
            Self::None => output.append_kept(0..block.len()),
        }
    }
}

/// The encoders of one compression, and what they share.
#[derive(Debug)]
pub(crate) struct BlockEncoders {
    compression: LayerCompression,
    idle: Mutex<Vec<BlockEncoder>>,
    outputs: Arc<BlockBuffers>,
    zeros: OnceLock<EncodedZeros>,
}

/// A full block of zeros in compressed form: most of a raw disk.
#[derive(Debug)]
struct EncodedZeros {
    bytes: Arc<[u8]>,
    chunked: Vec<ChunkedPart>,
}

impl BlockEncoders {
    /// Returns encoders for at most `blocks` blocks at a time.
    pub(crate) fn new(compression: LayerCompression, blocks: usize) -> Self {
        let outputs = BlockBuffers::new(blocks, output_len_max(compression));
        Self { compression, idle: Mutex::default(), outputs, zeros: OnceLock::new() }
    }

    /// Encodes one block; equal blocks come out equal, whatever frames are known.
    pub(crate) fn encode(
        &self,
        read: ReadBlock,
        known: Option<&KnownFrames>,
    ) -> io::Result<EncodedBlock> {
        let ReadBlock { block, part, contents } = read;
        if self.compression == LayerCompression::None {
            let pieces = vec![EncodedPiece::Kept(0..block.bytes().len())];
            return Ok(EncodedBlock {
                block,
                made: MadeBytes::Nothing,
                pieces,
                chunked: Vec::new(),
            });
        }
        if part == BlockPart::Body && self.is_full_of_zeros(&block, &contents) {
            return self.encode_zeros(block, contents);
        }
        let mut space = self.outputs.take();
        let mut output = EncoderOutput::new(space.bytes_mut());
        let chunked = self.with_encoder(|encoder| match part {
            BlockPart::Head => {
                encoder.store(block.bytes(), &mut output);
                Ok(Vec::new())
            }
            BlockPart::Body => encoder.encode(block.bytes(), contents, known, &mut output),
        })?;
        let pieces = output.into_pieces();
        Ok(EncodedBlock { block, made: MadeBytes::Own(space), pieces, chunked })
    }

    /// Returns whether the block is a full one of zeros; in chunks, of the zeros of one content.
    fn is_full_of_zeros(&self, block: &TarBlock, contents: &[ContentRange]) -> bool {
        let full = block_len(self.compression);
        let is_one = || matches!(contents, [one] if one.range.len() == full);
        block.bytes().len() == full
            && block.is_zero()
            && (!matches!(self.compression, LayerCompression::ZstdChunked(_)) || is_one())
    }

    fn encode_zeros(
        &self,
        block: TarBlock,
        contents: Vec<ContentRange>,
    ) -> io::Result<EncodedBlock> {
        let zeros = if let Some(zeros) = self.zeros.get() {
            zeros
        } else {
            let made = self.make_zeros(&block, contents.clone())?;
            // Another thread may have stored its result first; the bytes are the same.
            self.zeros.get_or_init(|| made)
        };
        let bytes = Arc::clone(&zeros.bytes);
        let pieces = vec![EncodedPiece::Made(0..bytes.len())];
        let chunked = zeros.chunked.iter().cloned().zip(contents);
        let chunked = chunked.map(|(made, range)| ChunkedPart { range, ..made }).collect();
        Ok(EncodedBlock { block, made: MadeBytes::Shared(bytes), pieces, chunked })
    }

    fn make_zeros(
        &self,
        block: &TarBlock,
        contents: Vec<ContentRange>,
    ) -> io::Result<EncodedZeros> {
        let mut space = vec![0; output_len_max(self.compression)];
        let mut output = EncoderOutput::new(&mut space);
        let chunked = self
            .with_encoder(|encoder| encoder.encode(block.bytes(), contents, None, &mut output))?;
        let used = output.used();
        Ok(EncodedZeros { bytes: space[..used].into(), chunked })
    }

    fn with_encoder<T>(
        &self,
        work: impl FnOnce(&mut BlockEncoder) -> io::Result<T>,
    ) -> io::Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut encoder = match idle {
            Some(encoder) => encoder,
            None => BlockEncoder::new(self.compression)?,
        };
        let result = work(&mut encoder);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(encoder);
        result
    }
}

/// Returns the length of an output buffer in bytes, enough for the worst case: every second chunk
/// compressed by itself, and nothing gained; in chunks, files of a few bytes.
fn output_len_max(compression: LayerCompression) -> usize {
    let block = block_len(compression);
    let share = if matches!(compression, LayerCompression::ZstdChunked(_)) { 8 } else { 64 };
    block + block / share + 16 * 1024
}
