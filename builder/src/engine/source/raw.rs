//! The bytes of a file, a download or a blob as they are, read as a stream and hashed meanwhile.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::SourceErrorKind;
use super::checksum::ChecksumHash;
use super::download::DownloadError;
use super::file::{OpenedFile, check_unchanged};
use super::http::DownloadStream;
use super::identity::FileIdentity;
use crate::oci::hashing::{HashingReader, SharedReader};
use crate::recipe::Checksum;

/// A stream of bytes that are neither decompressed nor checked.
pub(super) struct RawStream<'a>(RawBytes<'a>);

enum RawBytes<'a> {
    File { file: Arc<File>, at: u64, identity: FileIdentity },
    Download(Box<DownloadStream>),
    Reader(Box<dyn Read + Send + 'a>),
}

impl<'a> RawStream<'a> {
    pub(super) fn from_file(file: &OpenedFile<'_>) -> Result<Self, SourceErrorKind> {
        let identity = file.identity.clone();
        Ok(Self(RawBytes::File { file: file.open_unchanged()?, at: 0, identity }))
    }

    pub(super) fn from_download(response: DownloadStream) -> Self {
        Self(RawBytes::Download(Box::new(response)))
    }

    pub(super) fn from_reader(reader: Box<dyn Read + Send + 'a>) -> Self {
        Self(RawBytes::Reader(reader))
    }

    /// Returns how many bytes there are, if that is known.
    pub(super) fn len(&self) -> Option<u64> {
        match &self.0 {
            RawBytes::File { identity, .. } => Some(identity.size()),
            RawBytes::Download(response) => response.len(),
            RawBytes::Reader(_) => None,
        }
    }

    /// Reads at any position, without moving or hashing.
    pub(super) fn read_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        match &self.0 {
            RawBytes::File { file, .. } => file.read_exact_at(space, at),
            RawBytes::Download(response) => response.read_at(space, at),
            RawBytes::Reader(_) => Err(io::ErrorKind::NotSeekable.into()),
        }
    }
}

impl Read for RawStream<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            RawBytes::File { file, at, .. } => {
                let count = file.read_at(space, *at)?;
                *at += count as u64;
                Ok(count)
            }
            RawBytes::Download(response) => response.read(space),
            RawBytes::Reader(reader) => reader.read(space),
        }
    }
}

/// A raw stream that its decoder and the check at the end share.
#[derive(Clone)]
pub(super) struct SharedStream<'a>(SharedReader<HashingReader<RawStream<'a>, ChecksumHash>>);

impl<'a> SharedStream<'a> {
    /// Starts to hash what is read with the algorithm of `checksum`.
    pub(super) fn new(raw: RawStream<'a>, checksum: Option<&Checksum>) -> Self {
        let hash = ChecksumHash::new(checksum);
        Self(SharedReader::new(HashingReader::with_hash(raw, hash)))
    }

    /// Reads the rest, which the checksum covers too, and fails if the file was changed or the bytes
    /// do not have the checksum.
    pub(super) fn check_rest(&self, expected: Option<&Checksum>) -> Result<(), SourceErrorKind> {
        io::copy(&mut self.clone(), &mut io::sink()).map_err(download_error)?;
        self.check_unchanged()?;
        let found = self.0.lock().hash_mut().finish();
        match expected.zip(found) {
            // What the server says of the content explains why it is another one.
            Some((expected, found)) if *expected != found => Err(match self.take_claim() {
                Some(claim) => SourceErrorKind::Http(claim),
                None => SourceErrorKind::Checksum { expected: expected.clone(), found },
            }),
            _ => Ok(()),
        }
    }

    fn take_claim(&self) -> Option<DownloadError> {
        match &mut self.0.lock().inner_mut().0 {
            RawBytes::Download(response) => response.take_claim(),
            RawBytes::File { .. } | RawBytes::Reader(_) => None,
        }
    }

    /// Fails if the file was changed. Others cannot be changed, or are checked at their end.
    pub(super) fn check_unchanged(&self) -> Result<(), SourceErrorKind> {
        match &self.0.lock().inner().0 {
            RawBytes::File { file, identity, .. } => check_unchanged(file, identity),
            RawBytes::Download(_) | RawBytes::Reader(_) => Ok(()),
        }
    }
}

impl Read for SharedStream<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0.read(space)
    }
}

/// Returns the error of a download or an archive, which a decoder passes on inside an `io::Error`.
pub(super) fn download_error(error: io::Error) -> SourceErrorKind {
    match error.downcast::<DownloadError>() {
        Ok(error) => SourceErrorKind::Http(error),
        Err(error) => error.downcast().unwrap_or_else(SourceErrorKind::Io),
    }
}
