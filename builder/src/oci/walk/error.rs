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
    /// A document that another refers to does not exist.
    #[error("the image names {0}, which is not there")]
    Missing(Digest),
    /// The bytes of a document have another digest.
    #[error("the document {expected} cannot be used: it is damaged: its bytes have another digest")]
    Damaged {
        /// Digest that refers to the document.
        expected: Digest,
        /// Digest of the bytes.
        found: Digest,
    },
    /// A document is malformed, or exceeds a limit, which the text names.
    #[error("the document {0} cannot be used: {1}")]
    Unusable(Digest, String),
}
