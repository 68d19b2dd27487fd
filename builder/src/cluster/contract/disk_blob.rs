//! What is known of the *blob* of a layer that is a disk, in no tar.

use super::ContractRule;
use crate::disk::DiskInfo;

/// What was seen of the blob of a layer that is a disk.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DiskBlobFacts {
    /// It is not the one that the manifest names, or cannot be read.
    Broken {
        /// The rule that it breaks.
        rule: &'static ContractRule,
        /// What was found.
        detail: String,
    },
    /// It is the one that the manifest names, and its compression is not that of its kind of artifact.
    Compression(String),
    /// It is the one that the manifest names.
    Sound(DiskInfo),
}
