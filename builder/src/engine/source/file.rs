//! Files as sources: opened once, read by position.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::identity::FileIdentity;
use super::{InputFiles, SourceErrorKind};
use crate::disk::{self, ReadAt};
use crate::recipe::{InputFile, SourceRole};

/// A file by its name.
#[derive(Clone, Copy)]
struct FileName<'a> {
    inputs: &'a dyn InputFiles,
    file: &'a InputFile,
}

/// A regular file as it was when it was opened. A disk stays open; of other files there can be more
/// than a process may have open, so each is opened again when it is read.
#[derive(Debug)]
pub(super) struct OpenedFile<'a> {
    name: FileName<'a>,
    kept: Option<Arc<File>>,
    pub(super) before: FileIdentity,
}

impl<'a> OpenedFile<'a> {
    /// Opens a file; returns its first bytes too, enough to detect a compression.
    pub(super) fn new(
        inputs: &'a dyn InputFiles,
        file: &'a InputFile,
        role: SourceRole,
    ) -> Result<(Self, Vec<u8>), SourceErrorKind> {
        let name = FileName { inputs, file };
        let file = inputs.open(name.file)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(SourceErrorKind::NotAFile);
        }
        let before = FileIdentity::new(&metadata);
        let mut start = vec![0; usize::try_from(before.size()).unwrap_or(usize::MAX).min(512)];
        file.read_exact_at(&mut start, 0)?;
        let kept = (role == SourceRole::Disk).then(|| Arc::new(file));
        Ok((Self { name, kept, before }, start))
    }

    /// Returns its size in bytes.
    pub(super) fn len(&self) -> u64 {
        self.before.size()
    }

    /// Returns the file, opened.
    pub(super) fn file(&self) -> Result<Arc<File>, SourceErrorKind> {
        let file = match &self.kept {
            Some(file) => return Ok(Arc::clone(file)),
            None => self.name.inputs.open(self.name.file)?,
        };
        if !self.before.is_same_inode(&FileIdentity::new(&file.metadata()?)) {
            return Err(SourceErrorKind::Changed);
        }
        check_unchanged(&file, &self.before)?;
        Ok(Arc::new(file))
    }

    /// Returns the file's bytes, to be read in any order.
    pub(super) fn bytes(&self) -> Result<FileBytes, SourceErrorKind> {
        Ok(FileBytes { file: self.file()?, len: self.len() })
    }
}

impl std::fmt::Debug for FileName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.file.fmt(f)
    }
}

/// Fails if the content of the file is no longer what it was when it was opened.
pub(super) fn check_unchanged(file: &File, before: &FileIdentity) -> Result<(), SourceErrorKind> {
    if before.is_unchanged(&FileIdentity::new(&file.metadata()?)) {
        Ok(())
    } else {
        Err(SourceErrorKind::Changed)
    }
}

/// What is known of the bytes from a position on, up to an offset.
#[derive(Debug, Clone, Copy)]
pub(super) enum FileExtent {
    Data(u64),
    Hole(u64),
}

impl FileExtent {
    /// Asks the file system for data and holes from a position on; the file ends at `end`.
    pub(super) fn at(file: &File, at: u64, end: u64) -> io::Result<Self> {
        match seek(file, SeekFrom::Data(at)) {
            Ok(data) if data > at => Ok(Self::Hole(data.min(end))),
            Ok(_) => Ok(Self::Data(seek(file, SeekFrom::Hole(at))?)),
            // No data up to the end.
            Err(Errno::NXIO) => Ok(Self::Hole(end)),
            // A file system that knows no holes.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Self::Data(end)),
            Err(error) => Err(error.into()),
        }
    }
}

/// The bytes of a file that was opened, in any order; a change of the file is not noticed here.
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
        Ok(match FileExtent::at(&self.file, at, self.len)? {
            FileExtent::Data(end) => disk::Extent::data(end.saturating_sub(at)),
            FileExtent::Hole(end) => disk::Extent::zero(end.saturating_sub(at)),
        })
    }
}
