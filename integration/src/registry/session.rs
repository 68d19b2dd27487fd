//! A **session** is what an upload has come to so far.

use sha2::Sha256;

/// A blob that is on its way.
#[derive(Debug, Default)]
pub(super) struct UploadSession {
    pub(super) len: u64,
    pub(super) sha256: Sha256,
    pub(super) bytes: Vec<u8>,
    /// Length of the first body.
    pub(super) first: Option<u64>,
    /// Received before the digest was known.
    pub(super) unnamed: u64,
}
