//! An *encoder* turns blocks into their compressed form, each block by itself. The result is a list
//! of pieces: bytes that the encoder made, and ranges of the block that are kept as they are, so
//! that stored data is never copied.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use libdeflater::CompressionLvl;

use super::buffers::{BlockBuffer, BlockBuffers, TarBlock};
use super::compression::block_len;
use super::gzip::{GzipEncoder, write_stored_member};
use super::output::{EncodedPiece, EncoderOutput};
use super::zstd::{ZstdEncoder, write_raw_frame};
use crate::compression::LayerCompression;

/// A block in compressed form.
#[derive(Debug)]
pub(crate) struct EncodedBlock {
    block: TarBlock,
    made: MadeBytes,
    pieces: Vec<EncodedPiece>,
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
}

#[derive(Debug)]
enum BlockEncoder {
    Gzip(Box<GzipEncoder>),
    Zstd(Box<ZstdEncoder>),
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
            LayerCompression::None => Self::None,
        })
    }

    fn encode(&mut self, block: &[u8], output: &mut EncoderOutput<'_>) -> io::Result<()> {
        match self {
            Self::Gzip(gzip) => gzip.encode(block, output),
            Self::Zstd(zstd) => zstd.encode(block, output),
            Self::None => {
                output.append_kept(0..block.len());
                Ok(())
            }
        }
    }

    /// Stores the block, whatever it contains.
    fn store(&self, block: &[u8], output: &mut EncoderOutput<'_>) {
        match self {
            Self::Gzip(_) => write_stored_member(block, 0..block.len(), output),
            Self::Zstd(_) => write_raw_frame(0..block.len(), output),
            Self::None => output.append_kept(0..block.len()),
        }
    }
}

/// How a block is to be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockPart {
    /// The tar headers in front of the first file: always stored. CDI's importer detects the
    /// compression with a reader that loses what it read when the first block comes out small
    /// (kubevirt/containerized-data-importer#4277); a first member of 1,024 stored bytes is
    /// beyond what it reads.
    Head,
    /// Everything after the head.
    Body,
}

/// The encoders of one compression, and what they share.
#[derive(Debug)]
pub(crate) struct BlockEncoders {
    compression: LayerCompression,
    idle: Mutex<Vec<BlockEncoder>>,
    outputs: Arc<BlockBuffers>,
    /// A full block of zeros in compressed form: most of a raw disk.
    zeros: OnceLock<Arc<[u8]>>,
}

impl BlockEncoders {
    /// Returns encoders for at most `blocks` blocks at a time.
    pub(crate) fn new(compression: LayerCompression, blocks: usize) -> Self {
        let outputs = BlockBuffers::new(blocks, output_len_max(compression));
        Self { compression, idle: Mutex::default(), outputs, zeros: OnceLock::new() }
    }

    /// Encodes one block; equal blocks come out equal.
    pub(crate) fn encode(&self, block: TarBlock, part: BlockPart) -> io::Result<EncodedBlock> {
        if self.compression == LayerCompression::None {
            let whole = 0..block.bytes().len();
            return Ok(EncodedBlock {
                block,
                made: MadeBytes::Nothing,
                pieces: vec![EncodedPiece::Kept(whole)],
            });
        }
        if part == BlockPart::Body
            && block.is_zero()
            && block.bytes().len() == block_len(self.compression)
        {
            return self.encode_zeros(block);
        }
        let mut space = self.outputs.take();
        let mut output = EncoderOutput::new(space.bytes_mut());
        self.with_encoder(|encoder| match part {
            BlockPart::Head => {
                encoder.store(block.bytes(), &mut output);
                Ok(())
            }
            BlockPart::Body => encoder.encode(block.bytes(), &mut output),
        })?;
        let pieces = output.into_pieces();
        Ok(EncodedBlock { block, made: MadeBytes::Own(space), pieces })
    }

    fn encode_zeros(&self, block: TarBlock) -> io::Result<EncodedBlock> {
        let bytes = if let Some(bytes) = self.zeros.get() {
            Arc::clone(bytes)
        } else {
            let mut space = vec![0; output_len_max(self.compression)];
            let mut output = EncoderOutput::new(&mut space);
            self.with_encoder(|encoder| encoder.encode(block.bytes(), &mut output))?;
            let used = output.used();
            // Another thread may have stored its result first; the bytes are the same.
            Arc::clone(self.zeros.get_or_init(|| space[..used].into()))
        };
        let pieces = vec![EncodedPiece::Made(0..bytes.len())];
        Ok(EncodedBlock { block, made: MadeBytes::Shared(bytes), pieces })
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
/// compressed by itself, and nothing gained.
fn output_len_max(compression: LayerCompression) -> usize {
    let block = block_len(compression);
    block + block / 64 + 16 * 1024
}
