//! The *source* of a walk: images, or a cache in front of them.

use std::io::Read as _;

use super::error::WalkError;
use super::limits::DocumentLimits;
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::Document;
use crate::oci::images::Images;

/// A source of documents.
pub(crate) trait DocumentSource {
    /// Returns a manifest or index, if it exists.
    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError>;

    /// Returns the bytes of a config, checked against its digest.
    fn read_config(
        &self,
        config: &Descriptor,
        limits: &DocumentLimits,
    ) -> Result<Vec<u8>, WalkError>;
}

impl DocumentSource for &(dyn Images + '_) {
    fn read_document(&self, digest: Digest) -> Result<Option<Document>, StorageError> {
        Images::read_document(*self, digest)
    }

    fn read_config(
        &self,
        config: &Descriptor,
        limits: &DocumentLimits,
    ) -> Result<Vec<u8>, WalkError> {
        let &Descriptor { digest, size, .. } = config;
        let wrong = |why: &str| WalkError::Unusable(digest, why.into());
        if size > limits.config {
            return Err(wrong(&format!("a config is not longer than {} MiB", limits.config >> 20)));
        }
        let mut bytes = Vec::new();
        let read = self.open_blob(digest, size, 0)?.take(size + 1).read_to_end(&mut bytes);
        read.map_err(StorageError::io("read", digest.to_string()))?;
        if bytes.len() as u64 != size {
            return Err(wrong("it has not the size that its manifest gives"));
        }
        match Digest::of_bytes(&bytes) {
            found if found == digest => Ok(bytes),
            found => Err(WalkError::Damaged { expected: digest, found }),
        }
    }
}
