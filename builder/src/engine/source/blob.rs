//! *Blobs* of images as sources: they are found when the recipe is opened, and opened when they are read.

use std::fmt;
use std::io::Read;

use super::raw::RawStream;
use super::{SourceErrorKind, SourceIdentity};
use crate::compression::CompressionFormat;
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::location::ImageLocation;
use crate::oci::images::ImageOpener;
use crate::recipe::Checksum;

/// A blob of an image.
#[derive(Clone, Copy)]
pub(super) struct ImageBlob<'a> {
    pub(super) images: &'a dyn ImageOpener,
    /// Location of the image; the blob is found by its digest.
    pub(super) location: &'a ImageLocation,
    pub(super) digest: Digest,
    /// Length of the blob in bytes.
    pub(super) size: u64,
}

impl<'a> ImageBlob<'a> {
    /// Opens the blob for reading from its beginning.
    pub(super) fn open(&self) -> Result<Box<dyn Read + Send + 'a>, StorageError> {
        self.images.open_images(self.location)?.into_blob_reader(self.digest, self.size)
    }

    /// Opens the blob as a stream.
    pub(super) fn stream(&self) -> Result<RawStream<'a>, SourceErrorKind> {
        Ok(RawStream::from_reader(self.open()?))
    }

    /// Returns the checksum of the blob.
    pub(super) fn checksum(&self) -> Checksum {
        Checksum::Sha256(self.digest.to_hex())
    }

    /// Returns what identifies the content that is decompressed from the blob.
    pub(super) fn identity(&self, compression: Option<CompressionFormat>) -> SourceIdentity {
        let blob = SourceIdentity::from_digest(self.digest);
        match compression {
            Some(compression) => SourceIdentity::Decompressed(Box::new(blob), compression),
            None => blob,
        }
    }
}

impl fmt::Debug for ImageBlob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digest.fmt(f)
    }
}
