//! Images in memory, for targets that read some.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};

use diskette_builder::oci::error::StorageError;
use diskette_builder::oci::image::digest::Digest;
use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::location::ImageLocation;
use diskette_builder::oci::image::ref_name::RefName;
use diskette_builder::oci::images::{ImageOpener, Images};

/// Blobs and documents by digest.
#[derive(Default)]
pub(crate) struct MemoryImages {
    blobs: BTreeMap<Digest, Vec<u8>>,
    reads: AtomicUsize,
}

impl MemoryImages {
    /// Adds a blob or a document.
    pub(crate) fn put(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of_bytes(&bytes);
        self.blobs.insert(digest, bytes);
        digest
    }

    /// Returns all blobs and documents.
    pub(crate) fn blobs(&self) -> &BTreeMap<Digest, Vec<u8>> {
        &self.blobs
    }

    /// Returns how often something was read.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    fn read(&self, digest: Digest, at: u64) -> Result<&[u8], StorageError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let bytes = self.blobs.get(&digest).ok_or_else(|| StorageError::Unexpected {
            path: digest.to_string(),
            problem: "is missing".into(),
        })?;
        Ok(&bytes[usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()))..])
    }
}

impl Images for &MemoryImages {
    fn find_image(&self, name: &str) -> Result<Option<Document>, StorageError> {
        name.parse().map_or(Ok(None), |digest| self.read_document(digest))
    }

    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError> {
        let Ok(bytes) = self.read(digest, 0) else { return Ok(None) };
        Document::parse("", bytes.to_vec())
            .map(Some)
            .map_err(|problem| StorageError::Unexpected { path: digest.to_string(), problem })
    }

    fn open_blob(
        &self,
        digest: Digest,
        _: u64,
        at: u64,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        Ok(Box::new(self.read(digest, at)?))
    }

    fn into_blob_reader<'s>(
        self: Box<Self>,
        digest: Digest,
        _: u64,
    ) -> Result<Box<dyn Read + Send + 's>, StorageError>
    where
        Self: 's,
    {
        Ok(Box::new(self.read(digest, 0)?))
    }

    fn tags(&self) -> Result<Vec<RefName>, StorageError> {
        Ok(Vec::new())
    }
}

impl ImageOpener for MemoryImages {
    fn open_images(&self, _: &ImageLocation) -> Result<Box<dyn Images + '_>, StorageError> {
        Ok(Box::new(self))
    }
}
