//! Files as sources: opened once, read by position, with their holes left out.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::{Content, Inputs, SourceError, SourceErrorKind};
use crate::disk::{self, ReadAt};
use crate::oci::image::digest::Digest;
use crate::recipe::{Checksum, SourceLocation, SourceRole};

/// What a content is known by without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A file that has not been written to.
    File(FileIdentity),
    /// A content whose checksum is checked whenever it is read.
    Checksum(Checksum),
    /// A file in an archive that is known.
    Member {
        /// The archive.
        archive: Box<Identity>,
        /// Where the content begins in the unpacked tar, in bytes.
        offset: u64,
        /// How long it is, in bytes.
        size: u64,
    },
}

impl Identity {
    /// Returns what a content is known by that has this digest.
    pub(super) fn of(digest: Digest) -> Self {
        Self::Checksum(Checksum::Sha256(digest.hex()))
    }
}

/// A file as the file system sees it; writing to it changes the times, and replacing it the inode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
    size: u64,
    /// Nanoseconds since 1970.
    modified: i128,
    /// Nanoseconds since 1970, of the last change of content or attributes; cannot be set back.
    changed: i128,
}

impl FileIdentity {
    fn new(metadata: &Metadata) -> Self {
        let nanoseconds = |s: i64, ns: i64| i128::from(s) * 1_000_000_000 + i128::from(ns);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the later of both times, in nanoseconds since 1970.
    pub(crate) fn last_touched(&self) -> i128 {
        self.modified.max(self.changed)
    }
}

/// A file by its name.
#[derive(Clone, Copy)]
pub(super) struct FileName<'a> {
    pub(super) inputs: &'a dyn Inputs,
    pub(super) location: &'a SourceLocation,
}

impl FileName<'_> {
    pub(super) fn open(&self) -> io::Result<File> {
        match self.location {
            SourceLocation::Path(path) => self.inputs.open(path),
            SourceLocation::Context(file) => self.inputs.open_in(file),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// A regular file as it was when it was looked at. A disk stays open; of other files there can be
/// more than a process may have open, so each is opened again when it is its turn.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    name: FileName<'a>,
    kept: Option<Arc<File>>,
    pub(super) before: FileIdentity,
}

impl<'a> Opened<'a> {
    /// Opens a file; returns its first bytes too, enough to see what kind of file it is.
    pub(super) fn new(
        name: FileName<'a>,
        role: SourceRole,
    ) -> Result<(Self, Vec<u8>), SourceErrorKind> {
        let file = name.open()?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(SourceErrorKind::NotAFile);
        }
        let before = FileIdentity::new(&metadata);
        let mut start = vec![0; usize::try_from(before.size).unwrap_or(usize::MAX).min(512)];
        file.read_exact_at(&mut start, 0)?;
        let kept = (role == SourceRole::Disk).then(|| Arc::new(file));
        Ok((Self { name, kept, before }, start))
    }

    pub(super) fn len(&self) -> u64 {
        self.before.size
    }

    /// Returns the file, opened.
    pub(super) fn file(&self) -> Result<Arc<File>, SourceErrorKind> {
        let file = match &self.kept {
            Some(file) => return Ok(Arc::clone(file)),
            None => self.name.open()?,
        };
        let now = FileIdentity::new(&file.metadata()?);
        if (now.device, now.inode) != (self.before.device, self.before.inode) {
            return Err(SourceErrorKind::Changed);
        }
        check_unchanged(&file, &self.before)?;
        Ok(Arc::new(file))
    }

    /// Returns the file's bytes, to be read in any order.
    pub(super) fn bytes(&self) -> Result<FileBytes, SourceErrorKind> {
        Ok(FileBytes { file: self.file()?, len: self.len() })
    }

    pub(super) fn content(&'a self, place: &'a str) -> FileContent<'a> {
        FileContent { opened: self, file: None, place, at: 0, known: Extent::Data(0) }
    }
}

impl std::fmt::Debug for FileName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.location)
    }
}

/// Fails if the file is no longer what it was when it was opened. A change of attributes alone
/// (a link, a chmod) does not count.
pub(super) fn check_unchanged(file: &File, before: &FileIdentity) -> Result<(), SourceErrorKind> {
    let now = FileIdentity::new(&file.metadata()?);
    if (now.size, now.modified) == (before.size, before.modified) {
        return Ok(());
    }
    Err(SourceErrorKind::Changed)
}

/// The content of a file that is neither packed nor checked.
#[derive(Debug)]
pub(super) struct FileContent<'a> {
    opened: &'a Opened<'a>,
    /// From the first byte to the last.
    file: Option<Arc<File>>,
    place: &'a str,
    at: u64,
    known: Extent,
}

/// What is known of the bytes from the current position on, up to an offset.
#[derive(Debug, Clone, Copy)]
enum Extent {
    Data(u64),
    Hole(u64),
}

impl FileContent<'_> {
    fn error(&self, kind: impl Into<SourceErrorKind>) -> SourceError {
        SourceError { place: self.place.into(), kind: kind.into() }
    }

    fn file(&mut self) -> Result<Arc<File>, SourceError> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        let file = self.opened.file().map_err(|kind| self.error(kind))?;
        Ok(Arc::clone(self.file.insert(file)))
    }
}

/// Asks the file system where data and holes lie from a position on; the file ends at `end`.
fn extent(file: &File, at: u64, end: u64) -> Result<Extent, Errno> {
    match seek(file, SeekFrom::Data(at)) {
        Ok(data) if data > at => Ok(Extent::Hole(data.min(end))),
        Ok(_) => Ok(Extent::Data(seek(file, SeekFrom::Hole(at))?)),
        // No data up to the end.
        Err(Errno::NXIO) => Ok(Extent::Hole(end)),
        // A file system that knows no holes.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Extent::Data(end)),
        Err(error) => Err(error),
    }
}

/// The bytes of a file that was opened, in any order; what is written to it meanwhile is not noticed
/// here.
#[derive(Debug, Clone)]
pub(super) struct FileBytes {
    file: Arc<File>,
    len: u64,
}

impl ReadAt for FileBytes {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(space, at)
    }

    fn extent(&self, at: u64) -> io::Result<disk::Extent> {
        Ok(match extent(&self.file, at, self.len)? {
            Extent::Data(end) => disk::Extent::data(end.saturating_sub(at)),
            Extent::Hole(end) => disk::Extent::zero(end.saturating_sub(at)),
        })
    }
}

impl Content for FileContent<'_> {
    fn size(&self) -> u64 {
        self.opened.len()
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), SourceError> {
        self.file()?.read_exact_at(space, self.at).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => self.error(SourceErrorKind::Changed),
            _ => self.error(error),
        })?;
        self.at += space.len() as u64;
        Ok(())
    }

    fn hole(&mut self) -> Result<u64, SourceError> {
        if let Extent::Data(end) | Extent::Hole(end) = self.known
            && end <= self.at
        {
            let file = self.file()?;
            self.known = extent(&file, self.at, self.opened.len())
                .map_err(|error| self.error(io::Error::from(error)))?;
        }
        match self.known {
            Extent::Data(_) => Ok(0),
            Extent::Hole(end) => Ok(end - self.at),
        }
    }

    fn skip(&mut self, count: u64) {
        self.at += count;
    }

    fn finish(&mut self) -> Result<(), SourceError> {
        let file = self.file()?;
        self.file = None;
        check_unchanged(&file, &self.opened.before).map_err(|kind| self.error(kind))
    }
}
