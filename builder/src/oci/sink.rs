//! A *sink* receives a finished image: blobs first, in any order, then documents, names last. A
//! build that fails leaves every name as it was; blobs and documents without a name do no harm.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::oci::image::ref_name::{LayoutName, RefName};
use crate::oci::image::reference::Reference;
use oci_spec::image::Descriptor;

use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor as ReferrerDescriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::tag::Tag;

/// A destination of images: a layout, an archive or registries. `names` are the names of the images
/// that a blob or a document belongs to; a registry keeps the blobs of each repository apart.
pub trait Sink: Sync {
    /// Returns whether a blob exists already and does not have to be built. A layout reads a blob once
    /// to find out whether it is undamaged; `poll` is called meanwhile with 0 bytes, and can cancel.
    fn has_blob(
        &self,
        digest: Digest,
        size: u64,
        names: &[Reference],
        poll: &ReportBytes<'_>,
    ) -> Result<bool, StorageError>;

    /// Starts a blob whose digest is not known yet. `len` is its largest possible length in bytes.
    fn start_blob(
        &self,
        len: u64,
        names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError>;

    /// Copies a blob from its source, unless it exists already. `advanced` receives the number of
    /// bytes that were copied since the last call, and can cancel.
    fn put_blob(
        &self,
        blob: &SourceBlob<'_>,
        names: &[Reference],
        advanced: &ReportBytes<'_>,
    ) -> Result<TransferOutcome, StorageError>;

    /// Writes a config, a manifest or an index.
    fn put_document(&self, document: &Document, names: &[Reference]) -> Result<(), StorageError>;

    /// Fails if the image that others are to refer to does not exist where images of these names are written to. It may
    /// be missing in a layout or an archive.
    fn check_subject(&self, _subject: Digest, _names: &[Reference]) -> Result<(), StorageError> {
        Ok(())
    }

    /// Returns what has a tag that is made of the digest of an image at the destination, in the repository of a name; none
    /// too where that cannot be read. In a layout such a tag means the same for all repositories.
    fn find_attachment(
        &self,
        _name: Option<&Reference>,
        _tag: &Tag,
    ) -> Result<Option<Document>, StorageError> {
        Ok(None)
    }

    /// Lists the referrers of an image at the destination, in the repository of a name; none where that cannot be read.
    fn list_referrers(
        &self,
        _name: Option<&Reference>,
        _subject: Digest,
    ) -> Result<Vec<ReferrerDescriptor>, StorageError> {
        Ok(Vec::new())
    }

    /// Opens the file of a blob, if this machine has one with this name and size; it can be damaged.
    fn open_blob_file(&self, _digest: Digest, _size: u64) -> Option<File> {
        None
    }

    /// Returns the sinks that this one writes to, if there are two. Each has attachments of its own.
    fn parts(&self) -> Option<[&dyn Sink; 2]> {
        None
    }

    /// Makes attachments that were written belong to their images, before the names of these are published.
    fn attach(&self, attached: &[AttachedImage]) -> Result<(), StorageError>;

    /// Makes names refer to images: where possible all at once, or none.
    fn publish(&self, images: &[NamedImage]) -> Result<(), StorageError>;

    /// Returns the number of blobs that can be written at a time.
    fn max_parallel_blobs(&self) -> usize;
}

/// Calls a function for each destination that a sink writes to.
pub(crate) fn for_each_part<E>(
    sink: &dyn Sink,
    act: &mut dyn FnMut(&dyn Sink) -> Result<(), E>,
) -> Result<(), E> {
    match sink.parts() {
        None => act(sink),
        Some(parts) => parts.into_iter().try_for_each(|part| for_each_part(part, act)),
    }
}

/// A sink on this machine, whose blobs can be read again.
pub trait StoreSink: Sink {
    /// Opens a blob that was written, for reading from byte `at` on.
    fn open_blob(
        &self,
        digest: Digest,
        size: u64,
        at: u64,
    ) -> Result<Box<dyn Read + '_>, StorageError>;
}

/// Receives the number of bytes of a blob that were read since the last call. Returns whether to
/// continue.
pub(crate) type ReportBytes<'a> = dyn Fn(u64) -> ControlFlow<()> + Sync + 'a;

/// Writes all slices with as few calls as the system allows, without copying them.
pub(crate) fn write_slices(
    writer: &mut (impl Write + ?Sized),
    slices: &mut [IoSlice<'_>],
) -> io::Result<()> {
    let mut left = slices;
    // Leading empty slices are skipped: a call that writes none of them would count as a failure.
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match writer.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut left, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A blob that is being written. It is discarded if it is dropped before it is finished.
pub trait BlobWriter: Write {
    /// Completes the blob. `digest` and `size` are those of the bytes that were written.
    fn finish(&mut self, digest: Digest, size: u64) -> Result<(), StorageError>;

    /// Prepares to receive the same bytes from the beginning, after a write or the completion
    /// failed. Returns whether the writer supports that. Bytes that have arrived are not sent
    /// again.
    fn restart(&mut self) -> Result<bool, StorageError> {
        Ok(false)
    }
}

/// A blob that is copied from a source.
#[derive(Clone, Copy)]
pub struct SourceBlob<'a> {
    /// Digest of its bytes.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
    /// Source of its bytes.
    pub source: &'a dyn BlobSource,
    /// URL of the registry and name of the repository that it can be mounted from, if it comes from
    /// a registry.
    pub mount_source: Option<(&'a str, &'a str)>,
}

/// Source of a blob, which can be read several times.
pub trait BlobSource: Sync {
    /// Opens the blob for reading from byte `at` on.
    fn open(&self, at: u64) -> Result<Box<dyn Read + '_>, StorageError>;
}

/// How a blob came into a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TransferOutcome {
    /// The blob existed already.
    Existed,
    /// The blob was mounted from another repository of the same registry.
    Mounted,
    /// The bytes of the blob were copied.
    Copied,
}

/// A manifest or an index that belongs to another image.
#[derive(Debug, Clone)]
pub struct AttachedImage {
    /// The manifest or index.
    pub document: Arc<Document>,
    /// Tag by which it is found; none for a referrer, which is found by its subject.
    pub tag: Option<Tag>,
    /// The tag in a repository. Layouts do not use it.
    pub name: Option<Reference>,
}

/// An image and the name under which it is published.
#[derive(Debug, Clone)]
pub struct NamedImage {
    /// Descriptor of its index or manifest.
    pub image: Descriptor,
    /// Its name, if it has one.
    pub name: Option<Reference>,
    /// Tag in a layout if the image has no name.
    pub tag: Option<RefName>,
}

impl NamedImage {
    /// Names an image in a layout or an archive.
    pub(crate) fn in_layout(image: Descriptor, name: &LayoutName) -> Self {
        match name.clone() {
            LayoutName::Full(name) => Self { image, name: Some(name), tag: None },
            LayoutName::Short(tag) => Self { image, name: None, tag: Some(tag) },
        }
    }

    /// Returns the tag, or `latest` for an image without one.
    pub(crate) fn tag(&self) -> &str {
        let named = self.name.as_ref().and_then(Reference::tag);
        named.or(self.tag.as_ref().map(RefName::as_str)).unwrap_or("latest")
    }
}

impl std::fmt::Debug for SourceBlob<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blob").field("digest", &self.digest).field("size", &self.size).finish()
    }
}
