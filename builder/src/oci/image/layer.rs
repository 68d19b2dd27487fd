//! The digests of a finished *layer*.

use super::digest::Digest;

/// A layer whose blob has been written completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishedLayer {
    /// Digest of the blob.
    pub digest: Digest,
    /// Length of the blob in bytes.
    pub size: u64,
    /// Digest of the uncompressed tar.
    pub diff_id: Digest,
}
