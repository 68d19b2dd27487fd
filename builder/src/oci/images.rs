//! *Images* that lie somewhere and can be read: in a layout, in an archive, in a
//! registry.

#[cfg(test)]
pub(crate) mod testing;

use std::io::Read;

use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::place::Place;
use crate::oci::sink::BlobSource;

/// Somewhere images can be read from. Documents are what their digests say; blobs are checked by
/// whoever has read them to the end.
pub trait Images: Sync {
    /// Returns the manifest or index that has a name: a tag, or a digest.
    fn find(&self, name: &str) -> Result<Option<Document>, StorageError>;

    /// Returns a manifest or index.
    fn document(&self, digest: Digest) -> Result<Option<Document>, StorageError>;

    /// Opens a blob for reading from byte `at` on.
    fn blob(
        &self,
        digest: Digest,
        size: u64,
        at: u64,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError>;

    /// Opens a blob for reading no more than its first `len` bytes.
    fn start(
        &self,
        digest: Digest,
        size: u64,
        len: u64,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        Ok(Box::new(self.blob(digest, size, 0)?.take(len)))
    }

    /// Opens a blob for reading, and keeps what is needed for that.
    fn into_blob<'s>(
        self: Box<Self>,
        digest: Digest,
        size: u64,
    ) -> Result<Box<dyn Read + Send + 's>, StorageError>
    where
        Self: 's;

    /// Returns the image of a place that has only one.
    fn only(&self) -> Result<Option<Document>, StorageError> {
        Ok(None)
    }

    /// Returns the names of all images, for messages, where the place itself knows them: whole ones
    /// where it can.
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Returns the whole names that an image has, where the place itself knows them.
    fn names_of(&self, _digest: Digest) -> Vec<&str> {
        Vec::new()
    }

    /// Returns the tags of all images.
    fn tags(&self) -> Result<Vec<String>, StorageError>;

    /// Returns the registry's URL and the repository, where that is where the images are.
    fn beside(&self) -> Option<(&str, &str)> {
        None
    }
}

/// Opens the images of places: the library itself knows neither registries' credentials nor paths.
pub trait Places: Sync {
    /// Returns the images that are where this place is.
    fn images(&self, place: &Place) -> Result<Box<dyn Images + '_>, StorageError>;
}

/// One blob of some images.
pub(crate) struct ImageBlob<'a> {
    pub(crate) images: &'a dyn Images,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

impl BlobSource for ImageBlob<'_> {
    fn open(&self, at: u64) -> Result<Box<dyn Read + '_>, StorageError> {
        Ok(self.images.blob(self.digest, self.size, at)?)
    }
}
