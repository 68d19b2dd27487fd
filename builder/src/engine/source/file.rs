//! Files as sources: opened once, read by position.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::identity::FileIdentity;
use super::{InputFiles, SourceErrorKind};
use crate::disk::{self, ReadAt};
use crate::recipe::{InputFile, SourceRole};

/// A file of a recipe, and what opens it.
struct NamedInput<'a> {
    inputs: &'a dyn InputFiles,
    file: Cow<'a, InputFile>,
}

/// A regular file as it was when it was opened. A disk stays open; of other files there can be more
/// than a process may have open, so each is opened again when it is read.
#[derive(Debug)]
pub(super) struct OpenedFile<'a> {
    name: NamedInput<'a>,
    kept: Option<Arc<File>>,
    pub(super) identity: FileIdentity,
}

impl<'a> OpenedFile<'a> {
    /// Opens a file; returns its first bytes too, enough to detect a compression.
    pub(super) fn new(
        inputs: &'a dyn InputFiles,
        file: &'a InputFile,
        role: SourceRole,
    ) -> Result<(Self, Vec<u8>), SourceErrorKind> {
        let name = NamedInput { inputs, file: Cow::Borrowed(file) };
        let file = inputs.open(file)?;
        let identity = identify_file(&file)?;
        let mut start = vec![0; usize::try_from(identity.size()).unwrap_or(usize::MAX).min(512)];
        file.read_exact_at(&mut start, 0)?;
        let kept = (role == SourceRole::Disk).then(|| Arc::new(file));
        Ok((Self { name, kept, identity }, start))
    }

    /// Opens a file of a disk that consists of several: `name` is its path from the directory of `file`.
    pub(super) fn open_neighbor(
        inputs: &'a dyn InputFiles,
        file: &InputFile,
        name: &Path,
    ) -> Result<Self, SourceErrorKind> {
        let kept = inputs.open_neighbor(file, name)?;
        let identity = identify_file(&kept)?;
        let path = file.path.parent().unwrap_or(Path::new("")).join(name);
        let file = Cow::Owned(InputFile { directory: Arc::clone(&file.directory), path });
        Ok(Self { name: NamedInput { inputs, file }, kept: Some(Arc::new(kept)), identity })
    }

    /// Opens a file that a stream was written to.
    pub(super) fn from_spool(
        inputs: &'a dyn InputFiles,
        location: &str,
        file: File,
    ) -> Result<Self, SourceErrorKind> {
        let identity = identify_file(&file)?;
        let name = NamedInput { inputs, file: Cow::Owned(InputFile::new(location)) };
        Ok(Self { name, kept: Some(Arc::new(file)), identity })
    }

    /// Returns the file as the recipe names it.
    pub(super) fn input(&self) -> &InputFile {
        &self.name.file
    }

    /// Returns its size in bytes.
    pub(super) fn len(&self) -> u64 {
        self.identity.size()
    }

    /// Returns the open file, which is opened again if it was not kept open. Fails if it was
    /// changed.
    pub(super) fn open_unchanged(&self) -> Result<Arc<File>, SourceErrorKind> {
        let file = match &self.kept {
            Some(file) => return Ok(Arc::clone(file)),
            None => self.name.inputs.open(&self.name.file)?,
        };
        if !self.identity.is_same_inode(&FileIdentity::new(&file.metadata()?)) {
            return Err(SourceErrorKind::Changed);
        }
        check_unchanged(&file, &self.identity)?;
        Ok(Arc::new(file))
    }

    /// Returns the file's bytes, to be read in any order.
    pub(super) fn bytes(&self) -> Result<FileBytes, SourceErrorKind> {
        Ok(FileBytes { file: self.open_unchanged()?, len: self.len() })
    }
}

impl std::fmt::Debug for NamedInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.file.fmt(f)
    }
}

/// Returns the identity of a regular file.
fn identify_file(file: &File) -> Result<FileIdentity, SourceErrorKind> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(SourceErrorKind::NotAFile);
    }
    Ok(FileIdentity::new(&metadata))
}

/// Fails if the content of the file is no longer what it was when it was opened.
pub(super) fn check_unchanged(file: &File, before: &FileIdentity) -> Result<(), SourceErrorKind> {
    if before.is_unchanged(&FileIdentity::new(&file.metadata()?)) {
        Ok(())
    } else {
        Err(SourceErrorKind::Changed)
    }
}

/// Data or a hole from a position up to an offset.
#[derive(Debug, Clone, Copy)]
pub(super) enum FileExtent {
    Data(u64),
    Hole(u64),
}

impl FileExtent {
    /// Asks the file system whether there is data or a hole at a position; the file ends at `end`.
    pub(super) fn at(file: &File, at: u64, end: u64) -> io::Result<Self> {
        match seek(file, SeekFrom::Data(at)) {
            Ok(data) if data > at => Ok(Self::Hole(data.min(end))),
            Ok(_) => Ok(Self::Data(seek(file, SeekFrom::Hole(at))?)),
            // No data up to the end.
            Err(Errno::NXIO) => Ok(Self::Hole(end)),
            // The file system does not support holes.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Self::Data(end)),
            Err(error) => Err(error.into()),
        }
    }
}

/// The bytes of an open file, read in any order. This does not detect that the file was changed.
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
