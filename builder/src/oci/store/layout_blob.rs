//! The *blobs* of a layout that are being written: to a temporary file that gets the name of the blob
//! when it is complete.

use std::io::{self, IoSlice, Write};

use super::BLOBS;
use super::existing::ExistingBlobs;
use super::layout_dir::LayoutDir;
use super::partial::PartialBlob;
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::new_file::NewFile;
use crate::oci::sink::BlobWriter;
use crate::oci::writeback::Writeback;

/// Length of a write in bytes from which on it belongs to a layer, not to a document.
const LONG: usize = 64 * 1024;

/// The file of a blob that is being written.
pub(super) enum BlobFile<'a> {
    New(NewFile<'a>),
    /// A file that an interrupted transfer leaves behind.
    Partial(PartialBlob<'a>),
}

impl BlobFile<'_> {
    fn as_file_mut(&mut self) -> &mut cap_std::fs::File {
        match self {
            Self::New(file) => file.as_file_mut(),
            Self::Partial(file) => file.as_file_mut(),
        }
    }

    /// Gives the complete blob its name.
    fn complete(self, name: &str) -> io::Result<()> {
        match self {
            Self::New(file) => file.replace(name),
            Self::Partial(file) => file.complete(name),
        }
    }
}

/// A blob of a layout that is being written.
pub(super) struct LayoutBlob<'a> {
    /// The temporary file; none after it was renamed.
    file: Option<BlobFile<'a>>,
    layout: &'a LayoutDir,
    existing: &'a ExistingBlobs,
    /// Started by the first long write: documents do not need it.
    writeback: Option<Writeback>,
}

impl<'a> LayoutBlob<'a> {
    pub(super) fn new(
        layout: &'a LayoutDir,
        existing: &'a ExistingBlobs,
        file: BlobFile<'a>,
    ) -> Self {
        Self { file: Some(file), layout, existing, writeback: None }
    }

    /// Discards what was written.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.writeback.take().map_or(Ok(()), Writeback::finish)?;
        match &mut self.file {
            Some(BlobFile::Partial(file)) => file.clear(),
            _ => Ok(()),
        }
    }

    /// Keeps what was written for the next transfer, if that can continue it.
    pub(super) fn keep(&mut self) {
        if let Some(BlobFile::Partial(file)) = &mut self.file {
            file.keep();
        }
    }

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
        let path = self.layout.path_of(&format!("{BLOBS}/{}", digest.to_hex()));
        let mut write_blob = || {
            self.writeback.take().map_or(Ok(()), Writeback::finish)?;
            self.file()?.sync_all()?;
            self.file.take().map_or(Ok(()), |file| file.complete(&digest.to_hex()))
        };
        write_blob().map_err(StorageError::io("write", path))?;
        self.existing.add(digest);
        Ok(())
    }
}
