//! Files as sources: opened once, read by position, with their holes left out.

use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::{Content, SourceError, SourceErrorKind};
use crate::recipe::Checksum;

/// What a content is known by without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A file that has not been written to.
    File(FileIdentity),
    /// A content whose checksum is checked whenever it is read.
    Checksum(Checksum),
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

/// A regular file that is open, as it was when it was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: Arc<File>,
    pub(super) identity: Identity,
    pub(super) before: FileIdentity,
}

impl Opened {
    pub(super) fn new(file: Arc<File>) -> Result<Self, SourceErrorKind> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(SourceErrorKind::NotAFile);
        }
        let before = FileIdentity::new(&metadata);
        Ok(Self { file, identity: Identity::File(before.clone()), before })
    }

    pub(super) fn len(&self) -> u64 {
        self.before.size
    }

    /// Returns the first bytes, enough to see what kind of file it is.
    pub(super) fn start(&self) -> Result<Vec<u8>, SourceErrorKind> {
        let mut start = vec![0; usize::try_from(self.len()).unwrap_or(usize::MAX).min(512)];
        self.file.read_exact_at(&mut start, 0)?;
        Ok(start)
    }

    pub(super) fn content(&self, place: &str) -> FileContent {
        FileContent {
            file: Arc::clone(&self.file),
            before: self.before.clone(),
            place: place.into(),
            at: 0,
            known: Extent::Data(0),
        }
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
pub(super) struct FileContent {
    file: Arc<File>,
    before: FileIdentity,
    place: String,
    at: u64,
    known: Extent,
}

/// What is known of the bytes from the current position on, up to an offset.
#[derive(Debug, Clone, Copy)]
enum Extent {
    Data(u64),
    Hole(u64),
}

impl FileContent {
    fn error(&self, kind: impl Into<SourceErrorKind>) -> SourceError {
        SourceError { place: self.place.clone(), kind: kind.into() }
    }

    /// Asks the file system where data and holes lie from the current position on.
    fn extent(&self) -> Result<Extent, Errno> {
        let end = self.before.size;
        match seek(&*self.file, SeekFrom::Data(self.at)) {
            Ok(data) if data > self.at => Ok(Extent::Hole(data.min(end))),
            Ok(_) => Ok(Extent::Data(seek(&*self.file, SeekFrom::Hole(self.at))?)),
            // No data up to the end.
            Err(Errno::NXIO) => Ok(Extent::Hole(end)),
            // A file system that knows no holes.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Extent::Data(end)),
            Err(error) => Err(error),
        }
    }
}

impl Content for FileContent {
    fn size(&self) -> u64 {
        self.before.size
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), SourceError> {
        self.file.read_exact_at(space, self.at).map_err(|error| match error.kind() {
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
            self.known = self.extent().map_err(|error| self.error(std::io::Error::from(error)))?;
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
        check_unchanged(&self.file, &self.before).map_err(|kind| self.error(kind))
    }
}
