//! A *sink* takes a finished image: blobs first, in any order, names last. What is not named yet
//! can be lost without harm, so a build that fails leaves every name as it was.

use std::io::{Read, Write};

use crate::oci::image::reference::Reference;
use oci_spec::image::Descriptor;

use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::progress::Advance;

/// Somewhere images are put: a layout, an archive, registries. The `names` are those that the images
/// will have which the blob or document is for; a registry keeps each repository's blobs apart.
pub trait Sink: Sync {
    /// Tells whether a blob is there already, so that it need not be made.
    fn has(&self, digest: Digest, size: u64, names: &[Reference]) -> Result<bool, StorageError>;

    /// Starts a blob whose digest is not known yet; `len` is how long it can become.
    fn start(
        &self,
        len: u64,
        names: &[Reference],
    ) -> Result<Box<dyn BlobWriter + '_>, StorageError>;

    /// Puts a blob that lies somewhere else, unless it exists already. `advanced` receives how many bytes more were moved, and can cancel.
    fn put_blob(
        &self,
        blob: &Blob<'_>,
        names: &[Reference],
        advanced: &Advance<'_>,
    ) -> Result<Moved, StorageError>;

    /// Puts a document.
    fn put(&self, document: &Document, names: &[Reference]) -> Result<(), StorageError>;

    /// Makes names point at images, all at once where that is possible: they are there afterwards,
    /// or none is.
    fn publish(&self, images: &[Named]) -> Result<(), StorageError>;

    /// Returns how many blobs can be under way at one time.
    fn width(&self) -> usize;
}

/// A blob that is being written. Dropped before it is finished, it leaves nothing.
pub trait BlobWriter: Write {
    /// Puts the blob in its place; the digest and size are those of what was written.
    fn finish(&mut self, digest: Digest, size: u64) -> Result<(), StorageError>;

    /// Prepares for the same bytes from the beginning again, after a write or the end failed; tells
    /// whether that makes sense. What is there already is not moved again.
    fn restart(&mut self) -> Result<bool, StorageError> {
        Ok(false)
    }
}

/// A blob that lies somewhere else.
#[derive(Clone, Copy)]
pub struct Blob<'a> {
    /// Of its bytes.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// Its bytes.
    pub source: &'a dyn BlobSource,
    /// The registry's URL and the repository that have it, if it comes from one.
    pub beside: Option<(&'a str, &'a str)>,
}

/// Where a blob lies; it can be read more than once.
pub trait BlobSource: Sync {
    /// Opens it for reading from byte `at` on.
    fn open(&self, at: u64) -> Result<Box<dyn Read + '_>, StorageError>;
}

/// How a blob came to be where it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moved {
    /// It was there.
    There,
    /// It was in the same registry.
    Mounted,
    /// Its bytes were moved.
    Sent,
}

/// An image and the name it shall have.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its index or manifest.
    pub image: Descriptor,
    /// Nothing for an image without a name.
    pub name: Option<Reference>,
    /// What a layout calls it that has no name.
    pub tag: Option<String>,
}

impl Named {
    /// Returns the tag, `latest` where there is no name.
    pub fn tag(&self) -> &str {
        let named = self.name.as_ref().and_then(Reference::tag);
        named.or(self.tag.as_deref()).unwrap_or("latest")
    }
}

impl std::fmt::Debug for Blob<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blob").field("digest", &self.digest).field("size", &self.size).finish()
    }
}
