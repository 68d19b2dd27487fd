//! An *encoder* turns blocks into their compressed form, each block by itself. What comes out is a
//! list of pieces: bytes that were made, and ranges of the block that are kept as they are, so that
//! what is stored is never copied.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::buffers::{Block, Buffer, Buffers};
use super::compression::{LayerCompression, block_len};
use super::gzip::{Gzip, stored_member};
use super::output::{EncodedPiece, EncoderOutput};
use super::zstd::{Zstd, raw_frame};

/// A block in compressed form.
#[derive(Debug)]
pub(crate) struct Encoded {
    block: Block,
    made: Made,
    pieces: Vec<EncodedPiece>,
}

#[derive(Debug)]
enum Made {
    Nothing,
    Own(Buffer),
    Shared(Arc<[u8]>),
}

impl Encoded {
    /// Returns the pieces in order.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let made: &[u8] = match &self.made {
            Made::Nothing => &[],
            Made::Own(buffer) => buffer.bytes(),
            Made::Shared(bytes) => bytes,
        };
        self.pieces.iter().map(move |piece| match piece {
            EncodedPiece::Made(range) => &made[range.clone()],
            EncodedPiece::Kept(range) => &self.block.bytes()[range.clone()],
        })
    }

    /// Returns the number of bytes of the tar that this stands for.
    pub(crate) fn source_len(&self) -> usize {
        self.block.bytes().len()
    }
}

#[derive(Debug)]
enum Encoder {
    Gzip(Box<Gzip>),
    Zstd(Box<Zstd>),
    None,
}

impl Encoder {
    fn new(compression: LayerCompression) -> io::Result<Self> {
        Ok(match compression {
            LayerCompression::Gzip(level) => Self::Gzip(Box::new(Gzip::new(level.libdeflate()))),
            LayerCompression::Zstd(level) => Self::Zstd(Box::new(Zstd::new(level.libzstd())?)),
            LayerCompression::None => Self::None,
        })
    }

    fn encode(&mut self, block: &[u8], output: &mut EncoderOutput<'_>) -> io::Result<()> {
        match self {
            Self::Gzip(gzip) => gzip.encode(block, output),
            Self::Zstd(zstd) => zstd.encode(block, output),
            Self::None => {
                output.keep(0..block.len());
                Ok(())
            }
        }
    }

    /// Stores the block whatever it holds.
    fn store(&self, block: &[u8], output: &mut EncoderOutput<'_>) {
        match self {
            Self::Gzip(_) => stored_member(block, 0..block.len(), output),
            Self::Zstd(_) => raw_frame(0..block.len(), output),
            Self::None => output.keep(0..block.len()),
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
pub(crate) struct Encoders {
    compression: LayerCompression,
    idle: Mutex<Vec<Encoder>>,
    outputs: Arc<Buffers>,
    /// A full block of zeros in compressed form: most of a raw disk.
    zeros: OnceLock<Arc<[u8]>>,
}

impl Encoders {
    /// Returns encoders for at most `blocks` blocks at a time.
    pub(crate) fn new(compression: LayerCompression, blocks: usize) -> Self {
        let outputs = Buffers::new(blocks, output_len(compression));
        Self { compression, idle: Mutex::default(), outputs, zeros: OnceLock::new() }
    }

    /// Encodes one block; equal blocks come out equal.
    pub(crate) fn encode(&self, block: Block, part: BlockPart) -> io::Result<Encoded> {
        if self.compression == LayerCompression::None {
            let whole = 0..block.bytes().len();
            return Ok(Encoded {
                block,
                made: Made::Nothing,
                pieces: vec![EncodedPiece::Kept(whole)],
            });
        }
        if part == BlockPart::Body
            && block.is_zero()
            && block.bytes().len() == block_len(self.compression)
        {
            return self.zeros(block);
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
        Ok(Encoded { block, made: Made::Own(space), pieces })
    }

    fn zeros(&self, block: Block) -> io::Result<Encoded> {
        let bytes = if let Some(bytes) = self.zeros.get() {
            Arc::clone(bytes)
        } else {
            let mut space = vec![0; output_len(self.compression)];
            let mut output = EncoderOutput::new(&mut space);
            self.with_encoder(|encoder| encoder.encode(block.bytes(), &mut output))?;
            let used = output.used();
            // Whoever comes second has made the same bytes.
            Arc::clone(self.zeros.get_or_init(|| space[..used].into()))
        };
        let pieces = vec![EncodedPiece::Made(0..bytes.len())];
        Ok(Encoded { block, made: Made::Shared(bytes), pieces })
    }

    fn with_encoder<T>(&self, work: impl FnOnce(&mut Encoder) -> io::Result<T>) -> io::Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut encoder = match idle {
            Some(encoder) => encoder,
            None => Encoder::new(self.compression)?,
        };
        let result = work(&mut encoder);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(encoder);
        result
    }
}

/// Room for the worst case: every second chunk compressed by itself, and nothing gained.
fn output_len(compression: LayerCompression) -> usize {
    let block = block_len(compression);
    block + block / 64 + 16 * 1024
}
