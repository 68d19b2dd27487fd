//! zstd in chunks: every chunk of a file is a *frame* of its own, which can be fetched and decompressed by
//! itself. What is between the files, headers and padding, is in other frames.

use std::io;
use std::ops::Range;

use crc_fast::CrcAlgorithm;

use super::contents::{ChunkedPart, ContentRange, EncodedChunk};
use super::known_frames::KnownFrames;
use super::output::EncoderOutput;
use super::runs::is_incompressible;
use super::zstd::{ZstdEncoder, write_raw_frame};
use crate::disk::chunks::{Chunk, split_into_chunks};
use crate::oci::hashing::digests_of;

/// The checksum of a content in tar-split: that of Go's `crc64.ISO`.
pub(crate) const CONTENT_CRC: CrcAlgorithm = CrcAlgorithm::Crc64GoIso;

/// Compresses blocks at one level.
#[derive(Debug)]
pub(crate) struct ChunkedEncoder {
    zstd: ZstdEncoder,
}

impl ChunkedEncoder {
    pub(crate) fn new(level: i32) -> io::Result<Self> {
        Ok(Self { zstd: ZstdEncoder::for_chunks(level)? })
    }

    /// Writes the frames of a block. `contents` are the parts of it that are contents of files, in order; `known` are
    /// frames that need not be made.
    pub(crate) fn encode(
        &mut self,
        block: &[u8],
        contents: Vec<ContentRange>,
        known: Option<&KnownFrames>,
        output: &mut EncoderOutput<'_>,
    ) -> io::Result<Vec<ChunkedPart>> {
        let mut end = 0;
        let mut chunked = Vec::with_capacity(contents.len());
        for content in contents {
            let range = content.range.clone();
            self.write_between(&block[end..range.start], output)?;
            end = range.end;
            chunked.push(self.write_content(block, content, known, output)?);
        }
        self.write_between(&block[end..], output)?;
        Ok(chunked)
    }

    fn write_between(&mut self, bytes: &[u8], output: &mut EncoderOutput<'_>) -> io::Result<()> {
        if bytes.is_empty() { Ok(()) } else { self.zstd.write_frame(bytes, output) }
    }

    fn write_content(
        &mut self,
        block: &[u8],
        content: ContentRange,
        known: Option<&KnownFrames>,
        output: &mut EncoderOutput<'_>,
    ) -> io::Result<ChunkedPart> {
        let bytes = &block[content.range.clone()];
        let chunks = split_into_chunks(bytes, content.offset, content.size);
        let digests = digests_of(chunks.iter().map(|chunk| &bytes[chunk.range.clone()]));
        let mut encoded = Vec::with_capacity(chunks.len());
        for (Chunk { range, zeros }, digest) in chunks.into_iter().zip(digests) {
            let len = range.len();
            let in_block = content.range.start + range.start..content.range.start + range.end;
            let start = output.len();
            // A frame of zeros is made faster than it is found.
            let known = known.filter(|_| !zeros);
            if !known.is_some_and(|known| known.copy_frame(digest, len, output)) {
                self.write_chunk(block, in_block, output)?;
            }
            let frame = start..output.len();
            encoded.push(EncodedChunk { len, digest, zeros, frame });
        }
        let crc = crc_fast::checksum(CONTENT_CRC, bytes);
        Ok(ChunkedPart { range: content, crc, chunks: encoded })
    }

    /// Writes the frame of a chunk.
    fn write_chunk(
        &mut self,
        block: &[u8],
        range: Range<usize>,
        output: &mut EncoderOutput<'_>,
    ) -> io::Result<()> {
        if is_incompressible(&block[range.clone()]) {
            write_raw_frame(range, output);
            return Ok(());
        }
        self.zstd.write_frame(&block[range], output)
    }
}
