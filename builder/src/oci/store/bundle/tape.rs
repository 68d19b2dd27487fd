//! The *tar* of a bundle, which is written from its start to its end.

use std::collections::BTreeSet;
use std::io::{self, IoSlice, Write};
use std::ops::ControlFlow;

use cap_std::fs::Dir;
use sha2::{Digest as _, Sha256};
use tar::EntryType;

use super::files::FIRST_MEMBER;
use super::parts::{COMPARE_LEN, PartWriter};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::sink::{BlobWriter, ReportBytes, SourceBlob};
use crate::oci::store::archive_tar::{new_header, padding, size_record};
use crate::oci::store::{BLOBS, BlobStart, INDEX, copy_blob};

/// The largest size that a header without an extension has.
const SIZE_MAX: u64 = 0o777_7777_7777;

/// The tar of a bundle that is being written.
pub(super) struct BundleTape<'d> {
    parts: PartWriter<'d>,
    blobs: BTreeSet<Digest>,
    path: String,
}

/// How a blob came into a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TapeOutcome {
    /// It is there already, or an interrupted program has written it.
    Existed,
    /// Its bytes, or the rest of them, were copied.
    Copied,
}

impl<'d> BundleTape<'d> {
    /// Opens what an interrupted program left, or starts a bundle. `path` is its path in messages.
    pub(super) fn open(
        dir: &'d Dir,
        name: &str,
        path: &str,
        part_len: Option<u64>,
    ) -> io::Result<Self> {
        let parts = PartWriter::open(dir, name, part_len)?;
        let mut tape = Self { parts, blobs: BTreeSet::new(), path: path.to_owned() };
        for dir in [FIRST_MEMBER, "blobs/sha256/"] {
            tape.parts.append(new_header(dir, EntryType::Directory, 0)?.as_bytes())?;
        }
        tape.append_file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(tape)
    }

    /// Appends a document, unless the bundle has it.
    pub(super) fn append_document(&mut self, document: &Document) -> io::Result<()> {
        if !self.blobs.insert(document.digest) {
            return Ok(());
        }
        self.append_file(&blob_name(document.digest), &document.bytes)
    }

    /// Appends a blob, unless the bundle has it. What an interrupted program has written of it is not read again from its
    /// source.
    pub(super) fn append_blob(
        &mut self,
        blob: &SourceBlob<'_>,
        advanced: &ReportBytes<'_>,
    ) -> Result<TapeOutcome, StorageError> {
        if self.blobs.contains(&blob.digest) {
            return Ok(TapeOutcome::Existed);
        }
        let path = self.path.clone();
        let fail = |error| StorageError::io("write", path.as_str())(error);
        let state = self.parts.state();
        let headers = blob_headers(blob.digest, blob.size).map_err(fail)?;
        self.parts.append(&headers).map_err(fail)?;
        let start = self.read_start(blob.size, advanced)?;
        let existed =
            start.len == blob.size && Digest::from_hasher(start.hash.clone()) == blob.digest;
        if !existed {
            let is_resumed = start.len > 0;
            match self.copy(blob, start, advanced) {
                // What was there is damaged, or of another bundle.
                Err(StorageError::Unexpected { .. }) if is_resumed => {
                    self.parts.restore(state.clone()).map_err(fail)?;
                    self.parts.append(&headers).map_err(fail)?;
                    let copied = self.copy(blob, BlobStart::default(), advanced);
                    self.keep_if_good(copied, state)?;
                }
                copied => self.keep_if_good(copied, state)?,
            }
        }
        self.pad(blob.size).map_err(fail)?;
        self.blobs.insert(blob.digest);
        Ok(if existed { TapeOutcome::Existed } else { TapeOutcome::Copied })
    }

    /// Appends the index and the end of the tar, and gives the files their names. Returns the number of parts, 0 for one
    /// file.
    pub(super) fn finish(&mut self, index: &[u8]) -> io::Result<usize> {
        self.append_file(INDEX, index)?;
        self.parts.append(&[0; 2 * 512])?;
        self.parts.finish()
    }

    /// Discards bytes of a blob that are not those of its digest; others stay for the next attempt.
    fn keep_if_good(
        &mut self,
        copied: Result<(), StorageError>,
        state: super::parts::PartState,
    ) -> Result<(), StorageError> {
        if matches!(copied, Err(StorageError::Unexpected { .. })) {
            let restored = self.parts.restore(state);
            restored.map_err(StorageError::io("write", self.path.as_str()))?;
        }
        copied
    }

    fn copy(
        &mut self,
        blob: &SourceBlob<'_>,
        start: BlobStart,
        advanced: &ReportBytes<'_>,
    ) -> Result<(), StorageError> {
        copy_blob(blob, start, &mut TapeBlob(&mut self.parts), &self.path, advanced)
    }

    /// Reads and hashes what is there of a blob.
    fn read_start(
        &mut self,
        size: u64,
        advanced: &ReportBytes<'_>,
    ) -> Result<BlobStart, StorageError> {
        let (mut hash, mut len) = (Sha256::new(), 0);
        let mut buffer = vec![0; COMPARE_LEN];
        while len < size {
            let most = usize::try_from(size - len).unwrap_or(usize::MAX).min(buffer.len());
            let count = self.parts.read(&mut buffer[..most]);
            let count = count.map_err(StorageError::io("read", self.path.as_str()))?;
            if count == 0 {
                break;
            }
            hash.update(&buffer[..count]);
            len += count as u64;
            if advanced(count as u64) == ControlFlow::Break(()) {
                return Err(StorageError::Cancelled);
            }
        }
        Ok(BlobStart { hash, len })
    }

    fn append_file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let len = content.len() as u64;
        self.parts.append(new_header(name, EntryType::Regular, len)?.as_bytes())?;
        self.parts.append(content)?;
        self.pad(len)
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        self.parts.append(&vec![0; usize::try_from(padding(size)).unwrap_or_default()])
    }
}

fn blob_name(digest: Digest) -> String {
    format!("{BLOBS}/{}", digest.to_hex())
}

/// Returns the headers of a blob: a size that a header cannot have is in an extension before it.
fn blob_headers(digest: Digest, size: u64) -> io::Result<Vec<u8>> {
    let mut headers = Vec::new();
    let is_plain = size <= SIZE_MAX;
    if !is_plain {
        let record = size_record(size);
        let header = new_header("PaxHeaders/size", EntryType::XHeader, record.len() as u64)?;
        headers.extend_from_slice(header.as_bytes());
        headers.extend_from_slice(&record);
        headers.resize(2 * 512, 0);
    }
    let header =
        new_header(&blob_name(digest), EntryType::Regular, if is_plain { size } else { 0 })?;
    headers.extend_from_slice(header.as_bytes());
    Ok(headers)
}

/// A blob that is being written.
struct TapeBlob<'a, 'd>(&'a mut PartWriter<'d>);

impl Write for TapeBlob<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map(|()| bytes.len())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        slices.iter().map(|slice| self.write(slice)).sum()
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for TapeBlob<'_, '_> {
    fn finish(&mut self, _digest: Digest, _size: u64) -> Result<(), StorageError> {
        Ok(())
    }
}

impl std::fmt::Debug for BundleTape<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BundleTape").field("path", &self.path).finish_non_exhaustive()
    }
}
