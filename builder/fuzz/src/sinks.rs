//! A sink that keeps nothing.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Mutex;

use diskette_builder::oci::error::StorageError;
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::oci::sink::{
    AttachedImage, BlobWriter, NamedImage, Sink, SourceBlob, TransferOutcome,
};

/// Checks the order of what it receives: blobs first, documents after those that they name, names last.
#[derive(Default)]
pub(crate) struct CountingSink {
    received: Mutex<Received>,
}

#[derive(Default)]
struct Received {
    blobs: BTreeSet<Digest>,
    documents: BTreeSet<Digest>,
    is_published: bool,
}

impl CountingSink {
    /// Returns whether names were published.
    pub(crate) fn is_published(&self) -> bool {
        self.received.lock().expect("no panic before").is_published
    }
}

impl Sink for CountingSink {
    fn has_blob(
        &self,
        _: Digest,
        _: u64,
        _: &[Reference],
        _: &(dyn Fn(u64) -> ControlFlow<()> + Sync),
    ) -> Result<bool, StorageError> {
        Ok(false)
    }

    fn start_blob(
        &self,
        _: u64,
        _: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError> {
        Err(StorageError::Cancelled)
    }

    fn put_blob(
        &self,
        blob: &SourceBlob<'_>,
        _: &[Reference],
        _: &(dyn Fn(u64) -> ControlFlow<()> + Sync),
    ) -> Result<TransferOutcome, StorageError> {
        let mut received = self.received.lock().expect("no panic before");
        assert!(received.documents.is_empty(), "a blob after a document");
        assert!(received.blobs.insert(blob.digest), "a blob twice");
        Ok(TransferOutcome::Copied)
    }

    fn put_document(&self, document: &Document, _: &[Reference]) -> Result<(), StorageError> {
        let mut received = self.received.lock().expect("no panic before");
        assert!(!received.is_published, "a document after a name");
        assert!(received.documents.insert(document.digest), "a document twice");
        Ok(())
    }

    fn attach(&self, attached: &[AttachedImage]) -> Result<(), StorageError> {
        let received = self.received.lock().expect("no panic before");
        assert!(!received.is_published, "an attachment after the name of its image");
        for AttachedImage { document, .. } in attached {
            assert!(received.documents.contains(&document.digest), "it was not written");
        }
        Ok(())
    }

    fn publish(&self, images: &[NamedImage]) -> Result<(), StorageError> {
        let mut received = self.received.lock().expect("no panic before");
        for image in images {
            let digest: Digest = image.image.digest().to_string().parse().expect("a digest");
            assert!(received.documents.contains(&digest), "a name of nothing");
        }
        received.is_published = true;
        Ok(())
    }

    fn max_parallel_blobs(&self) -> usize {
        1
    }
}
