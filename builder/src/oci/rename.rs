//! A sink that gives its image *another name*: that of `oci:DIR:TAG`.

use std::fs::File;
use std::io::Read;

use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::ref_name::LayoutName;
use crate::oci::image::reference::Reference;
use crate::oci::image::tag::Tag;
use crate::oci::sink::{
    AttachedImage, BlobWriter, NamedImage, ReportBytes, Sink, SourceBlob, StoreSink,
    TransferOutcome,
};

/// Publishes one image under a name of its own, whatever names it has elsewhere.
pub struct RenamingSink<'a> {
    /// Receives the image.
    pub inner: Box<dyn StoreSink + 'a>,
    /// Name that the image gets.
    pub name: LayoutName,
}

impl std::fmt::Debug for RenamingSink<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RenamingSink").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Sink for RenamingSink<'_> {
    fn has_blob(
        &self,
        digest: Digest,
        size: u64,
        names: &[Reference],
        poll: &ReportBytes<'_>,
    ) -> Result<bool, StorageError> {
        self.inner.has_blob(digest, size, names, poll)
    }

    fn start_blob(
        &self,
        len: u64,
        names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError> {
        self.inner.start_blob(len, names)
    }

    fn put_blob(
        &self,
        blob: &SourceBlob<'_>,
        names: &[Reference],
        advanced: &ReportBytes<'_>,
    ) -> Result<TransferOutcome, StorageError> {
        self.inner.put_blob(blob, names, advanced)
    }

    fn put_document(&self, document: &Document, names: &[Reference]) -> Result<(), StorageError> {
        self.inner.put_document(document, names)
    }

    fn check_subject(&self, subject: Digest, names: &[Reference]) -> Result<(), StorageError> {
        self.inner.check_subject(subject, names)
    }

    fn find_attachment(
        &self,
        name: Option<&Reference>,
        tag: &Tag,
    ) -> Result<Option<Document>, StorageError> {
        self.inner.find_attachment(name, tag)
    }

    fn list_referrers(
        &self,
        name: Option<&Reference>,
        subject: Digest,
    ) -> Result<Vec<Descriptor>, StorageError> {
        self.inner.list_referrers(name, subject)
    }

    fn open_blob_file(&self, digest: Digest, size: u64) -> Option<File> {
        self.inner.open_blob_file(digest, size)
    }

    fn attach(&self, attached: &[AttachedImage]) -> Result<(), StorageError> {
        self.inner.attach(attached)
    }

    fn publish(&self, images: &[NamedImage]) -> Result<(), StorageError> {
        let Some(first) = images.first() else { return self.inner.publish(images) };
        if images.iter().any(|other| other.image.digest() != first.image.digest()) {
            let problem = "is one name, and there are several images".to_owned();
            return Err(StorageError::Unexpected { path: self.name.to_string(), problem });
        }
        self.inner.publish(&[NamedImage::in_layout(first.image.clone(), &self.name)])
    }

    fn max_parallel_blobs(&self) -> usize {
        self.inner.max_parallel_blobs()
    }
}

impl StoreSink for RenamingSink<'_> {
    fn open_blob(
        &self,
        digest: Digest,
        size: u64,
        at: u64,
    ) -> Result<Box<dyn Read + '_>, StorageError> {
        self.inner.open_blob(digest, size, at)
    }
}
