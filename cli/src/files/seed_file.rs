//! A *seed file* may have parts of a disk that is extracted.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use cap_std::fs::Dir;
use diskette_builder::disk::{Extent, ReadAt};
use diskette_builder::recipe::diagnostic::Diagnostic;
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::{open_file, open_file_in};
use crate::error::cannot;

/// A regular file. That it is changed while it is read does no harm: what is used of it is checked.
#[derive(Debug)]
pub(crate) struct SeedFile {
    file: File,
    len: u64,
    /// Device and number, by which a file is known under all of its names.
    id: (u64, u64),
}

impl SeedFile {
    /// Opens the file at a path that the user named.
    pub(crate) fn open(path: &Path) -> Result<Self, Diagnostic> {
        let name = path.display();
        let opened = open_file(path).and_then(|file| Ok((file.metadata()?.is_dir(), file)));
        let (is_dir, file) = opened.map_err(cannot("read the seed", &name))?;
        if is_dir {
            let diagnostic = Diagnostic::new(format!("the seed `{name}` is a directory"));
            return Err(diagnostic.help(
                "name the file of an older disk; to reuse the layers of a layout, `diskette pull` into it and extract from it",
            ));
        }
        Self::new(file).ok_or_else(|| {
            let diagnostic = Diagnostic::new(format!("the seed `{name}` is not a regular file"));
            diagnostic.help("name the file of an older disk")
        })
    }

    /// Opens a file of a directory, if there is one.
    pub(crate) fn open_in(dir: &Dir, name: &str) -> Option<Self> {
        // A link is replaced itself.
        let is_file = dir.symlink_metadata(name).is_ok_and(|found| found.is_file());
        is_file.then(|| open_file_in(dir, Path::new(name)).ok().and_then(Self::new)).flatten()
    }

    fn new(file: File) -> Option<Self> {
        let found = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some(Self { file, len: found.len(), id: (found.dev(), found.ino()) })
    }

    /// Returns whether both are the same file.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl ReadAt for SeedFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(space, at)
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        let left = self.len.saturating_sub(at);
        Ok(match seek(&self.file, SeekFrom::Data(at)) {
            Ok(data) if data > at => Extent::zero((data - at).min(left)),
            // There is no data up to the end.
            Err(Errno::NXIO) => Extent::zero(left),
            // It is data, or the file system knows no holes.
            _ => Extent::data(left),
        })
    }
}
