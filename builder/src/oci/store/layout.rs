//! An OCI image layout in a directory that images are written to. Blobs and index are written to
//! temporary files, synced and renamed; several builds can add to one layout at the same time.

use std::io::{self, IoSlice, Write};
use std::ops::ControlFlow;

use cap_std::fs::Dir;

use super::existing::ExistingBlobs;
use super::layout_dir::{LayoutDir, sync_dir};
use super::locks::BlobsLock;
use super::writeback::Writeback;
use super::{BLOBS, copy_blob};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::new_file::{NewFile, remove_abandoned_files};
use crate::oci::sink::{self, BlobWriter, NamedImage, ReportBytes, Sink, TransferOutcome};

/// Length of a write in bytes from which on it belongs to a layer, not to a document.
const LONG: usize = 64 * 1024;

/// A layout that images are added to.
#[derive(Debug)]
pub struct LayoutSink {
    layout: LayoutDir,
    existing: ExistingBlobs,
    /// Protects blobs that the index does not list yet.
    _lock: BlobsLock,
}

impl LayoutSink {
    /// Opens the layout in a directory, or creates one if the directory is empty. `path` is its
    /// path in messages.
    pub fn open(dir: Dir, path: &str) -> Result<Self, StorageError> {
        let layout = LayoutDir::open_or_create(dir, path)?;
        let lock = BlobsLock::shared(layout.blobs_dir(), path)?;
        remove_abandoned_files(layout.blobs_dir());
        remove_abandoned_files(layout.dir());
        Ok(Self { layout, existing: ExistingBlobs::default(), _lock: lock })
    }
}

impl Sink for LayoutSink {
    fn has_blob(
        &self,
        digest: Digest,
        size: u64,
        _names: &[Reference],
        poll: &ReportBytes<'_>,
    ) -> Result<bool, StorageError> {
        let path = self.layout.path_of(&format!("{BLOBS}/{}", digest.to_hex()));
        self.existing.verify(self.layout.blobs_dir(), digest, size, &path, poll)
    }

    fn start_blob(
        &self,
        _len: u64,
        _names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError> {
        let file = NewFile::new(self.layout.blobs_dir());
        let error = || StorageError::io("write to", self.layout.path_of(BLOBS));
        let file = Some(file.map_err(error())?);
        Ok(Box::new(LayoutBlob { file, sink: self, writeback: None }))
    }

    fn put_blob(
        &self,
        blob: &sink::SourceBlob<'_>,
        names: &[Reference],
        advanced: &ReportBytes<'_>,
    ) -> Result<TransferOutcome, StorageError> {
        if self.has_blob(blob.digest, blob.size, names, &|_| advanced(0))? {
            return Ok(TransferOutcome::Existed);
        }
        let mut writer = self.start_blob(blob.size, names)?;
        copy_blob(blob, &mut writer, &self.layout.path_of(BLOBS), advanced)?;
        writer.finish(blob.digest, blob.size)?;
        Ok(TransferOutcome::Copied)
    }

    fn put_document(&self, document: &Document, names: &[Reference]) -> Result<(), StorageError> {
        let size = document.bytes.len() as u64;
        if self.has_blob(document.digest, size, names, &|_| ControlFlow::Continue(()))? {
            return Ok(());
        }
        let mut blob = self.start_blob(size, names)?;
        let path = || self.layout.path_of(&format!("{BLOBS}/{}", document.digest.to_hex()));
        blob.write_all(&document.bytes).map_err(StorageError::io("write", path()))?;
        blob.finish(document.digest, size)
    }

    fn publish(&self, images: &[NamedImage]) -> Result<(), StorageError> {
        let synced = sync_dir(self.layout.blobs_dir());
        synced.map_err(StorageError::io("sync", self.layout.path_of(BLOBS)))?;
        self.layout.change_index(|index| images.iter().try_for_each(|named| index.set_name(named)))
    }

    fn max_parallel_blobs(&self) -> usize {
        usize::MAX
    }
}

struct LayoutBlob<'a> {
    /// The temporary file; none after it was renamed.
    file: Option<NewFile<'a>>,
    sink: &'a LayoutSink,
    /// Started by the first long write: documents do not need it.
    writeback: Option<Writeback>,
}

impl LayoutBlob<'_> {
    fn file(&mut self) -> io::Result<&mut cap_std::fs::File> {
        let file = self.file.as_mut().ok_or_else(|| io::Error::other("the blob is finished"))?;
        Ok(file.as_file_mut())
    }

    fn count_written(&mut self, len: usize) -> io::Result<usize> {
        if self.writeback.is_none() && len >= LONG {
            let file = self.file()?.try_clone()?.into_std();
            self.writeback = Some(Writeback::start(file)?);
        }
        if let Some(writeback) = &mut self.writeback {
            writeback.count_written(len);
        }
        Ok(len)
    }
}

impl Write for LayoutBlob<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.file()?.write(bytes)?;
        self.count_written(len)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let len = self.file()?.write_vectored(slices)?;
        self.count_written(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for LayoutBlob<'_> {
    fn finish(&mut self, digest: Digest, _size: u64) -> Result<(), StorageError> {
        let path = self.sink.layout.path_of(&format!("{BLOBS}/{}", digest.to_hex()));
        let mut write_blob = || {
            self.writeback.take().map_or(Ok(()), Writeback::finish)?;
            self.file()?.sync_all()?;
            self.file.take().map_or(Ok(()), |file| file.replace(&digest.to_hex()))
        };
        write_blob().map_err(StorageError::io("write", path))?;
        self.sink.existing.add(digest);
        Ok(())
    }
}
