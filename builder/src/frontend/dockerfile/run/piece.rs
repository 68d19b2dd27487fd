//! A *piece* is a part of a word after its parameters were expanded.

use super::pattern::ExpandedByte;

/// A part of an expanded word.
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) kind: PieceKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PieceKind {
    Quoted,
    Literal,
    /// The value of a parameter, which is split at blanks.
    Expanded,
}

impl Piece {
    /// Returns the bytes of the text; those that were not quoted can be special in a pattern.
    pub(super) fn bytes(&self) -> impl Iterator<Item = ExpandedByte> {
        let make = match self.kind {
            PieceKind::Quoted => ExpandedByte::Plain,
            PieceKind::Literal | PieceKind::Expanded => ExpandedByte::Active,
        };
        self.text.bytes().map(make)
    }
}
