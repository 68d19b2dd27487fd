//! The *tar* of an archive that is being written.

use std::collections::BTreeMap;
use std::io::{self, Seek, SeekFrom, Write};

use cap_std::fs::{Dir, File};
use tar::{EntryType, Header};

use super::docker::{ArchiveBlobs, DOCKER_MANIFEST};
use super::member::{FilePart, MemberSpan};
use super::packed::{archive_compression, compress};
use super::{BLOBS, INDEX};
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::new_file::NewFile;

/// Length of a record of a tar in bytes.
const RECORD: u64 = 512;

/// Space for the headers of a blob, in bytes: a pax header, its record of the size, and the header
/// itself.
const HEADERS: u64 = 3 * RECORD;

/// A tar that is being written.
pub(super) struct ArchiveTar<'a> {
    destination: ArchiveDestination<'a>,
    /// Length of the members so far, in bytes.
    end: u64,
    blobs: BTreeMap<Digest, MemberSpan>,
}

/// What becomes of the tar when it is finished.
pub(super) enum ArchiveDestination<'a> {
    /// A temporary file, and the name that it gets in the directory when it is finished; the name
    /// says how it is compressed.
    Named(NewFile<'a>, String, &'a Dir),
    /// A file that is copied to an output when it is finished: a stream needs names and sizes
    /// before the content.
    Stream(File, Box<dyn Write + Send>),
    Finished,
}

impl<'a> ArchiveTar<'a> {
    /// Starts a tar with what every layout has.
    pub(super) fn start(destination: ArchiveDestination<'a>) -> io::Result<Self> {
        let mut tar = Self { destination, end: 0, blobs: BTreeMap::new() };
        for dir in ["blobs/", "blobs/sha256/"] {
            tar.append(&new_header(dir, EntryType::Directory, 0)?, &[])?;
        }
        tar.append_file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(tar)
    }

    /// Returns whether the archive has a blob.
    pub(super) fn has_blob(&self, digest: Digest) -> bool {
        self.blobs.contains_key(&digest)
    }

    /// Moves the position of the file to where the content of the next blob begins.
    pub(super) fn seek_to_blob(&mut self) -> io::Result<()> {
        let start = self.end + HEADERS;
        self.output()?.seek(SeekFrom::Start(start))?;
        Ok(())
    }

    /// Returns the file, for the bytes of a blob.
    pub(super) fn output(&mut self) -> io::Result<&mut File> {
        match &mut self.destination {
            ArchiveDestination::Named(file, ..) => Ok(file.as_file_mut()),
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

    /// Appends a document as a blob, unless the archive has it already.
    pub(super) fn append_document(&mut self, document: &Document) -> io::Result<()> {
        if self.has_blob(document.digest) {
            return Ok(());
        }
        let span = MemberSpan { at: self.end + RECORD, len: document.bytes.len() as u64 };
        self.append_file(&format!("{BLOBS}/{}", document.digest.to_hex()), &document.bytes)?;
        self.blobs.insert(document.digest, span);
        Ok(())
    }

    fn append_file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.append(&new_header(name, EntryType::Regular, content.len() as u64)?, content)
    }

    /// Writes the headers of a blob of `size` bytes that was written at the end, after the space
    /// that is reserved for them. A blob that the archive has already is truncated.
    pub(super) fn write_blob_headers(&mut self, digest: Digest, size: u64) -> io::Result<()> {
        let start = self.end;
        if self.has_blob(digest) {
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
        self.blobs.insert(digest, MemberSpan { at: start + HEADERS, len: size });
        self.end = start + HEADERS + size + padding.len() as u64;
        Ok(())
    }

    /// Opens a blob that was written, for reading from byte `at` on.
    pub(super) fn open_blob(
        &mut self,
        digest: Digest,
        at: u64,
    ) -> io::Result<FilePart<Box<std::fs::File>>> {
        let span = self.blobs.get(&digest).copied().ok_or(io::ErrorKind::NotFound)?;
        let file = Box::new(self.output()?.try_clone()?.into_std());
        Ok(FilePart { file, at: span.at + at, left: span.len.saturating_sub(at) })
    }

    /// Returns the blobs, for reading.
    pub(super) fn blobs(&mut self) -> io::Result<ArchiveBlobs<'_>> {
        let file = self.output()?.try_clone()?.into_std();
        Ok(ArchiveBlobs { file, spans: &self.blobs })
    }

    /// Appends the index, docker's manifest if there is one, and the end of the tar, and hands it to
    /// its destination.
    pub(super) fn finish(&mut self, index: &[u8], docker: Option<&[u8]>) -> io::Result<()> {
        self.append_file(INDEX, index)?;
        docker.map_or(Ok(()), |docker| self.append_file(DOCKER_MANIFEST, docker))?;
        self.output()?.write_all(&[0; 2 * 512])?;
        match std::mem::replace(&mut self.destination, ArchiveDestination::Finished) {
            ArchiveDestination::Named(mut file, name, dir) => {
                if let Some(compression) = archive_compression(&name) {
                    file.as_file_mut().seek(SeekFrom::Start(0))?;
                    let mut compressed = NewFile::new(dir)?;
                    compress(file.as_file_mut(), compressed.as_file_mut(), compression)?;
                    file = compressed;
                }
                file.as_file().sync_all()?;
                file.replace(&name)
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

pub(super) fn padding(size: u64) -> u64 {
    size.next_multiple_of(RECORD) - size
}

pub(super) fn new_header(name: &str, kind: EntryType, size: u64) -> io::Result<Header> {
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
pub(super) fn size_record(size: u64) -> Vec<u8> {
    format!("29 size={size:020}\n").into_bytes()
}

impl std::fmt::Debug for ArchiveTar<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tar").field("end", &self.end).field("blobs", &self.blobs).finish()
    }
}
