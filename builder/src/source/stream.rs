//! Sources that are read as a stream: packed, with a checksum, or from a URL.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256, Sha512};

use super::file::{FileIdentity, check_unchanged};
use super::http::Response;
use super::{Content, Source, SourceError, SourceErrorKind, packed};
use crate::image::digest::hex;
use crate::recipe::{Checksum, Packing, Role};

/// Bytes as they lie in a file or come from a server.
pub(super) struct Raw {
    bytes: Bytes,
    hash: Hash,
}

enum Bytes {
    File { file: Arc<File>, at: u64, before: FileIdentity },
    Response(Box<Response>),
}

enum Hash {
    None,
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Raw {
    pub(super) fn file(file: Arc<File>, before: FileIdentity) -> Self {
        Self { bytes: Bytes::File { file, at: 0, before }, hash: Hash::None }
    }

    pub(super) fn response(response: Response) -> Self {
        Self { bytes: Bytes::Response(Box::new(response)), hash: Hash::None }
    }

    fn len(&self) -> Option<u64> {
        match &self.bytes {
            Bytes::File { before, .. } => Some(before.size()),
            Bytes::Response(response) => response.len(),
        }
    }

    /// Reads from any place, without moving or hashing.
    fn read_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        match &self.bytes {
            Bytes::File { file, .. } => file.read_exact_at(space, at),
            Bytes::Response(response) => response.read_at(space, at),
        }
    }
}

impl Read for Raw {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.bytes {
            Bytes::File { file, at, .. } => {
                let count = file.read_at(space, *at)?;
                *at += count as u64;
                count
            }
            Bytes::Response(response) => response.read(space)?,
        };
        match &mut self.hash {
            Hash::None => {}
            Hash::Sha256(hash) => hash.update(&space[..count]),
            Hash::Sha512(hash) => hash.update(&space[..count]),
        }
        Ok(count)
    }
}

/// A raw stream that its unpacker and whoever checks it afterwards both hold.
#[derive(Clone)]
struct Shared(Arc<Mutex<Raw>>);

impl Read for Shared {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(space)
    }
}

/// The content of a source that is read as a stream.
pub(super) struct Stream {
    raw: Shared,
    unpacked: Box<dyn Read + Send>,
    size: u64,
    checksum: Option<Checksum>,
    packing: Option<Packing>,
    role: Role,
    place: String,
}

impl Stream {
    pub(super) fn new(source: &Source<'_>, mut raw: Raw) -> Result<Self, SourceErrorKind> {
        let packing = source.packing;
        let known = source.measured.or_else(|| match packing {
            None => raw.len(),
            Some(packing) => {
                packed::size_hint(packing, raw.len()?, &|space, at| raw.read_at(space, at))
            }
        });
        raw.hash = match source.checksum {
            None => Hash::None,
            Some(Checksum::Sha256(_)) => Hash::Sha256(Sha256::new()),
            Some(Checksum::Sha512(_)) => Hash::Sha512(Sha512::new()),
        };
        // A source of unknown size fails as one with a wrong size does: it has to be measured.
        let size = known.ok_or(SourceErrorKind::Size { announced: 0 })?;
        let raw = Shared(Arc::new(Mutex::new(raw)));
        Ok(Self {
            unpacked: packed::unpack(raw.clone(), packing)?,
            raw,
            size,
            checksum: source.checksum.clone(),
            packing,
            role: source.role,
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
        // What stands behind the packed data is part of what the checksum is of.
        io::copy(&mut self.raw, &mut io::sink())?;
        let mut raw = self.raw.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Bytes::File { file, before, .. } = &raw.bytes {
            check_unchanged(file, before)?;
        }
        let found = match std::mem::replace(&mut raw.hash, Hash::None) {
            Hash::None => None,
            Hash::Sha256(hash) => Some(Checksum::Sha256(hex(&hash.finalize()))),
            Hash::Sha512(hash) => Some(Checksum::Sha512(hex(&hash.finalize()))),
        };
        match (&self.checksum, found) {
            (Some(expected), Some(found)) if *expected != found => {
                Err(SourceErrorKind::Checksum { expected: expected.clone(), found })
            }
            // Only now is it known that there is nothing to unpack or download.
            _ if self.role == Role::Disk && announced == 0 => Err(SourceErrorKind::Empty),
            _ => Ok(()),
        }
    }
}

impl Content for Stream {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), SourceError> {
        self.unpacked.read_exact(space).map_err(|error| self.read_error(error))
    }

    fn hole(&mut self) -> Result<u64, SourceError> {
        Ok(0)
    }

    fn skip(&mut self, _count: u64) {}

    fn finish(&mut self) -> Result<(), SourceError> {
        self.check().map_err(|kind| self.error(kind))
    }
}

/// Reads to the end and returns how many bytes there were.
pub(super) fn measure(raw: Raw, packing: Option<Packing>) -> Result<u64, SourceErrorKind> {
    let raw = Shared(Arc::new(Mutex::new(raw)));
    let mut unpacked = packed::unpack(raw, packing)?;
    io::copy(&mut unpacked, &mut io::sink()).map_err(|error| match (error.kind(), packing) {
        // There is no size yet that it could be short of.
        (io::ErrorKind::UnexpectedEof, Some(packing)) => SourceErrorKind::Damaged(packing, error),
        (io::ErrorKind::UnexpectedEof, None) => SourceErrorKind::Io(error),
        _ => read_error(error, packing, 0),
    })
}

/// Names what went wrong in the user's terms: unpackers report bad data in many ways.
fn read_error(error: io::Error, packing: Option<Packing>, announced: u64) -> SourceErrorKind {
    match (error.kind(), packing) {
        (io::ErrorKind::UnexpectedEof, _) => SourceErrorKind::Size { announced },
        (
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other,
            Some(packing),
        ) => SourceErrorKind::Damaged(packing, error),
        _ => SourceErrorKind::Io(error),
    }
}
