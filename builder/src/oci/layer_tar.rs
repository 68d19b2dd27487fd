//! The *tar in a layer*, read from front to back. Blob and tar are hashed on the way, and their
//! digests are checked at the end.

use std::io::{self, Read};
use std::thread::Scope;

use thiserror::Error;

use crate::compression::{CompressionFormat, PieceRead};
use crate::oci::hashing::{BlobProblem, HashingReader, SharedReader};
use crate::oci::image::digest::Digest;
use crate::oci::layer_hash::{BlobHash, TarHash};
use crate::oci::progress::{Progress, ProgressReader};
use crate::oci::read_ahead::read_ahead;
use crate::oci::tar::{self, TarReadError};

type BlobReader<'a> = HashingReader<ProgressReader<'a, Box<dyn Read + Send + 'a>>, BlobHash>;

/// The decompressed tar of a layer's blob.
pub(crate) struct LayerTar<'a> {
    /// The compressed bytes, shared by the decompressor and [`finish`](Self::finish).
    blob: SharedReader<BlobReader<'a>>,
    expected: ExpectedBlob<'a>,
    compression: Option<CompressionFormat>,
    tar: HashingReader<Box<dyn Read + Send + 'a>, TarHash>,
}

/// Digest and size of a blob in its manifest, and how progress of reading it is reported.
#[derive(Clone, Copy)]
pub(crate) struct ExpectedBlob<'a> {
    /// Digest of the blob.
    pub(crate) digest: Digest,
    /// Length of the blob in bytes.
    pub(crate) size: u64,
    /// Receives the progress, and can cancel.
    pub(crate) progress: &'a dyn Progress,
    /// Number of the blob in progress events; none if its progress is not reported.
    pub(crate) number: Option<usize>,
}

/// What is wrong with a layer.
#[derive(Debug, Error)]
pub enum LayerProblem {
    /// The blob is not the one that the manifest names.
    #[error(transparent)]
    Blob(#[from] BlobProblem),
    /// The decompressed tar is not the one that the config names.
    #[error("decompressed, its digest is {found}, not {expected} as the config says")]
    DiffId {
        /// Digest in the config.
        expected: String,
        /// Digest of the decompressed tar.
        found: String,
    },
    /// The tar cannot be read.
    #[error(transparent)]
    Tar(#[from] TarReadError),
}

impl<'a> LayerTar<'a> {
    /// Starts to read a blob. Its compression is detected from its first bytes.
    pub(crate) fn new(blob: impl Read + Send + 'a, expected: ExpectedBlob<'a>) -> io::Result<Self> {
        Self::start(blob, expected, |tar| Box::new(tar))
    }

    /// Starts to read a blob, which is read and decompressed on another thread, ahead of the reader.
    pub(crate) fn new_ahead<'scope>(
        blob: impl Read + Send + 'a,
        expected: ExpectedBlob<'a>,
        scope: &'scope Scope<'scope, '_>,
    ) -> io::Result<Self>
    where
        'a: 'scope,
    {
        Self::start(blob, expected, |tar| Box::new(read_ahead(tar, scope)))
    }

    fn start(
        blob: impl Read + Send + 'a,
        expected: ExpectedBlob<'a>,
        open: impl FnOnce(Box<dyn PieceRead + 'a>) -> Box<dyn Read + Send + 'a>,
    ) -> io::Result<Self> {
        let ExpectedBlob { size, progress, number, .. } = expected;
        let blob: Box<dyn Read + Send + 'a> = Box::new(blob.take(size.saturating_add(1)));
        let hash = BlobHash::default();
        let tar_hash = hash.tar_hash();
        let blob = HashingReader::with_hash(ProgressReader::new(blob, progress, number), hash);
        let blob = SharedReader::new(blob);
        let (compression, tar) = match tar::decompress_whole(blob.clone()) {
            Ok(decompressed) => decompressed,
            Err(TarReadError::Read(error)) => return Err(error),
            Err(error) => return Err(io::Error::other(error)),
        };
        Ok(Self { blob, expected, compression, tar: HashingReader::with_hash(open(tar), tar_hash) })
    }

    /// Returns how the tar is compressed.
    pub(crate) fn compression(&self) -> Option<CompressionFormat> {
        self.compression
    }

    /// Reads the rest of the blob, and fails unless digest and size are the expected ones. Returns
    /// the digest of the tar up to where it was read.
    pub(crate) fn finish(self) -> Result<Digest, BlobProblem> {
        let Self { blob, expected, tar, .. } = self;
        let digest = tar.digest();
        // The thread that reads ahead stops.
        drop(tar);
        blob.lock().check_rest(expected.digest, expected.size)?;
        Ok(digest)
    }
}

impl Read for LayerTar<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.tar.read(space)
    }
}

impl std::fmt::Debug for LayerTar<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerTar").field("compression", &self.compression).finish_non_exhaustive()
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
    use crate::oci::progress::NoProgress;

    fn expected(blob: &[u8]) -> ExpectedBlob<'static> {
        let (digest, size) = (Digest::of_bytes(blob), blob.len() as u64);
        ExpectedBlob { digest, size, progress: &NoProgress, number: None }
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
            let ahead = finish(LayerTar::new_ahead(blob, expected, scope).unwrap());
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
            let declared = expected(&[]);
            let (_, problem) = read(blob, ExpectedBlob { size: blob.len() as u64, ..declared });
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
            let mut unpacked = LayerTar::new_ahead(&packed[..], expected(&packed), scope).unwrap();
            let mut start = [0; 10];
            unpacked.read_exact(&mut start).unwrap();
            assert_eq!(unpacked.compression(), Some(CompressionFormat::Gzip));
            assert_eq!(unpacked.finish().unwrap(), Digest::of_bytes(&start));
        });
    }
}
