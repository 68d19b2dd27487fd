//! The *plan* of a blob: which parts come from this machine, and which from elsewhere.

use std::ops::Range;

use super::chunks::{LocalChunk, LocalChunks, StoredChunk};

/// Length in bytes of the shortest part from this machine: a request for a part costs as much as
/// some more bytes of the one before.
const LOCAL_LEN_MIN: u64 = 128 * 1024;

/// The parts of a blob, in order.
#[derive(Debug)]
pub(super) struct BlobPlan {
    pieces: Vec<BlobPiece>,
}

/// A part of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlobPiece {
    /// Its bytes in the blob.
    pub(super) part: Range<u64>,
    /// Its location on this machine, if it is there.
    pub(super) local: Option<LocalChunk>,
}

impl BlobPlan {
    /// Returns the plan of a blob of `size` bytes; none if nothing of it is on this machine.
    pub(super) fn new(size: u64, chunks: &[StoredChunk], known: &LocalChunks) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut at = 0;
        for run in local_runs(chunks, known) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            if last.part.end - first.part.start < LOCAL_LEN_MIN {
                continue;
            }
            if at < first.part.start {
                pieces.push(BlobPiece { part: at..first.part.start, local: None });
            }
            at = last.part.end;
            pieces.extend(run);
        }
        let has_local = !pieces.is_empty();
        if at < size {
            pieces.push(BlobPiece { part: at..size, local: None });
        }
        has_local.then_some(Self { pieces })
    }

    /// Returns the pieces in order.
    #[cfg(test)]
    pub(super) fn pieces(&self) -> &[BlobPiece] {
        &self.pieces
    }

    /// Returns the piece that has the byte `at`.
    pub(super) fn find(&self, at: u64) -> Option<&BlobPiece> {
        let next = self.pieces.partition_point(|piece| piece.part.end <= at);
        self.pieces.get(next)
    }
}

/// Returns the runs of chunks on this machine that follow each other in the blob.
fn local_runs(chunks: &[StoredChunk], known: &LocalChunks) -> Vec<Vec<BlobPiece>> {
    let mut runs: Vec<Vec<BlobPiece>> = Vec::new();
    for chunk in chunks {
        let Some(local) = known.find(chunk) else { continue };
        let piece = BlobPiece { part: chunk.frame.clone(), local: Some(local.clone()) };
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| last.part.end == piece.part.start) => {
                join(run, piece);
            }
            _ => runs.push(vec![piece]),
        }
    }
    runs
}

/// Adds a piece to a run; joins it with the last one if that stands in front of it on this machine, too.
fn join(run: &mut Vec<BlobPiece>, piece: BlobPiece) {
    if let Some(BlobPiece { part, local: Some(last) }) = run.last_mut()
        && let Some(local) = &piece.local
        && last.blob == local.blob
        && last.offset + (part.end - part.start) == local.offset
    {
        part.end = piece.part.end;
        return;
    }
    run.push(piece);
}
