//! An archive as *one file*, whatever the number of its parts, for reading.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;

use sha2::{Digest as _, Sha256};

use super::part_list::PartChecksum;
use crate::oci::image::digest::Digest;

/// Number of bytes that are hashed at a time.
const HASH_LEN: usize = 256 * 1024;

/// What can be read from any offset on.
pub(super) trait ReadBytesAt {
    /// Reads bytes from an offset on; 0 at the end.
    fn read_bytes_at(&self, space: &mut [u8], at: u64) -> io::Result<usize>;
}

impl ReadBytesAt for File {
    fn read_bytes_at(&self, space: &mut [u8], at: u64) -> io::Result<usize> {
        self.read_at(space, at)
    }
}

/// The file of an archive, or its parts.
#[derive(Debug)]
pub struct ArchiveFile {
    parts: Vec<OpenedPart>,
    len: u64,
}

#[derive(Debug)]
struct OpenedPart {
    file: File,
    start: u64,
    len: u64,
    /// Its name and checksum, if it is listed.
    listed: Option<PartChecksum>,
}

/// A part of an archive, and what its list says of it.
#[derive(Debug)]
pub struct ArchivePart {
    /// The file.
    pub file: File,
    /// Its name and checksum, if it is listed.
    pub listed: Option<PartChecksum>,
}

impl ArchiveFile {
    /// Joins the parts of an archive, in their order.
    pub fn join(parts: Vec<ArchivePart>) -> io::Result<Self> {
        let mut joined = Self { parts: Vec::new(), len: 0 };
        for ArchivePart { file, listed } in parts {
            let (start, len) = (joined.len, file.metadata()?.len());
            joined.len = start.checked_add(len).ok_or(io::ErrorKind::FileTooLarge)?;
            joined.parts.push(OpenedPart { file, start, len, listed });
        }
        Ok(joined)
    }

    /// Returns the length of all parts together.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether all parts are regular files.
    pub(super) fn is_regular(&self) -> io::Result<bool> {
        let mut all = self.parts.iter().map(|part| Ok(part.file.metadata()?.is_file()));
        all.try_fold(true, |all, is_file: io::Result<bool>| Ok(all && is_file?))
    }

    /// Reads all parts that are listed, and returns the names of those that have other bytes than their list says.
    pub fn find_damaged(&self) -> io::Result<Vec<String>> {
        let mut damaged = Vec::new();
        for part in &self.parts {
            if let Some(listed) = &part.listed
                && part.digest()? != listed.digest
            {
                damaged.push(listed.name.clone());
            }
        }
        Ok(damaged)
    }

    /// Returns a reader of all bytes.
    pub(super) fn reader(&self) -> ArchiveReader<'_> {
        ArchiveReader { file: self, at: 0 }
    }
}

impl OpenedPart {
    fn digest(&self) -> io::Result<Digest> {
        let (mut hash, mut buffer, mut at) = (Sha256::new(), vec![0; HASH_LEN], 0);
        loop {
            let count = self.file.read_at(&mut buffer, at)?;
            if count == 0 {
                return Ok(Digest::from_hasher(hash));
            }
            hash.update(&buffer[..count]);
            at += count as u64;
        }
    }
}

impl ReadBytesAt for ArchiveFile {
    fn read_bytes_at(&self, space: &mut [u8], at: u64) -> io::Result<usize> {
        let number = self.parts.partition_point(|part| part.start + part.len <= at);
        let Some(part) = self.parts.get(number) else { return Ok(0) };
        let left = usize::try_from(part.start + part.len - at).unwrap_or(usize::MAX);
        let len = left.min(space.len());
        part.file.read_at(&mut space[..len], at - part.start)
    }
}

/// Reads an archive from its start on.
#[derive(Debug)]
pub(super) struct ArchiveReader<'a> {
    file: &'a ArchiveFile,
    at: u64,
}

impl Read for ArchiveReader<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_bytes_at(space, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for ArchiveReader<'_> {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let at = match target {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.len.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
