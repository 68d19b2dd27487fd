//! A *sink* receives a finished image: blobs first, in any order, then documents, names last. What
//! is not named yet can be lost without harm, so a build that fails leaves every name as it was.

use std::io::{Read, Write};
use std::ops::ControlFlow;

use crate::oci::image::reference::Reference;
use oci_spec::image::Descriptor;

use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;

/// Where images are written: a layout, an archive, registries. `names` are the names of the images
/// that a blob or a document belongs to; a registry keeps the blobs of each repository apart.
pub trait Sink: Sync {
    /// Reports whether a blob exists already, so that it need not be made.
    fn has_blob(
        &self,
        digest: Digest,
        size: u64,
        names: &[Reference],
    ) -> Result<bool, StorageError>;

    /// Starts a blob whose digest is not known yet. `len` is the most that it can become, in bytes.
    fn start_blob(
        &self,
        len: u64,
        names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError>;

    /// Puts a blob that is read from somewhere else, unless it exists already. `advanced` receives
    /// how many bytes more were moved, and can cancel.
    fn put_blob(
        &self,
        blob: &SourceBlob<'_>,
        names: &[Reference],
        advanced: &ReportBytes<'_>,
    ) -> Result<TransferOutcome, StorageError>;

    /// Puts a config, a manifest or an index.
    fn put_document(&self, document: &Document, names: &[Reference]) -> Result<(), StorageError>;

    /// Makes names point at images: where that is possible all names at once, or none.
    fn publish(&self, images: &[NamedImage]) -> Result<(), StorageError>;

    /// Returns how many blobs can be written at a time.
    fn max_parallel_blobs(&self) -> usize;
}

/// Receives how many bytes more of a blob were read. Returns whether to go on.
pub(crate) type ReportBytes<'a> = dyn Fn(u64) -> ControlFlow<()> + Sync + 'a;

/// A blob that is being written. If it is dropped before it is finished, nothing of it stays.
pub trait BlobWriter: Write {
    /// Puts the blob under its digest; digest and size are those of what was written.
    fn finish(&mut self, digest: Digest, size: u64) -> Result<(), StorageError>;

    /// Prepares for the same bytes from the beginning, after a write or the end failed, and reports
    /// whether that makes sense. Bytes that arrived are not moved again.
    fn restart(&mut self) -> Result<bool, StorageError> {
        Ok(false)
    }
}

/// A blob that is read from somewhere else.
#[derive(Clone, Copy)]
pub struct SourceBlob<'a> {
    /// Digest of its bytes.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
    /// Where its bytes are read from.
    pub source: &'a dyn BlobSource,
    /// URL of the registry and name of the repository that have it, if it comes from one.
    pub mount_source: Option<(&'a str, &'a str)>,
}

/// Where a blob is read from, more than once if need be.
pub trait BlobSource: Sync {
    /// Opens the blob for reading from byte `at` on.
    fn open(&self, at: u64) -> Result<Box<dyn Read + '_>, StorageError>;
}

/// What it took to put a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TransferOutcome {
    /// Nothing: it existed.
    Existed,
    /// It was mounted from a repository of the same registry.
    Mounted,
    /// Its bytes were moved.
    Copied,
}

/// An image and the name that it gets.
#[derive(Debug, Clone)]
pub struct NamedImage {
    /// Its index or manifest.
    pub image: Descriptor,
    /// Its name, if it has one.
    pub name: Option<Reference>,
    /// Tag in a layout of an image without a name.
    pub tag: Option<String>,
}

impl NamedImage {
    /// Returns the tag; `latest` for an image without one.
    pub(crate) fn tag(&self) -> &str {
        let named = self.name.as_ref().and_then(Reference::tag);
        named.or(self.tag.as_deref()).unwrap_or("latest")
    }
}

impl std::fmt::Debug for SourceBlob<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blob").field("digest", &self.digest).field("size", &self.size).finish()
    }
}
