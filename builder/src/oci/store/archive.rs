//! An OCI archive: a layout as one tar file. A blob is written straight into the tar although its
//! name and size are known only at its end: space for its headers is reserved, and filled then.

use std::collections::HashSet;
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap_std::fs::{Dir, File};
use cap_tempfile::TempFile;
use tar::{EntryType, Header};

use super::index::LayoutIndex;
use super::{BLOBS, INDEX, copy_blob};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::sink::{self, BlobWriter, NamedImage, ReportBytes, Sink, TransferOutcome};

/// Length of a record of a tar in bytes.
const RECORD: u64 = 512;

/// Space for the headers of a blob, in bytes: a pax header, its record of the size, and the header
/// itself.
const HEADERS: u64 = 3 * RECORD;

/// An archive that images are written to. The file appears when they are published.
#[derive(Debug)]
pub struct ArchiveSink<'a> {
    tar: Mutex<ArchiveTar<'a>>,
    path: String,
}

struct ArchiveTar<'a> {
    destination: ArchiveDestination<'a>,
    end: u64,
    blobs: HashSet<Digest>,
}

enum ArchiveDestination<'a> {
    /// A temporary file, and the name that it gets when it is finished.
    Named(TempFile<'a>, String),
    /// A file that is copied to an output when it is finished: a stream needs names and sizes
    /// before the content.
    Stream(File, Box<dyn Write + Send>),
    Finished,
}

impl<'a> ArchiveSink<'a> {
    /// Starts an archive that will be the file `name` of a directory. `path` is its path in
    /// messages.
    pub fn create(dir: &'a Dir, name: &str, path: &str) -> Result<Self, StorageError> {
        let file =
            TempFile::new(dir).map_err(StorageError::io("write to the directory of", path))?;
        Self::start(ArchiveDestination::Named(file, name.into()), path)
    }

    /// Starts an archive that will be written to `output`, through an unnamed file in a directory
    /// for temporary files. `path` is the name of the output in messages.
    pub fn stream(
        temporary: &'a Dir,
        output: Box<dyn Write + Send>,
        path: &str,
    ) -> Result<Self, StorageError> {
        let file = TempFile::new_anonymous(temporary);
        let file = file.map_err(StorageError::io("make a temporary file for", path))?;
        Self::start(ArchiveDestination::Stream(file, output), path)
    }

    fn start(destination: ArchiveDestination<'a>, path: &str) -> Result<Self, StorageError> {
        let mut tar = ArchiveTar { destination, end: 0, blobs: HashSet::new() };
        let layout = br#"{"imageLayoutVersion":"1.0.0"}"#;
        ["blobs/", "blobs/sha256/"]
            .iter()
            .try_for_each(|dir| tar.append(&new_header(dir, EntryType::Directory, 0)?, &[]))
            .and_then(|()| tar.append_file("oci-layout", layout))
            .map_err(StorageError::io("write", path))?;
        Ok(Self { tar: Mutex::new(tar), path: path.into() })
    }

    fn tar(&self) -> MutexGuard<'_, ArchiveTar<'a>> {
        self.tar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self) -> impl FnOnce(io::Error) -> StorageError {
        StorageError::io("write", self.path.as_str())
    }
}

impl ArchiveTar<'_> {
    fn output(&mut self) -> io::Result<&mut File> {
        match &mut self.destination {
            ArchiveDestination::Named(file, _) => Ok(file.as_file_mut()),
            ArchiveDestination::Stream(file, _) => Ok(file),
            ArchiveDestination::Finished => Err(io::Error::other("the archive is finished")),
        }
    }

    fn append(&mut self, header: &Header, content: &[u8]) -> io::Result<()> {
        let padding = padding(content.len() as u64);
        let end = self.end;
        let output = self.output()?;
        output.seek(SeekFrom::Start(end))?;
        output.write_all(header.as_bytes())?;
        output.write_all(content)?;
        output.write_all(&vec![0; usize::try_from(padding).unwrap_or_default()])?;
        self.end += RECORD + content.len() as u64 + padding;
        Ok(())
    }

    fn append_file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.append(&new_header(name, EntryType::Regular, content.len() as u64)?, content)
    }

    /// Writes the headers of a blob of `size` bytes that was written at the end, after the space
    /// that is reserved for them. A blob that the archive has already is truncated.
    fn write_blob_headers(&mut self, digest: Digest, size: u64) -> io::Result<()> {
        let start = self.end;
        if !self.blobs.insert(digest) {
            return self.output()?.set_len(start);
        }
        let mut headers = Vec::new();
        let record = size_record(size);
        headers.extend_from_slice(
            new_header("PaxHeaders/size", EntryType::XHeader, record.len() as u64)?.as_bytes(),
        );
        headers.extend_from_slice(&record);
        headers.resize(2 * 512, 0);
        let name = format!("{BLOBS}/{}", digest.to_hex());
        let plain_size = if size <= 0o777_7777_7777 { size } else { 0 };
        headers.extend_from_slice(new_header(&name, EntryType::Regular, plain_size)?.as_bytes());
        let padding = vec![0; usize::try_from(padding(size)).unwrap_or_default()];
        let output = self.output()?;
        output.seek(SeekFrom::Start(start))?;
        output.write_all(&headers)?;
        output.seek(SeekFrom::Start(start + HEADERS + size))?;
        output.write_all(&padding)?;
        self.end = start + HEADERS + size + padding.len() as u64;
        Ok(())
    }

    fn finish(&mut self, index: &[u8]) -> io::Result<()> {
        self.append_file(INDEX, index)?;
        self.output()?.write_all(&[0; 2 * 512])?;
        match std::mem::replace(&mut self.destination, ArchiveDestination::Finished) {
            ArchiveDestination::Named(file, name) => {
                file.as_file().sync_all()?;
                file.replace(name)
            }
            ArchiveDestination::Stream(mut file, mut output) => {
                file.seek(SeekFrom::Start(0))?;
                io::copy(&mut file, &mut output)?;
                output.flush()
            }
            ArchiveDestination::Finished => Ok(()),
        }
    }
}

fn padding(size: u64) -> u64 {
    size.next_multiple_of(RECORD) - size
}

fn new_header(name: &str, kind: EntryType, size: u64) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_path(name)?;
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}

/// Returns a pax record of a size, with leading zeros so that the length of the record is fixed.
fn size_record(size: u64) -> Vec<u8> {
    format!("29 size={size:020}\n").into_bytes()
}

impl Sink for ArchiveSink<'_> {
    fn has_blob(
        &self,
        _digest: Digest,
        _size: u64,
        _names: &[Reference],
    ) -> Result<bool, StorageError> {
        // A new archive has no blobs of earlier builds.
        Ok(false)
    }

    fn start_blob(
        &self,
        _len: u64,
        _names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError> {
        let mut tar = self.tar();
        let start = tar.end + HEADERS;
        let output = tar.output().map_err(self.error())?;
        output.seek(SeekFrom::Start(start)).map_err(self.error())?;
        Ok(Box::new(ArchiveBlob { tar, archive: self }))
    }

    fn put_blob(
        &self,
        blob: &sink::SourceBlob<'_>,
        names: &[Reference],
        advanced: &ReportBytes<'_>,
    ) -> Result<TransferOutcome, StorageError> {
        if self.tar().blobs.contains(&blob.digest) {
            return Ok(TransferOutcome::Existed);
        }
        let mut writer = self.start_blob(blob.size, names)?;
        copy_blob(blob, &mut writer, &self.path, advanced)?;
        writer.finish(blob.digest, blob.size)?;
        Ok(TransferOutcome::Copied)
    }

    fn put_document(&self, document: &Document, _names: &[Reference]) -> Result<(), StorageError> {
        let mut tar = self.tar();
        if !tar.blobs.insert(document.digest) {
            return Ok(());
        }
        tar.append_file(&format!("{BLOBS}/{}", document.digest.to_hex()), &document.bytes)
            .map_err(self.error())
    }

    fn publish(&self, images: &[NamedImage]) -> Result<(), StorageError> {
        let mut index = LayoutIndex::empty();
        images
            .iter()
            .try_for_each(|named| index.set_name(named))
            .and_then(|()| index.to_bytes())
            .and_then(|bytes| self.tar().finish(&bytes))
            .map_err(self.error())
    }

    fn max_parallel_blobs(&self) -> usize {
        1
    }
}

/// A blob that is being written. It locks the archive, since blobs are written one after another.
struct ArchiveBlob<'a, 'd> {
    tar: MutexGuard<'a, ArchiveTar<'d>>,
    archive: &'a ArchiveSink<'d>,
}

impl Write for ArchiveBlob<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tar.output()?.write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.tar.output()?.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for ArchiveBlob<'_, '_> {
    fn finish(&mut self, digest: Digest, size: u64) -> Result<(), StorageError> {
        self.tar.write_blob_headers(digest, size).map_err(self.archive.error())
    }
}

impl std::fmt::Debug for ArchiveTar<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tar").field("end", &self.end).field("blobs", &self.blobs).finish()
    }
}
