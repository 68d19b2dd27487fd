//! *Images* that can be read: from a layout, an archive or a registry.

#[cfg(test)]
pub(crate) mod testing;

use std::io::Read;

use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::location::ImageLocation;
use crate::oci::sink::BlobSource;

/// Where images are read from. Documents have the digest that they are asked for by; blobs are
/// checked by the caller, at their end.
pub trait Images: Sync {
    /// Returns the manifest or index that a tag or a digest names.
    fn find_image(&self, name: &str) -> Result<Option<Document>, StorageError>;

    /// Returns the manifest or index with this digest.
    fn document(&self, digest: Digest) -> Result<Option<Document>, StorageError>;

    /// Opens a blob for reading from byte `at` on.
    fn open_blob(
        &self,
        digest: Digest,
        size: u64,
        at: u64,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError>;

    /// Opens a blob for reading no more than its first `len` bytes.
    fn open_blob_start(
        &self,
        digest: Digest,
        size: u64,
        len: u64,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        Ok(Box::new(self.open_blob(digest, size, 0)?.take(len)))
    }

    /// Opens a blob for reading; the reader owns what it needs.
    fn into_blob_reader<'s>(
        self: Box<Self>,
        digest: Digest,
        size: u64,
    ) -> Result<Box<dyn Read + Send + 's>, StorageError>
    where
        Self: 's;

    /// Returns the only image, if there is only one.
    fn only_image(&self) -> Result<Option<Document>, StorageError> {
        Ok(None)
    }

    /// Returns the names of all images, for messages, whole ones where they are known; nothing for
    /// a registry.
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Returns the whole names that an image has; nothing for a registry.
    fn names_of(&self, _digest: Digest) -> Vec<&str> {
        Vec::new()
    }

    /// Returns the tags of all images.
    fn tags(&self) -> Result<Vec<String>, StorageError>;

    /// Returns the URL of the registry and the name of the repository, if images are read from one.
    fn mount_source(&self) -> Option<(&str, &str)> {
        None
    }
}

/// Opens the images of places: the library itself has neither credentials nor paths.
pub trait ImageOpener: Sync {
    /// Opens the images of a place.
    fn open_images(&self, place: &ImageLocation) -> Result<Box<dyn Images + '_>, StorageError>;
}

/// A blob of images that are read.
pub(crate) struct ImageBlob<'a> {
    pub(crate) images: &'a dyn Images,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

impl BlobSource for ImageBlob<'_> {
    fn open(&self, at: u64) -> Result<Box<dyn Read + '_>, StorageError> {
        Ok(self.images.open_blob(self.digest, self.size, at)?)
    }
}
