//! *Reading ahead*: a stream is read on another thread, which passes on what it has decompressed, and gets the
//! memory back.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::Scope;

use crate::compression::PieceRead;

/// Fewer bytes than this wait to be read, beside the piece that is being read and the one that comes next.
const WAITING_MAX: usize = 8 << 20;

/// Reads a stream on another thread, ahead of the reader that is returned.
pub(crate) fn read_ahead<'scope, 'a: 'scope>(
    stream: Box<dyn PieceRead + 'a>,
    scope: &'scope Scope<'scope, '_>,
) -> Pieces {
    let (sender, receiver) = sync_channel((WAITING_MAX - 1) / stream.piece_len());
    let (returns, returned) = channel();
    scope.spawn(move || send_pieces(stream, &sender, &returned));
    Pieces { receiver, returns, piece: Vec::new(), at: 0 }
}

type Piece = io::Result<Vec<u8>>;

/// Reads to the end or the first error, unless the receiver is dropped before.
fn send_pieces(
    mut reader: Box<dyn PieceRead + '_>,
    sender: &SyncSender<Piece>,
    returned: &Receiver<Vec<u8>>,
) {
    loop {
        for piece in returned.try_iter() {
            reader.reuse(piece);
        }
        let piece = reader.read_piece();
        let is_last = piece.as_ref().map_or(true, Vec::is_empty);
        if sender.send(piece).is_err() || is_last {
            return;
        }
    }
}

/// Reads the pieces that another thread sends.
pub(crate) struct Pieces {
    receiver: Receiver<Piece>,
    /// Takes pieces back that were read.
    returns: Sender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Pieces {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            // Before the next piece is received, so that its sender finds it; it may be at its end.
            self.returns.send(std::mem::take(&mut self.piece)).unwrap_or_default();
            self.at = 0;
            match self.receiver.recv() {
                Ok(piece) => self.piece = piece?,
                Err(_) => return Ok(0),
            }
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let count = rest.len().min(space.len());
        space[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}
