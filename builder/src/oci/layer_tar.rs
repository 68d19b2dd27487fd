//! An *unpacked* layer is the tar that a layer's blob holds, read from front to back. Blob and tar
//! are hashed on the way, so that whoever has read the tar knows whether it was the right one.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::compression::CompressionFormat;
use crate::oci::image::digest::Digest;
use crate::oci::progress::{Event, Progress};
use crate::oci::tar::{self, TarReadError};

/// How many bytes go from thread to thread at a time, and how many such pieces are under way.
const PIECE: usize = 256 * 1024;
const PIECES: usize = 8;

/// The tar in a blob.
pub struct LayerTar<'a> {
    blob: Blob<'a>,
    packing: Option<CompressionFormat>,
    tar: Box<dyn Read + Send + 'a>,
    hash: Sha256,
}

/// What a manifest says of a blob, and who is told how much of it was read.
#[derive(Clone, Copy)]
pub struct ExpectedBlob<'a> {
    /// Of its bytes.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// Listens, and stops it.
    pub progress: &'a dyn Progress,
    /// What the blob is called there, if it is told of.
    pub number: Option<usize>,
}

/// What is wrong with a blob.
#[derive(Debug, Error)]
pub enum BlobProblem {
    /// Its bytes are not those that the manifest names.
    #[error("its bytes have the digest {0}")]
    Digest(Digest),
    /// It has another size than the manifest says.
    #[error("it has {found} bytes, not {expected} as its manifest says")]
    Size {
        /// What the manifest says.
        expected: u64,
        /// How many there are, or one more than expected.
        found: u64,
    },
    /// Its bytes cannot be had.
    #[error("{0}")]
    Read(io::Error),
}

/// What is wrong with a layer.
#[derive(Debug, Error)]
pub enum LayerProblem {
    /// Its blob is not the one that the manifest names.
    #[error(transparent)]
    Blob(#[from] BlobProblem),
    /// The unpacked tar is not the one that the config names.
    #[error("unpacked, its digest is {found}, not {expected} as the config says")]
    DiffId {
        /// What the config says.
        expected: String,
        /// Of the unpacked tar.
        found: String,
    },
    /// It is not a tar that can be used.
    #[error(transparent)]
    Archive(#[from] TarReadError),
}

impl<'a> LayerTar<'a> {
    /// Begins to read a blob; it is unpacked as its first bytes say.
    pub fn new(blob: impl Read + Send + 'a, expected: ExpectedBlob<'a>) -> io::Result<Self> {
        let blob = Blob::new(Box::new(blob.take(expected.size.saturating_add(1))), expected);
        let (packing, tar) = match tar::decompress(blob.clone()) {
            Ok(unpacked) => unpacked,
            Err(TarReadError::Read(error)) => return Err(error),
            Err(error) => return Err(io::Error::other(error)),
        };
        Ok(Self { blob, packing, tar, hash: Sha256::new() })
    }

    /// Returns how the tar is packed.
    pub fn packing(&self) -> Option<CompressionFormat> {
        self.packing
    }

    /// Has another thread read and unpack, ahead of whoever reads here.
    #[must_use]
    pub fn ahead<'scope>(self, scope: &'scope Scope<'scope, '_>) -> Self
    where
        'a: 'scope,
    {
        let Self { blob, packing, tar, hash } = self;
        let (sender, receiver) = sync_channel(PIECES);
        scope.spawn(move || send(tar, &sender));
        let tar = Box::new(Pieces { receiver, piece: Vec::new(), at: 0 });
        Self { blob, packing, tar, hash }
    }

    /// Reads the rest of the blob, and says whether it is the right one. Returns the digest of the
    /// tar as far as it was read.
    pub fn finish(self) -> Result<Digest, BlobProblem> {
        let Self { mut blob, tar, hash, .. } = self;
        // Whoever reads ahead stops.
        drop(tar);
        io::copy(&mut blob, &mut io::sink()).map_err(BlobProblem::Read)?;
        blob.judge()?;
        Ok(Digest::of(hash))
    }
}

impl Read for LayerTar<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let count = self.tar.read(space)?;
        self.hash.update(space.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// The packed bytes: whoever unpacks reads them, and in the end whoever wants to know about them.
#[derive(Clone)]
struct Blob<'a>(Arc<Mutex<Counted<'a>>>);

struct Counted<'a> {
    reader: Box<dyn Read + Send + 'a>,
    expected: ExpectedBlob<'a>,
    hash: Sha256,
    len: u64,
}

impl<'a> Blob<'a> {
    fn new(reader: Box<dyn Read + Send + 'a>, expected: ExpectedBlob<'a>) -> Self {
        let (hash, len) = (Sha256::new(), 0);
        Self(Arc::new(Mutex::new(Counted { reader, expected, hash, len })))
    }

    fn judge(&self) -> Result<(), BlobProblem> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (expected, found) = (counted.expected.size, counted.len);
        if found != expected {
            return Err(BlobProblem::Size { expected, found });
        }
        let found = Digest::of(counted.hash.clone());
        if found == counted.expected.digest { Ok(()) } else { Err(BlobProblem::Digest(found)) }
    }
}

impl Read for Blob<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ExpectedBlob { progress, number, .. } = counted.expected;
        if progress.is_cancelled() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let count = counted.reader.read(space)?;
        counted.hash.update(space.get(..count).unwrap_or_default());
        counted.len += count as u64;
        if let Some(layer) = number {
            progress.event(Event::Advanced { layer, len: count as u64 });
        }
        Ok(count)
    }
}

type Piece = io::Result<Vec<u8>>;

/// Reads to the end or the first error, as long as somebody takes what comes.
fn send(mut reader: Box<dyn Read + Send + '_>, sender: &SyncSender<Piece>) {
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = reader.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        let is_last = piece.len() < PIECE;
        if !piece.is_empty() && sender.send(Ok(piece)).is_err() {
            return;
        }
        if let Err(error) = read {
            // Nobody may be there any more to hear it.
            drop(sender.send(Err(error)));
            return;
        }
        if is_last {
            return;
        }
    }
}

/// What another thread has read.
struct Pieces {
    receiver: Receiver<Piece>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Pieces {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            match self.receiver.recv() {
                Ok(piece) => (self.piece, self.at) = (piece?, 0),
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

impl std::fmt::Debug for LayerTar<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerTar").field("packing", &self.packing).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ExpectedBlob<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExpectedBlob").field("digest", &self.digest).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::oci::progress::Silent;

    fn expected(blob: &[u8]) -> ExpectedBlob<'static> {
        let (digest, size) = (Digest::of_bytes(blob), blob.len() as u64);
        ExpectedBlob { digest, size, progress: &Silent, number: None }
    }

    /// Reads all that can be, alone and with another thread; both come to the same.
    fn read(blob: &[u8], expected: ExpectedBlob<'_>) -> (String, String) {
        let finish = |mut unpacked: LayerTar<'_>| {
            let mut tar = Vec::new();
            let read =
                unpacked.read_to_end(&mut tar).map_or_else(|e| e.to_string(), |_| "read".into());
            let finished = unpacked.finish();
            if let Ok(diff_id) = &finished {
                assert_eq!(*diff_id, Digest::of_bytes(&tar));
            }
            (read, finished.map_or_else(|error| error.to_string(), |_| "right".into()))
        };
        let alone = finish(LayerTar::new(blob, expected).unwrap());
        std::thread::scope(|scope| {
            let ahead = finish(LayerTar::new(blob, expected).unwrap().ahead(scope));
            assert_eq!(alone, ahead);
        });
        alone
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_right_blob_is_told_from_others() {
        let text: Vec<u8> = (0..600_000_u32).flat_map(u32::to_be_bytes).collect();
        let (packed, zstd) = (gzip(&text), zstd::encode_all(&text[..], 1).unwrap());
        let sound = ("read".to_owned(), "right".to_owned());
        for blob in [&text, &packed, &zstd] {
            assert_eq!(read(blob, expected(blob)), sound);
            let told = expected(&[]);
            let (_, problem) = read(blob, ExpectedBlob { size: blob.len() as u64, ..told });
            assert_eq!(problem, format!("its bytes have the digest {}", Digest::of_bytes(blob)));
        }
        let len = packed.len();
        let cut = &packed[..len - 9];
        let (read_to, problem) = read(cut, expected(&packed));
        assert_eq!(read_to, "incomplete deflate stream");
        assert_eq!(problem, format!("it has {} bytes, not {len} as its manifest says", len - 9));
        let (_, problem) = read(&[&packed[..], b"x"].concat(), expected(&packed));
        assert_eq!(problem, format!("it has {} bytes, not {len} as its manifest says", len + 1));
        // What cannot be unpacked can be what the manifest names.
        let (_, problem) = read(cut, expected(cut));
        assert_eq!(problem, "right");
    }

    #[test]
    fn what_nobody_reads_is_checked_too() {
        let text: Vec<u8> = (0..600_000_u32).flat_map(u32::to_be_bytes).collect();
        let packed = gzip(&text);
        std::thread::scope(|scope| {
            let mut unpacked = LayerTar::new(&packed[..], expected(&packed)).unwrap().ahead(scope);
            let mut start = [0; 10];
            unpacked.read_exact(&mut start).unwrap();
            assert_eq!(unpacked.packing(), Some(CompressionFormat::Gzip));
            assert_eq!(unpacked.finish().unwrap(), Digest::of_bytes(&start));
        });
    }
}
