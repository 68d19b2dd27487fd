//! The *output* of an encoder: bytes that it made, and ranges of the block that are kept as they are.

use std::io;
use std::ops::Range;

/// A part of a block in compressed form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EncodedPiece {
    /// A range of the bytes that were made.
    Made(Range<usize>),
    /// A range of the block itself.
    Kept(Range<usize>),
}

/// Collects what an encoder makes of one block.
pub(crate) struct EncoderOutput<'a> {
    space: &'a mut [u8],
    used: usize,
    /// Length of all pieces, in bytes.
    len: usize,
    pieces: Vec<EncodedPiece>,
}

impl<'a> EncoderOutput<'a> {
    /// Returns an output that writes the bytes that are made into `space`.
    pub(crate) fn new(space: &'a mut [u8]) -> Self {
        Self { space, used: 0, len: 0, pieces: Vec::new() }
    }

    /// Appends bytes.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        let start = self.used;
        self.space[start..start + bytes.len()].copy_from_slice(bytes);
        self.advance(bytes.len());
    }

    /// Appends what `fill` writes to the front of a space of `bound` bytes; it returns how many
    /// bytes that is.
    pub(crate) fn append_with(
        &mut self,
        bound: usize,
        fill: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let len = fill(&mut self.space[self.used..self.used + bound])?;
        self.advance(len);
        Ok(())
    }

    /// Appends a range of the block as it is.
    pub(crate) fn append_kept(&mut self, range: Range<usize>) {
        self.len += range.len();
        self.pieces.push(EncodedPiece::Kept(range));
    }

    /// Returns how many bytes were made.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Returns the length of what was appended so far, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the pieces in order.
    pub(crate) fn into_pieces(self) -> Vec<EncodedPiece> {
        self.pieces
    }

    fn advance(&mut self, len: usize) {
        let start = self.used;
        self.used += len;
        self.len += len;
        match self.pieces.last_mut() {
            Some(EncodedPiece::Made(range)) if range.end == start => range.end = self.used,
            _ => self.pieces.push(EncodedPiece::Made(start..self.used)),
        }
    }
}
