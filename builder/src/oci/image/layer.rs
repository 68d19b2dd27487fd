//! A finished *layer*: what its blob and the tar in it are called.

use super::digest::Digest;

/// A layer of which every byte has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishedLayer {
    /// Digest of the blob.
    pub digest: Digest,
    /// Length of the blob in bytes.
    pub size: u64,
    /// Digest of the uncompressed tar.
    pub diff_id: Digest,
}
