//! Reads a planned layer as blocks: first its head, then blocks of fixed length up to the end. Blocks
//! inside a hole of their source are not read.

use std::sync::Arc;

use super::buffers::{BlockBuffers, TarBlock};
use super::contents::ContentRange;
use super::plan::{LayerPiece, LayerPlan};
use crate::engine::source::{ContentError, SourceContent};

/// Why a block cannot be read.
#[derive(Debug)]
pub(crate) struct BlockError {
    /// Number of the content among those of the layer.
    pub(crate) content: usize,
    /// Why it cannot be read.
    pub(crate) error: ContentError,
}

/// Reads the blocks of a layer, in order.
pub(crate) struct BlockReader<'a, 'c> {
    pieces: std::slice::Iter<'a, LayerPiece>,
    current: CurrentPiece<'a>,
    contents: &'a mut [Box<dyn SourceContent + 'c>],
    buffers: Arc<BlockBuffers>,
    head: usize,
    block_len: usize,
}

/// A block that was read.
pub(crate) struct ReadBlock {
    /// The block itself.
    pub(crate) block: TarBlock,
    /// How it is to be encoded.
    pub(crate) part: BlockPart,
    /// The parts of it that are contents of files, in order.
    pub(crate) contents: Vec<ContentRange>,
}

/// How a block is to be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockPart {
    /// The tar headers in front of the first file, or the first bytes of a blob: always stored. CDI's importer detects the
    /// compression with a reader that loses what it read when the first block comes out small
    /// (kubevirt/containerized-data-importer#4277); a first member of 1,024 stored bytes is
    /// beyond what it reads.
    Head,
    /// Everything after the head.
    Body,
}

/// What is left of the piece that is being read.
enum CurrentPiece<'a> {
    Bytes(&'a [u8]),
    Content(usize, u64),
}

impl<'a, 'c> BlockReader<'a, 'c> {
    /// `contents` are those of the plan's files, in order.
    pub(crate) fn new(
        plan: &'a LayerPlan,
        contents: &'a mut [Box<dyn SourceContent + 'c>],
        buffers: Arc<BlockBuffers>,
        block_len: usize,
    ) -> Self {
        let head = plan.head_len();
        let current = CurrentPiece::Bytes(&[]);
        Self { pieces: plan.pieces.iter(), current, contents, buffers, head, block_len }
    }

    /// Returns the next block, or nothing at the end.
    pub(crate) fn next_block(&mut self) -> Result<Option<ReadBlock>, BlockError> {
        if self.head > 0 {
            let head = std::mem::take(&mut self.head);
            return Ok(Some(self.read_block(head, BlockPart::Head)?));
        }
        let read = match self.read_hole()? {
            Some(zeros) => zeros,
            None => self.read_block(self.block_len, BlockPart::Body)?,
        };
        Ok((!read.block.bytes().is_empty()).then_some(read))
    }

    /// Returns a whole block of zeros if the source has a hole of that length.
    fn read_hole(&mut self) -> Result<Option<ReadBlock>, BlockError> {
        self.next_piece()?;
        let CurrentPiece::Content(index, left) = &mut self.current else { return Ok(None) };
        let len = self.block_len as u64;
        let content = &mut self.contents[*index];
        if *left < len || content.hole_len().map_err(content_error(*index))? < len {
            return Ok(None);
        }
        content.skip_hole(len);
        let (size, offset) = (content.size(), content.size() - *left);
        *left -= len;
        let contents =
            vec![ContentRange { range: 0..self.block_len, content: *index, offset, size }];
        let block = self.buffers.zero_block(self.block_len);
        Ok(Some(ReadBlock { block, part: BlockPart::Body, contents }))
    }

    /// Reads up to `len` bytes of the layer into a buffer; fewer only at its end.
    fn read_block(&mut self, len: usize, part: BlockPart) -> Result<ReadBlock, BlockError> {
        let mut contents = Vec::new();
        let mut buffer = self.buffers.take();
        let space = &mut buffer.bytes_mut()[..len];
        let mut filled = 0;
        while filled < len && self.next_piece()? {
            let space = &mut space[filled..];
            let count = match &mut self.current {
                CurrentPiece::Bytes(bytes) => {
                    let count = bytes.len().min(space.len());
                    let (now, later) = bytes.split_at(count);
                    space[..count].copy_from_slice(now);
                    *bytes = later;
                    count
                }
                CurrentPiece::Content(index, left) => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(space.len());
                    let read = self.contents[*index].read_exact(&mut space[..count]);
                    read.map_err(content_error(*index))?;
                    let (content, size) = (*index, self.contents[*index].size());
                    let (range, offset) = (filled..filled + count, size - *left);
                    contents.push(ContentRange { range, content, offset, size });
                    *left -= count as u64;
                    count
                }
            };
            filled += count;
        }
        Ok(ReadBlock { block: buffer.into_block(filled), part, contents })
    }

    /// Moves to the next piece if the current one is consumed; returns whether there is more. A
    /// content that is consumed is checked by [`SourceContent::finish`].
    fn next_piece(&mut self) -> Result<bool, BlockError> {
        loop {
            match self.current {
                CurrentPiece::Bytes([]) => {}
                CurrentPiece::Content(index, 0) => {
                    self.contents[index].finish().map_err(content_error(index))?;
                }
                CurrentPiece::Bytes(_) | CurrentPiece::Content(..) => return Ok(true),
            }
            self.current = match self.pieces.next() {
                Some(LayerPiece::Bytes(bytes)) => CurrentPiece::Bytes(bytes),
                Some(LayerPiece::Content(index, len)) => CurrentPiece::Content(*index, *len),
                None => {
                    self.current = CurrentPiece::Bytes(&[]);
                    return Ok(false);
                }
            };
        }
    }
}

fn content_error(content: usize) -> impl FnOnce(ContentError) -> BlockError {
    move |error| BlockError { content, error }
}
