//! *Images* that can be read: from a layout, an archive or a registry.

#[cfg(test)]
pub(crate) mod testing;

use std::io::Read;
use std::ops::Range;

use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::location::ImageLocation;
use crate::oci::image::ref_name::RefName;
use crate::oci::image::tag::Tag;
use crate::oci::sink::BlobSource;

/// The images of one layout, archive or repository, for reading. Documents are checked against
/// their digests; the caller checks a blob at its end.
pub trait Images: Sync {
    /// Returns the manifest or index that a tag or a digest names.
    fn find_image(&self, name: &str) -> Result<Option<Document>, StorageError>;

    /// Returns the manifest or index with this digest.
    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError>;

    /// Opens a blob for reading from byte `at` on.
    fn open_blob(
        &self,
        digest: Digest,
        size: u64,
        at: u64,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError>;

    /// Opens a blob for reading no more than these of its bytes.
    fn open_blob_part(
        &self,
        digest: Digest,
        size: u64,
        part: Range<u64>,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        Ok(Box::new(self.open_blob(digest, size, part.start)?.take(part.end - part.start)))
    }

    /// Opens a blob as [`open_blob_part`](Self::open_blob_part) does, and fails where all of it would be
    /// transferred for that.
    fn open_exact_part(
        &self,
        digest: Digest,
        size: u64,
        part: Range<u64>,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        self.open_blob_part(digest, size, part)
    }

    /// Reads a blob as it is from now on, if it was made of parts of other blobs. Returns whether it was.
    fn forget_reused(&self, _digest: Digest) -> bool {
        false
    }

    /// Opens a blob for reading, as a reader that borrows nothing from these images.
    fn into_blob_reader<'s>(
        self: Box<Self>,
        digest: Digest,
        size: u64,
    ) -> Result<Box<dyn Read + Send + 's>, StorageError>
    where
        Self: 's;

    /// Returns the image if there is exactly one, or an index that lists all others.
    fn only_image(&self) -> Result<Option<Document>, StorageError> {
        Ok(None)
    }

    /// Returns the names of all images for messages, full references where they are known. A
    /// registry has none.
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Returns the full references of an image. A registry has none.
    fn names_of(&self, _digest: Digest) -> Vec<&str> {
        Vec::new()
    }

    /// Returns the tags of all images; of a layout or an archive, their names. One that cannot be a
    /// name is an error.
    fn tags(&self) -> Result<Vec<RefName>, StorageError>;

    /// Returns the manifest with a tag that is made of the digest of an image. Most images have none.
    fn find_attachment(&self, tag: &Tag) -> Result<Option<Document>, StorageError> {
        self.find_image(tag.as_str())
    }

    /// Lists the referrers of the image with this digest, as far as they are known here; none if there is no such image.
    /// The artifact type of one can be missing: [`list_referrers`](super::referrers::list_referrers) completes them.
    fn list_referrers(&self, _subject: Digest) -> Result<Vec<Descriptor>, StorageError> {
        Ok(Vec::new())
    }

    /// Returns the URL of the registry and the name of the repository that blobs can be mounted
    /// from, if the images are in a registry.
    fn mount_source(&self) -> Option<(&str, &str)> {
        None
    }
}

/// Opens images by their location: the library itself has neither credentials nor paths.
pub trait ImageOpener: Sync {
    /// Opens the images of a location.
    fn open_images(&self, location: &ImageLocation) -> Result<Box<dyn Images + '_>, StorageError>;

    /// Fails if an image must not be used: its signatures are not those that are required. `root` is the index or manifest
    /// that the location names; nothing that it refers to is used before.
    fn check_root(&self, _location: &ImageLocation, _root: &Document) -> Result<(), StorageError> {
        Ok(())
    }
}

/// A blob of [`Images`], as the source of a transfer.
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
