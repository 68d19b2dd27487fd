//! Reads a planned tar as blocks: first its head, then blocks of fixed length up to the end. Where
//! a block lies in a hole of its source, nothing is read.

use std::sync::Arc;

use super::buffers::{Block, Buffers};
use super::encode::Part;
use super::tar::{Piece, TarPlan};
use crate::source::{Content, SourceError};

/// The blocks of a tar, in order.
pub(crate) struct Blocks<'a> {
    pieces: std::slice::Iter<'a, Piece>,
    current: Current<'a>,
    contents: &'a mut [Box<dyn Content>],
    buffers: Arc<Buffers>,
    head: usize,
    block_len: usize,
}

/// What is left of the piece that is being read.
enum Current<'a> {
    Bytes(&'a [u8]),
    Content(usize, u64),
}

impl<'a> Blocks<'a> {
    /// `contents` are those of the plan's files, in order.
    pub(crate) fn new(
        plan: &'a TarPlan,
        contents: &'a mut [Box<dyn Content>],
        buffers: Arc<Buffers>,
        block_len: usize,
    ) -> Self {
        let head = plan.head_len();
        let current = Current::Bytes(&[]);
        Self { pieces: plan.pieces.iter(), current, contents, buffers, head, block_len }
    }

    /// Returns the next block and how it is to be encoded, or nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(Block, Part)>, SourceError> {
        if self.head > 0 {
            let head = std::mem::take(&mut self.head);
            return Ok(Some((self.read(head)?, Part::Head)));
        }
        let block = match self.hole()? {
            Some(zeros) => zeros,
            None => self.read(self.block_len)?,
        };
        Ok((!block.bytes().is_empty()).then_some((block, Part::Body)))
    }

    /// Returns a whole block of zeros if the source says that there is nothing else.
    fn hole(&mut self) -> Result<Option<Block>, SourceError> {
        self.advance()?;
        let Current::Content(index, left) = &mut self.current else { return Ok(None) };
        let len = self.block_len as u64;
        let content = &mut self.contents[*index];
        if *left < len || content.hole()? < len {
            return Ok(None);
        }
        content.skip(len);
        *left -= len;
        Ok(Some(self.buffers.zeros(self.block_len)))
    }

    /// Reads up to `len` bytes of the tar into a buffer; fewer only at its end.
    fn read(&mut self, len: usize) -> Result<Block, SourceError> {
        let mut buffer = self.buffers.take();
        let space = &mut buffer.bytes_mut()[..len];
        let mut filled = 0;
        while filled < len && self.advance()? {
            let space = &mut space[filled..];
            filled += match &mut self.current {
                Current::Bytes(bytes) => {
                    let count = bytes.len().min(space.len());
                    let (now, later) = bytes.split_at(count);
                    space[..count].copy_from_slice(now);
                    *bytes = later;
                    count
                }
                Current::Content(index, left) => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(space.len());
                    self.contents[*index].read_exact(&mut space[..count])?;
                    *left -= count as u64;
                    count
                }
            };
        }
        Ok(buffer.into_block(filled))
    }

    /// Moves to the next piece where the current one is used up; tells whether there is more. A
    /// content that is used up is checked to be as it was when it was opened.
    fn advance(&mut self) -> Result<bool, SourceError> {
        loop {
            match self.current {
                Current::Bytes([]) => {}
                Current::Content(index, 0) => self.contents[index].finish()?,
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
