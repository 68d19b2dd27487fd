//! A *disk file* on this machine, with random access.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use diskette_builder::compression::CompressionFormat;
use diskette_builder::disk::{DiskFormat, ReadAt, examine_disk, has_disk_extension};
use diskette_builder::oci::image::location::is_archive_name;

use super::open_file;

/// Offset of the magic `ustar` in a tar, in bytes.
const USTAR_AT: u64 = 257;

/// Returns whether a file has the name of a disk, perhaps compressed.
pub(crate) fn has_disk_name(name: &str) -> bool {
    let plain = CompressionFormat::from_name(name).map_or(name, |it| it.strip_suffix(name));
    has_disk_extension(plain) || is_ova_name(plain)
}

/// Returns whether a file is named as an OVA, the archive of a machine.
pub(crate) fn is_ova_name(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".ova")
}

/// Returns whether a file is a disk: by its name, or by a format that its content shows.
pub(crate) fn is_disk_file(path: &Path) -> bool {
    if is_archive_file(path) {
        return is_ova_name(&path.to_string_lossy());
    }
    let has_format = || {
        let info = DiskFile::open(path).and_then(|disk| examine_disk(&disk));
        info.is_ok_and(|info| info.format != DiskFormat::Raw)
    };
    has_disk_name(&path.to_string_lossy()) || has_format()
}

/// Returns whether a file is a tar that is not compressed.
pub(crate) fn is_tar(path: &Path) -> bool {
    let mut magic = [0; 5];
    let read = DiskFile::open(path).and_then(|file| file.read_exact_at(&mut magic, USTAR_AT));
    read.is_ok() && magic == *b"ustar"
}

/// Returns whether a file is an archive of images: a tar, or a compressed file with a tar's name.
pub(crate) fn is_archive_file(path: &Path) -> bool {
    is_tar(path) || is_archive_name(&path.to_string_lossy())
}

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
