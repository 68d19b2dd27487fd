//! *Pieces* of a stream: what was decompressed is passed on as it is, and not copied into the space of a
//! reader.

use std::io::{self, Read};

/// Length of a piece of a stream that has to be copied, in bytes.
const PIECE: usize = 256 * 1024;

/// A stream that is read as a whole, piece by piece.
pub(crate) trait PieceRead: Read + Send {
    /// Returns the next piece, which is empty at the end of the stream.
    fn read_piece(&mut self) -> io::Result<Vec<u8>>;

    /// Takes a piece back that was read, for the memory of another one.
    fn reuse(&mut self, _piece: Vec<u8>) {}

    /// Returns the length of a long piece, in bytes.
    fn piece_len(&self) -> usize {
        PIECE
    }
}

/// A stream of a decoder, whose pieces are copied.
pub(crate) struct CopiedPieces<R> {
    stream: R,
    /// An error that came after the bytes of the last piece.
    error: Option<io::Error>,
}

impl<R> CopiedPieces<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, error: None }
    }
}

impl<R: Read> Read for CopiedPieces<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.error.take().map_or_else(|| self.stream.read(space), Err)
    }
}

impl<R: Read + Send> PieceRead for CopiedPieces<R> {
    fn read_piece(&mut self) -> io::Result<Vec<u8>> {
        let mut piece = Vec::with_capacity(PIECE);
        match self.by_ref().take(PIECE as u64).read_to_end(&mut piece) {
            Err(error) if piece.is_empty() => return Err(error),
            Err(error) => self.error = Some(error),
            Ok(_) => {}
        }
        Ok(piece)
    }
}
