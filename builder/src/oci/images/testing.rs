//! Images in memory for tests; they can be malformed.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{ImageOpener, Images};
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::image::location::ImageLocation;
use crate::oci::image::ref_name::RefName;
use crate::oci::image::referrer::AttachedDocument;

/// Images of one location, and the number of blobs that were read from them.
#[derive(Debug, Default)]
pub(crate) struct MemoryImages {
    pub(crate) blobs: BTreeMap<Digest, Vec<u8>>,
    /// Digests by tag.
    pub(crate) names: BTreeMap<String, Digest>,
    pub(crate) asked: AtomicUsize,
}

impl MemoryImages {
    pub(crate) fn put(&mut self, bytes: impl Into<Vec<u8>>) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of_bytes(&bytes);
        self.blobs.insert(digest, bytes);
        digest
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn bytes(&self, digest: Digest) -> Result<&[u8], StorageError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let missing = || StorageError::remote(format!("there is no {digest}"));
        self.blobs.get(&digest).map(Vec::as_slice).ok_or_else(missing)
    }
}

impl Images for &MemoryImages {
    fn find_image(&self, name: &str) -> Result<Option<Document>, StorageError> {
        let digest = name.parse().ok().or_else(|| self.names.get(name).copied());
        match digest {
            Some(digest) => self.read_document(digest),
            None => Ok(None),
        }
    }

    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError> {
        if !self.blobs.contains_key(&digest) {
            return Ok(None);
        }
        let document = Document::parse("", self.bytes(digest)?.to_vec());
        document.map(Some).map_err(StorageError::remote)
    }

    fn open_blob(
        &self,
        digest: Digest,
        _size: u64,
        at: u64,
    ) -> Result<Box<dyn Read + Send + '_>, StorageError> {
        let bytes = self.bytes(digest)?;
        Ok(Box::new(&bytes[usize::try_from(at).unwrap_or(bytes.len())..]))
    }

    fn into_blob_reader<'s>(
        self: Box<Self>,
        digest: Digest,
        _size: u64,
    ) -> Result<Box<dyn Read + Send + 's>, StorageError>
    where
        Self: 's,
    {
        Ok(Box::new(self.bytes(digest)?))
    }

    fn tags(&self) -> Result<Vec<RefName>, StorageError> {
        Ok(self.names.keys().filter_map(|name| name.parse().ok()).collect())
    }

    fn list_referrers(&self, subject: Digest) -> Result<Vec<Descriptor>, StorageError> {
        let documents = self.blobs.values().filter_map(|it| Document::parse("", it.clone()).ok());
        let referrers = documents.filter_map(|it| AttachedDocument::of_document(&it));
        Ok(referrers.filter(|it| it.subject == subject).map(|it| it.descriptor).collect())
    }
}

impl ImageOpener for MemoryImages {
    fn open_images(&self, _location: &ImageLocation) -> Result<Box<dyn Images + '_>, StorageError> {
        Ok(Box::new(self))
    }
}
