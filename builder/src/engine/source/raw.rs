//! Bytes as they lie in a file, come from a server or stand in an image: read as a stream and hashed on
//! the way.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256, Sha512};

use super::SourceErrorKind;
use super::file::{OpenedFile, check_unchanged};
use super::http::{DownloadError, Response};
use super::identity::FileIdentity;
use crate::oci::image::digest::hex;
use crate::recipe::Checksum;

/// A stream of bytes that are neither decompressed nor checked.
pub(super) struct RawStream<'a> {
    bytes: RawBytes<'a>,
    hash: ChecksumHash,
}

enum RawBytes<'a> {
    File { file: Arc<File>, at: u64, before: FileIdentity },
    Response(Box<Response>),
    Blob(Box<dyn Read + Send + 'a>),
}

impl<'a> RawStream<'a> {
    pub(super) fn file(file: &OpenedFile<'_>) -> Result<Self, SourceErrorKind> {
        let before = file.before.clone();
        let bytes = RawBytes::File { file: file.file()?, at: 0, before };
        Ok(Self { bytes, hash: ChecksumHash::None })
    }

    pub(super) fn response(response: Response) -> Self {
        Self { bytes: RawBytes::Response(Box::new(response)), hash: ChecksumHash::None }
    }

    pub(super) fn blob(blob: Box<dyn Read + Send + 'a>) -> Self {
        Self { bytes: RawBytes::Blob(blob), hash: ChecksumHash::None }
    }

    /// Returns how many bytes there are, if that is known.
    pub(super) fn len(&self) -> Option<u64> {
        match &self.bytes {
            RawBytes::File { before, .. } => Some(before.size()),
            RawBytes::Response(response) => response.len(),
            RawBytes::Blob(_) => None,
        }
    }

    /// Reads at any position, without moving or hashing.
    pub(super) fn read_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        match &self.bytes {
            RawBytes::File { file, .. } => file.read_exact_at(space, at),
            RawBytes::Response(response) => response.read_at(space, at),
            RawBytes::Blob(_) => Err(io::ErrorKind::NotSeekable.into()),
        }
    }
}

impl Read for RawStream<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.bytes {
            RawBytes::File { file, at, .. } => {
                let count = file.read_at(space, *at)?;
                *at += count as u64;
                count
            }
            RawBytes::Response(response) => response.read(space)?,
            RawBytes::Blob(blob) => blob.read(space)?,
        };
        self.hash.update(&space[..count]);
        Ok(count)
    }
}

/// A raw stream that both its decoder and the check afterwards hold.
#[derive(Clone)]
pub(super) struct SharedStream<'a>(Arc<Mutex<RawStream<'a>>>);

impl<'a> SharedStream<'a> {
    /// Hashes what is read from now on as the checksum needs it.
    pub(super) fn new(mut raw: RawStream<'a>, checksum: Option<&Checksum>) -> Self {
        raw.hash = ChecksumHash::new(checksum);
        Self(Arc::new(Mutex::new(raw)))
    }

    /// Reads the rest, which the checksum covers too, and fails if the file was changed or the bytes
    /// do not have the checksum.
    pub(super) fn check(&self, expected: Option<&Checksum>) -> Result<(), SourceErrorKind> {
        io::copy(&mut self.clone(), &mut io::sink()).map_err(download_error)?;
        self.check_unchanged()?;
        match expected.zip(self.lock().hash.finish()) {
            Some((expected, found)) if *expected != found => {
                Err(SourceErrorKind::Checksum { expected: expected.clone(), found })
            }
            _ => Ok(()),
        }
    }

    /// Fails if the file was changed; what is not a file cannot be.
    pub(super) fn check_unchanged(&self) -> Result<(), SourceErrorKind> {
        match &self.lock().bytes {
            RawBytes::File { file, before, .. } => check_unchanged(file, before),
            RawBytes::Response(_) | RawBytes::Blob(_) => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, RawStream<'a>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for SharedStream<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.lock().read(space)
    }
}

/// A hash of what a checksum is compared with.
pub(super) enum ChecksumHash {
    None,
    Sha256(Sha256),
    Sha512(Sha512),
}

impl ChecksumHash {
    /// Returns a hash of what is to come, if there is a checksum to compare it with.
    pub(super) fn new(checksum: Option<&Checksum>) -> Self {
        match checksum {
            None => Self::None,
            Some(Checksum::Sha256(_)) => Self::Sha256(Sha256::new()),
            Some(Checksum::Sha512(_)) => Self::Sha512(Sha512::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    /// Returns the checksum of what was hashed; later bytes are not hashed.
    pub(super) fn finish(&mut self) -> Option<Checksum> {
        match std::mem::replace(self, Self::None) {
            Self::None => None,
            Self::Sha256(hash) => Some(Checksum::Sha256(hex(&hash.finalize()))),
            Self::Sha512(hash) => Some(Checksum::Sha512(hex(&hash.finalize()))),
        }
    }
}

/// Returns the error of a download that came through a decoder as an error of the system.
pub(super) fn download_error(error: io::Error) -> SourceErrorKind {
    error.downcast::<DownloadError>().map_or_else(SourceErrorKind::Io, SourceErrorKind::Http)
}
