//! Why the documents of an image cannot be read.

use thiserror::Error;

use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;

/// Why the documents of an image cannot be read.
#[derive(Debug, Error)]
pub enum WalkError {
    /// A document cannot be read from where it is.
    #[error("{}", .0.full_message())]
    Storage(#[from] StorageError),
    /// A document does not exist that another names.
    #[error("the image names {0}, which is not there")]
    Missing(Digest),
    /// A document is not the one that was asked for.
    #[error("the document {expected} cannot be used: it is damaged: its bytes have another digest")]
    Damaged {
        /// Digest that was asked for.
        expected: Digest,
        /// Digest of what was read.
        found: Digest,
    },
    /// A document is malformed, or exceeds a limit, which the text names.
    #[error("the document {0} cannot be used: {1}")]
    Unusable(Digest, String),
}
