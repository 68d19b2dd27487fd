//! Reads a planned tar as blocks: first its head, then blocks of fixed length up to the end. Where
//! a block lies in a hole of its source, nothing is read. The digest of the tar is computed on the
//! way, in steps so short that what is hashed still lies in the processor's cache.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::buffers::{Block, Buffers};
use super::encode::BlockPart;
use super::tar::{Piece, TarPlan};
use crate::engine::source::{ContentError, SourceContent};
use crate::oci::image::digest::Digest;

/// How much is read before it is hashed, in bytes: half of a small second-level cache.
const STEP: usize = 128 * 1024;

/// Why a block cannot be read: the number of the content, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct BlockError {
    /// Number of the content among those of the layer.
    pub(crate) content: usize,
    /// Why it cannot be read.
    pub(crate) error: ContentError,
}

/// The blocks of a tar, in order.
pub(crate) struct Blocks<'a, 'c> {
    pieces: std::slice::Iter<'a, Piece>,
    current: Current<'a>,
    contents: &'a mut [Box<dyn SourceContent + 'c>],
    buffers: Arc<Buffers>,
    head: usize,
    block_len: usize,
    hash: Sha256,
}

/// What is left of the piece that is being read.
enum Current<'a> {
    Bytes(&'a [u8]),
    Content(usize, u64),
}

impl<'a, 'c> Blocks<'a, 'c> {
    /// `contents` are those of the plan's files, in order.
    pub(crate) fn new(
        plan: &'a TarPlan,
        contents: &'a mut [Box<dyn SourceContent + 'c>],
        buffers: Arc<Buffers>,
        block_len: usize,
    ) -> Self {
        let head = plan.head_len();
        let current = Current::Bytes(&[]);
        let (pieces, hash) = (plan.pieces.iter(), Sha256::new());
        Self { pieces, current, contents, buffers, head, block_len, hash }
    }

    /// Returns the digest of all that has been read.
    pub(crate) fn digest(self) -> Digest {
        Digest::from_hasher(self.hash)
    }

    /// Returns the next block and how it is to be encoded, or nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(Block, BlockPart)>, BlockError> {
        if self.head > 0 {
            let head = std::mem::take(&mut self.head);
            return Ok(Some((self.read(head)?, BlockPart::Head)));
        }
        let block = match self.hole()? {
            Some(zeros) => zeros,
            None => self.read(self.block_len)?,
        };
        Ok((!block.bytes().is_empty()).then_some((block, BlockPart::Body)))
    }

    /// Returns a whole block of zeros if the source says that there is nothing else.
    fn hole(&mut self) -> Result<Option<Block>, BlockError> {
        self.advance()?;
        let Current::Content(index, left) = &mut self.current else { return Ok(None) };
        let len = self.block_len as u64;
        let content = &mut self.contents[*index];
        if *left < len || content.hole().map_err(of_content(*index))? < len {
            return Ok(None);
        }
        content.skip(len);
        *left -= len;
        let zeros = self.buffers.zeros(self.block_len);
        self.hash.update(zeros.bytes());
        Ok(Some(zeros))
    }

    /// Reads up to `len` bytes of the tar into a buffer; fewer only at its end.
    fn read(&mut self, len: usize) -> Result<Block, BlockError> {
        let mut buffer = self.buffers.take();
        let space = &mut buffer.bytes_mut()[..len];
        let mut filled = 0;
        while filled < len && self.advance()? {
            let end = len.min(filled + STEP);
            let space = &mut space[filled..end];
            let count = match &mut self.current {
                Current::Bytes(bytes) => {
                    let count = bytes.len().min(space.len());
                    let (now, later) = bytes.split_at(count);
                    space[..count].copy_from_slice(now);
                    *bytes = later;
                    count
                }
                Current::Content(index, left) => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(space.len());
                    let read = self.contents[*index].read_exact(&mut space[..count]);
                    read.map_err(of_content(*index))?;
                    *left -= count as u64;
                    count
                }
            };
            self.hash.update(&space[..count]);
            filled += count;
        }
        Ok(buffer.into_block(filled))
    }

    /// Moves to the next piece where the current one is used up; tells whether there is more. A
    /// content that is used up is checked to be as it was when it was opened.
    fn advance(&mut self) -> Result<bool, BlockError> {
        loop {
            match self.current {
                Current::Bytes([]) => {}
                Current::Content(index, 0) => {
                    self.contents[index].finish().map_err(of_content(index))?;
                }
                Current::Bytes(_) | Current::Content(..) => return Ok(true),
            }
            self.current = match self.pieces.next() {
                Some(Piece::Bytes(bytes)) => Current::Bytes(bytes),
                Some(Piece::Content(index, len)) => Current::Content(*index, *len),
                None => {
                    self.current = Current::Bytes(&[]);
                    return Ok(false);
                }
            };
        }
    }
}

fn of_content(content: usize) -> impl FnOnce(ContentError) -> BlockError {
    move |error| BlockError { content, error }
}
