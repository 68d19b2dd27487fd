//! A *disk file* on this machine, with random access.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use diskette_builder::disk::ReadAt;

use super::open_file;

/// A disk in a file.
#[derive(Debug)]
pub(crate) struct DiskFile {
    file: File,
    len: u64,
}

impl DiskFile {
    /// Opens the file of a disk.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = open_file(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file, len })
    }
}

impl ReadAt for DiskFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(space, at)
    }
}
