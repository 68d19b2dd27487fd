//! The *limits* of a walk over the documents of an image.

use crate::oci::image::json::DOCUMENT_LEN_MAX;

/// Limits of what is read of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DocumentLimits {
    /// Depth of nested indexes.
    pub(crate) depth: usize,
    /// Number of different manifests and indexes.
    pub(crate) documents: usize,
    /// Number of entries of all indexes; those of an index that occurs twice count twice.
    pub(crate) entries: usize,
    /// Length of all manifests, indexes and configs together, in bytes: they are kept in memory.
    /// One that is listed twice counts twice.
    pub(crate) bytes: usize,
    /// Length of a config in bytes.
    pub(crate) config: u64,
    /// Number of layers of a manifest.
    pub(crate) layers: usize,
}

impl Default for DocumentLimits {
    /// Returns limits that no known image exceeds.
    fn default() -> Self {
        Self {
            depth: 3,
            documents: 1000,
            entries: 1000,
            bytes: 16 << 20,
            config: DOCUMENT_LEN_MAX,
            layers: 10_000,
        }
    }
}
