//! An OCI archive: a layout as one tar file, which docker can load too. A blob is written straight into the tar although its
//! name and size are known only at its end: space for its headers is reserved, and filled then.

use std::io::{self, IoSlice, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap_std::fs::Dir;
use cap_tempfile::TempFile;

use super::archive_tar::{ArchiveDestination, ArchiveTar};
use super::index::LayoutIndex;
use super::{BlobStart, copy_blob};
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::{Document, to_canonical_json};
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::new_file::NewFile;
use crate::oci::sink::{
    self, AttachedImage, BlobWriter, NamedImage, ReportBytes, Sink, StoreSink, TransferOutcome,
};

/// An archive that images are written to. The file appears when they are published.
#[derive(Debug)]
pub struct ArchiveSink<'a> {
    tar: Mutex<ArchiveTar<'a>>,
    path: String,
    /// Platform of the images that docker loads.
    platform: Platform,
    /// What is listed beside the images that are published.
    attached: Mutex<Vec<AttachedImage>>,
}

impl<'a> ArchiveSink<'a> {
    /// Starts an archive that will be the file `name` of a directory. `path` is its path in
    /// messages. From an archive with several platforms, a docker that reads no index loads the image
    /// that is nearest to `platform`.
    pub fn create(
        dir: &'a Dir,
        name: &str,
        path: &str,
        platform: Platform,
    ) -> Result<Self, StorageError> {
        let file =
            NewFile::new(dir).map_err(StorageError::io("write to the directory of", path))?;
        Self::start(ArchiveDestination::Named(file, name.into(), dir), path, platform)
    }

    /// Starts an archive that will be written to `output`, through an unnamed file in a directory
    /// for temporary files. `path` is the name of the output in messages, `platform` as in
    /// [`create`](Self::create).
    pub fn stream(
        temporary: &'a Dir,
        output: Box<dyn Write + Send>,
        path: &str,
        platform: Platform,
    ) -> Result<Self, StorageError> {
        let file = TempFile::new_anonymous(temporary);
        let file = file.map_err(StorageError::io("make a temporary file for", path))?;
        Self::start(ArchiveDestination::Stream(file, output), path, platform)
    }

    fn start(
        destination: ArchiveDestination<'a>,
        path: &str,
        platform: Platform,
    ) -> Result<Self, StorageError> {
        let tar = ArchiveTar::start(destination).map_err(StorageError::io("write", path))?;
        Ok(Self { tar: Mutex::new(tar), path: path.into(), platform, attached: Mutex::default() })
    }

    fn tar(&self) -> MutexGuard<'_, ArchiveTar<'a>> {
        self.tar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self) -> impl FnOnce(io::Error) -> StorageError {
        StorageError::io("write", self.path.as_str())
    }
}

impl Sink for ArchiveSink<'_> {
    fn has_blob(
        &self,
        _digest: Digest,
        _size: u64,
        _names: &[Reference],
        _poll: &ReportBytes<'_>,
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
        tar.seek_to_blob().map_err(self.error())?;
        Ok(Box::new(ArchiveBlob { tar, archive: self }))
    }

    fn put_blob(
        &self,
        blob: &sink::SourceBlob<'_>,
        names: &[Reference],
        advanced: &ReportBytes<'_>,
    ) -> Result<TransferOutcome, StorageError> {
        if self.tar().has_blob(blob.digest) {
            return Ok(TransferOutcome::Existed);
        }
        let mut writer = self.start_blob(blob.size, names)?;
        copy_blob(blob, BlobStart::default(), &mut *writer, &self.path, advanced)?;
        writer.finish(blob.digest, blob.size)?;
        Ok(TransferOutcome::Copied)
    }

    fn put_document(&self, document: &Document, _names: &[Reference]) -> Result<(), StorageError> {
        self.tar().append_document(document).map_err(self.error())
    }

    fn attach(&self, attached: &[AttachedImage]) -> Result<(), StorageError> {
        let mut all = self.attached.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend_from_slice(attached);
        Ok(())
    }

    fn publish(&self, images: &[NamedImage]) -> Result<(), StorageError> {
        let mut index = LayoutIndex::empty();
        let attached = self.attached.lock().unwrap_or_else(PoisonError::into_inner);
        let index = images
            .iter()
            .try_for_each(|named| index.set_name(named))
            .and_then(|()| attached.iter().try_for_each(|it| index.attach(it)))
            .and_then(|()| index.to_bytes())
            .map_err(self.error())?;
        let mut tar = self.tar();
        let listed =
            tar.blobs().map_err(self.error())?.list_docker_images(images, &self.platform)?;
        let docker = (!listed.is_empty()).then(|| to_canonical_json(&listed)).transpose();
        let docker = docker.map_err(|error| self.error()(error.into()))?;
        tar.finish(&index, docker.as_deref()).map_err(self.error())
    }

    fn max_parallel_blobs(&self) -> usize {
        1
    }
}

impl StoreSink for ArchiveSink<'_> {
    fn open_blob(
        &self,
        digest: Digest,
        _size: u64,
        at: u64,
    ) -> Result<Box<dyn Read + '_>, StorageError> {
        Ok(Box::new(self.tar().open_blob(digest, at).map_err(self.error())?))
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
