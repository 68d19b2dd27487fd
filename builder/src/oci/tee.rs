//! A *tee* writes to two sinks at once: a blob is read and compressed once, and written to both. If
//! writing to the second fails, as it can with a registry, the blob is copied to it from the first.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::ops::ControlFlow;

use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::reference::Reference;
use crate::oci::sink::{
    AttachedImage, BlobSource, BlobWriter, NamedImage, ReportBytes, Sink, SourceBlob, StoreSink,
    TransferOutcome, write_slices,
};

/// Writes to two sinks: a layout or an archive, and a registry.
pub struct TeeSink<'a> {
    /// The first sink; what could not be written to the second is read from it.
    pub first: &'a dyn StoreSink,
    /// The second sink.
    pub second: &'a dyn Sink,
}

impl TeeSink<'_> {
    /// Copies a blob from the first sink to the second. `mount_source` is where the registry of the
    /// second may have it already.
    fn copy_to_second(
        &self,
        digest: Digest,
        size: u64,
        mount_source: Option<(&str, &str)>,
        names: &[Reference],
    ) -> Result<(), StorageError> {
        let source = StoredBlob { store: self.first, digest, size };
        let blob = SourceBlob { digest, size, source: &source, mount_source };
        self.second.put_blob(&blob, names, &|_| ControlFlow::Continue(())).map(drop)
    }
}

impl Sink for TeeSink<'_> {
    fn has_blob(
        &self,
        digest: Digest,
        size: u64,
        names: &[Reference],
        poll: &ReportBytes<'_>,
    ) -> Result<bool, StorageError> {
        if !self.first.has_blob(digest, size, names, poll)? {
            return Ok(false);
        }
        self.copy_to_second(digest, size, None, names)?;
        Ok(true)
    }

    fn start_blob(
        &self,
        len: u64,
        names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError> {
        let first = self.first.start_blob(len, names)?;
        let second = self.second.start_blob(len, names)?;
        let (first, second) = (Some(first), Some(second));
        Ok(Box::new(TeeBlob { tee: self, names: names.to_vec(), first, second }))
    }

    fn put_blob(
        &self,
        blob: &SourceBlob<'_>,
        names: &[Reference],
        advanced: &ReportBytes<'_>,
    ) -> Result<TransferOutcome, StorageError> {
        let moved = self.first.put_blob(blob, names, advanced)?;
        self.copy_to_second(blob.digest, blob.size, blob.mount_source, names)?;
        Ok(moved)
    }

    fn put_document(&self, document: &Document, names: &[Reference]) -> Result<(), StorageError> {
        self.first.put_document(document, names)?;
        self.second.put_document(document, names)
    }

    fn check_subject(&self, subject: Digest, names: &[Reference]) -> Result<(), StorageError> {
        self.first.check_subject(subject, names)?;
        self.second.check_subject(subject, names)
    }

    fn open_blob_file(&self, digest: Digest, size: u64) -> Option<File> {
        self.first.open_blob_file(digest, size)
    }

    fn parts(&self) -> Option<[&dyn Sink; 2]> {
        Some([self.first, self.second])
    }

    fn attach(&self, attached: &[AttachedImage]) -> Result<(), StorageError> {
        self.first.attach(attached)?;
        self.second.attach(attached)
    }

    fn publish(&self, images: &[NamedImage]) -> Result<(), StorageError> {
        self.first.publish(images)?;
        self.second.publish(images)
    }

    fn max_parallel_blobs(&self) -> usize {
        self.first.max_parallel_blobs().min(self.second.max_parallel_blobs())
    }
}

/// A blob of the first sink, as the source of a transfer to the second.
struct StoredBlob<'a> {
    store: &'a dyn StoreSink,
    digest: Digest,
    size: u64,
}

impl BlobSource for StoredBlob<'_> {
    fn open(&self, at: u64) -> Result<Box<dyn Read + '_>, StorageError> {
        self.store.open_blob(self.digest, self.size, at)
    }
}

struct TeeBlob<'a> {
    tee: &'a TeeSink<'a>,
    names: Vec<Reference>,
    /// None after it was finished: an archive is locked while a blob is written to it.
    first: Option<Box<dyn BlobWriter + 'a>>,
    /// None after a write to it has failed.
    second: Option<Box<dyn BlobWriter + 'a>>,
}

impl Write for TeeBlob<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let first = self.first.as_mut().ok_or_else(|| io::Error::other("the blob is finished"))?;
        let len = first.write_vectored(slices)?;
        let mut left = len;
        let written = slices.iter().map(|slice| {
            let count = slice.len().min(left);
            left -= count;
            IoSlice::new(&slice[..count])
        });
        let mut written: Vec<IoSlice<'_>> = written.collect();
        let second = self.second.as_mut().map(|second| write_slices(second, &mut written));
        if let Some(Err(_)) = second {
            // The whole blob is copied from the first sink when it is finished there.
            self.second = None;
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for TeeBlob<'_> {
    fn finish(&mut self, digest: Digest, size: u64) -> Result<(), StorageError> {
        self.first.take().map_or(Ok(()), |mut first| first.finish(digest, size))?;
        match self.second.take().map(|mut second| second.finish(digest, size)) {
            Some(Ok(())) => Ok(()),
            Some(Err(StorageError::Cancelled)) => Err(StorageError::Cancelled),
            Some(Err(_)) | None => self.tee.copy_to_second(digest, size, None, &self.names),
        }
    }
}

impl std::fmt::Debug for TeeSink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tee").finish_non_exhaustive()
    }
}
