//! The *limits* of a walk: how much of an image is read.

use crate::oci::image::json::DOCUMENT_LEN_MAX;

/// How much of an image is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DocumentLimits {
    /// How many indexes may stand in one another.
    pub(crate) depth: usize,
    /// How many different manifests and indexes there may be.
    pub(crate) documents: usize,
    /// How many entries all indexes may have that are listed; those of an index that is named twice
    /// count twice.
    pub(crate) entries: usize,
    /// How long manifests, indexes and configs may be together, in bytes: they are kept in memory.
    /// One that is listed twice counts twice.
    pub(crate) bytes: usize,
    /// How long a config may be, in bytes.
    pub(crate) config: u64,
    /// How many layers a manifest may have.
    pub(crate) layers: usize,
}

impl Default for DocumentLimits {
    /// More than any known image has.
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
