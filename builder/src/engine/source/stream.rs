//! Sources that are read as a stream: packed, with a checksum, or from a URL.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256, Sha512};

use super::file::{FileIdentity, check_unchanged};
use super::http::{DownloadError, Response};
use super::judge::Judge;
use super::{Content, SIZE_MAX, Source, SourceError, SourceErrorKind};
use crate::compression::CompressionFormat;
use crate::compression::decode;
use crate::disk::START_LEN;
use crate::oci::image::digest::hex;
use crate::recipe::{Checksum, SourceRole};

/// Bytes as they lie in a file or come from a server.
pub(super) struct Raw<'a> {
    bytes: Bytes<'a>,
    hash: Hash,
}

enum Bytes<'a> {
    File { file: Arc<File>, at: u64, before: FileIdentity },
    Response(Box<Response>),
    Blob(Box<dyn Read + Send + 'a>, u64),
}

enum Hash {
    None,
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hash {
    /// Returns a hash of what is to come, if there is a checksum to compare it with.
    fn new(checksum: Option<&Checksum>) -> Self {
        match checksum {
            None => Self::None,
            Some(Checksum::Sha256(_)) => Self::Sha256(Sha256::new()),
            Some(Checksum::Sha512(_)) => Self::Sha512(Sha512::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::None => {}
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    /// Returns what came by; what comes afterwards is not hashed.
    fn finish(&mut self) -> Option<Checksum> {
        match std::mem::replace(self, Self::None) {
            Self::None => None,
            Self::Sha256(hash) => Some(Checksum::Sha256(hex(&hash.finalize()))),
            Self::Sha512(hash) => Some(Checksum::Sha512(hex(&hash.finalize()))),
        }
    }
}

impl<'a> Raw<'a> {
    pub(super) fn file(file: Arc<File>, before: FileIdentity) -> Self {
        Self { bytes: Bytes::File { file, at: 0, before }, hash: Hash::None }
    }

    pub(super) fn response(response: Response) -> Self {
        Self { bytes: Bytes::Response(Box::new(response)), hash: Hash::None }
    }

    /// `size` is how many bytes there are.
    pub(super) fn blob(blob: Box<dyn Read + Send + 'a>, size: u64) -> Self {
        Self { bytes: Bytes::Blob(blob, size), hash: Hash::None }
    }

    fn len(&self) -> Option<u64> {
        match &self.bytes {
            Bytes::File { before, .. } => Some(before.size()),
            Bytes::Response(response) => response.len(),
            Bytes::Blob(_, size) => Some(*size),
        }
    }

    /// Reads from any place, without moving or hashing.
    fn read_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        match &self.bytes {
            Bytes::File { file, .. } => file.read_exact_at(space, at),
            Bytes::Response(response) => response.read_at(space, at),
            Bytes::Blob(..) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl Read for Raw<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.bytes {
            Bytes::File { file, at, .. } => {
                let count = file.read_at(space, *at)?;
                *at += count as u64;
                count
            }
            Bytes::Response(response) => response.read(space)?,
            Bytes::Blob(blob, _) => blob.read(space)?,
        };
        self.hash.update(&space[..count]);
        Ok(count)
    }
}

/// A raw stream that its unpacker and whoever checks it afterwards both hold.
#[derive(Clone)]
pub(super) struct Shared<'a>(Arc<Mutex<Raw<'a>>>);

impl<'a> Shared<'a> {
    /// What is read from now on is hashed as the checksum needs it.
    pub(super) fn new(mut raw: Raw<'a>, checksum: Option<&Checksum>) -> Self {
        raw.hash = Hash::new(checksum);
        Self(Arc::new(Mutex::new(raw)))
    }

    /// Reads what is left, which is part of what the checksum is of, and fails if the bytes were not
    /// what they should be.
    pub(super) fn check(&self, expected: Option<&Checksum>) -> Result<(), SourceErrorKind> {
        io::copy(&mut self.clone(), &mut io::sink()).map_err(io_error)?;
        let mut raw = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Bytes::File { file, before, .. } = &raw.bytes {
            check_unchanged(file, before)?;
        }
        match expected.zip(raw.hash.finish()) {
            Some((expected, found)) if *expected != found => {
                Err(SourceErrorKind::Checksum { expected: expected.clone(), found })
            }
            _ => Ok(()),
        }
    }
}

impl Read for Shared<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(space)
    }
}

/// The content of a source that is read as a stream.
pub(super) struct Stream<'a> {
    raw: Shared<'a>,
    unpacked: Box<dyn Read + Send + 'a>,
    size: u64,
    checksum: Option<Checksum>,
    /// Of what is unpacked, and what is published of it.
    hash: Hash,
    published: Option<Checksum>,
    packing: Option<CompressionFormat>,
    role: SourceRole,
    place: String,
}

impl<'a> Stream<'a> {
    pub(super) fn new(source: &Source<'_>, raw: Raw<'a>) -> Result<Self, SourceErrorKind> {
        let packing = source.packing;
        let known = source.measured.or_else(|| match packing {
            None => raw.len(),
            Some(packing) => {
                decode::size_hint(packing, raw.len()?, &|space, at| raw.read_at(space, at))
            }
        });
        // A source of unknown size fails as one with a wrong size does: it has to be measured.
        let size = bounded(known.ok_or(SourceErrorKind::Size { announced: 0 })?)?;
        let raw = Shared::new(raw, source.checksum.as_ref());
        let published = source.download.and_then(|download| download.unpacked.clone());
        Ok(Self {
            unpacked: decode::unpack(raw.clone(), packing)?,
            raw,
            size,
            checksum: source.checksum.clone(),
            hash: Hash::new(published.as_ref()),
            published,
            packing,
            role: source.role(),
            place: source.place.clone(),
        })
    }

    fn error(&self, kind: SourceErrorKind) -> SourceError {
        SourceError { place: self.place.clone(), kind }
    }

    fn read_error(&self, error: io::Error) -> SourceError {
        self.error(read_error(error, self.packing, self.size))
    }

    fn check(&mut self) -> Result<(), SourceErrorKind> {
        let announced = self.size;
        let more = self.unpacked.read(&mut [0]);
        if more.map_err(|error| read_error(error, self.packing, announced))? > 0 {
            return Err(SourceErrorKind::Size { announced });
        }
        self.raw.check(self.checksum.as_ref())?;
        match self.published.as_ref().zip(self.hash.finish()) {
            Some((expected, found)) if *expected != found => {
                return Err(SourceErrorKind::Unpacked { expected: expected.clone(), found });
            }
            _ => {}
        }
        // Only now is it known that there is nothing to unpack or download.
        if self.role == SourceRole::Disk && announced == 0 {
            return Err(SourceErrorKind::Empty);
        }
        Ok(())
    }
}

impl Content for Stream<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), SourceError> {
        self.unpacked.read_exact(space).map_err(|error| self.read_error(error))?;
        self.hash.update(space);
        Ok(())
    }

    fn hole(&mut self) -> Result<u64, SourceError> {
        Ok(0)
    }

    fn skip(&mut self, _count: u64) {}

    fn finish(&mut self) -> Result<(), SourceError> {
        self.check().map_err(|kind| self.error(kind))
    }
}

/// Reads to the end and fails if the bytes are not what they should be.
pub(super) fn check(raw: Raw<'_>, checksum: &Checksum) -> Result<(), SourceErrorKind> {
    Shared::new(raw, Some(checksum)).check(Some(checksum))
}

/// Reads to the end and returns how many bytes there were. A disk that nobody could use is refused at
/// its beginning, however much would follow.
pub(super) fn measure(
    raw: Raw<'_>,
    packing: Option<CompressionFormat>,
    judge: Option<Judge<'_>>,
) -> Result<u64, SourceErrorKind> {
    let failed = |error: io::Error| match (error.kind(), packing) {
        // There is no size yet that it could be short of.
        (io::ErrorKind::UnexpectedEof, Some(packing)) => SourceErrorKind::Damaged(packing, error),
        (io::ErrorKind::UnexpectedEof, None) => SourceErrorKind::Io(error),
        _ => read_error(error, packing, 0),
    };
    let mut unpacked = decode::unpack(Shared::new(raw, None), packing)?;
    let mut start = Vec::new();
    unpacked.by_ref().take(START_LEN as u64).read_to_end(&mut start).map_err(failed)?;
    if let Some(judge) = judge {
        judge.check_start(&start)?;
    }
    let read = start.len() as u64;
    let more = io::copy(&mut unpacked.take(SIZE_MAX + 1 - read), &mut io::sink());
    bounded(read + more.map_err(failed)?)
}

/// Fails if a size is more than anybody's disk has.
fn bounded(size: u64) -> Result<u64, SourceErrorKind> {
    if size <= SIZE_MAX { Ok(size) } else { Err(SourceErrorKind::TooLong) }
}

/// Names what went wrong in the user's terms: unpackers report bad data in many ways.
fn read_error(
    error: io::Error,
    packing: Option<CompressionFormat>,
    announced: u64,
) -> SourceErrorKind {
    let error = match io_error(error) {
        SourceErrorKind::Io(error) => error,
        kind => return kind,
    };
    match (error.kind(), packing) {
        (io::ErrorKind::UnexpectedEof, _) => SourceErrorKind::Size { announced },
        (
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other,
            Some(packing),
        ) => SourceErrorKind::Damaged(packing, error),
        _ => SourceErrorKind::Io(error),
    }
}

/// Takes out what a download says on its way through unpackers.
fn io_error(error: io::Error) -> SourceErrorKind {
    error.downcast::<DownloadError>().map_or_else(SourceErrorKind::Io, SourceErrorKind::Http)
}
