//! A **session** is the state of an upload.

use sha2::Sha256;

/// The received part of a blob.
#[derive(Debug, Default)]
pub(super) struct UploadSession {
    pub(super) len: u64,
    pub(super) sha256: Sha256,
    pub(super) bytes: Vec<u8>,
    /// Length of the first body in bytes.
    pub(super) first: Option<u64>,
    /// Number of bytes received before the digest was known.
    pub(super) unnamed: u64,
}
