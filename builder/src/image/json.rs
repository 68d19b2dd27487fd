//! A *document* is one of an image's JSON blobs: config, manifest or index. Documents are written
//! canonically (sorted keys, no white space), so that equal content is equal bytes.

use canon_json::CanonicalFormatter;
use oci_spec::image::{Descriptor, DescriptorBuilder, MediaType};
use serde::Serialize;

use super::digest::Digest;

/// A JSON blob and what it is called by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What kind of document it is.
    pub media_type: MediaType,
    /// Canonical JSON.
    pub bytes: Vec<u8>,
    /// Of the bytes.
    pub digest: Digest,
}

impl Document {
    /// Writes a value as a document.
    pub fn new(media_type: MediaType, value: &impl Serialize) -> serde_json::Result<Self> {
        let bytes = canonical(value)?;
        Ok(Self { media_type, digest: Digest::of_bytes(&bytes), bytes })
    }

    /// Returns a descriptor of the document, to be completed.
    pub fn descriptor(&self) -> DescriptorBuilder {
        descriptor(self.media_type.clone(), self.digest, self.bytes.len() as u64)
    }

    /// Returns the document's descriptor with nothing added.
    pub fn plain_descriptor(&self) -> Result<Descriptor, oci_spec::OciSpecError> {
        self.descriptor().build()
    }
}

/// Returns the descriptor of a blob, to be completed.
pub fn descriptor(media_type: MediaType, digest: Digest, size: u64) -> DescriptorBuilder {
    DescriptorBuilder::default().media_type(media_type).digest(digest.to_oci()).size(size)
}

/// Returns a value as canonical JSON.
pub fn canonical(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut serializer =
        serde_json::Serializer::with_formatter(&mut bytes, CanonicalFormatter::new());
    value.serialize(&mut serializer)?;
    Ok(bytes)
}
