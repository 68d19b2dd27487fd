//! Why an image could not be copied, or its parts not be found.

use thiserror::Error;

use crate::oci::error::StorageError;
use crate::oci::image::nearest::PlatformNotFound;
use crate::oci::walk::WalkError;

/// Why an image could not be copied.
#[derive(Debug, Error)]
pub enum CopyError {
    /// The image could not be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The documents of the image are missing, damaged or malformed.
    #[error(transparent)]
    Documents(WalkError),
    /// There is no image for the platform.
    #[error(transparent)]
    Platform(#[from] PlatformNotFound),
}

impl From<WalkError> for CopyError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Storage(error) => Self::Storage(error),
            error => Self::Documents(error),
        }
    }
}
