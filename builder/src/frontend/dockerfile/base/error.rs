//! Why an image cannot be stood on.

use thiserror::Error;

use super::{LockError, OverlayError};
use crate::oci::error::StorageError;
use crate::oci::image::config::ConfigError;
use crate::oci::image::digest::Digest;
use crate::oci::image::nearest::PlatformNotFound;
use crate::oci::layer_tar::LayerProblem;
use crate::oci::walk::WalkError;

/// What is wrong with a layer of a base.
#[derive(Debug, Error)]
pub enum BaseLayerProblem {
    /// It cannot be used at all.
    #[error(transparent)]
    Layer(#[from] LayerProblem),
    /// It does not fit the layers below.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// With it the image has more files than are read.
    #[error("with it the image has more than {0} files")]
    TooMany(usize),
}

/// What is wrong with a base, or on the way to it.
#[derive(Debug, Error)]
pub enum BaseError {
    /// The place cannot be read.
    #[error("{}", .0.full_message())]
    Storage(#[from] StorageError),
    /// Its documents are not what they should be.
    #[error(transparent)]
    Documents(WalkError),
    /// The lock file does not allow it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// There is no such image.
    #[error("there is no image `{0}`")]
    NotFound(String),
    /// A layout has several images, and none is named.
    #[error("`{0}` does not have exactly one image")]
    Ambiguous(String),
    /// What came for a digest is something else.
    #[error("what came for {expected} has the digest {found}")]
    Digest {
        /// What was asked for.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// A name has a digest that is not of SHA-256.
    #[error("`{0}` is not a sha256 digest")]
    Algorithm(String),
    /// The config is not what it should be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no image for the platform.
    #[error(transparent)]
    Platform(#[from] PlatformNotFound),
    /// Layers are of a kind that is not read.
    #[error("the layer {digest} cannot be used: {why} (`{media_type}`)")]
    MediaType {
        /// Of the layer.
        digest: Digest,
        /// As the manifest has it.
        media_type: String,
        /// What that means.
        why: &'static str,
    },
    /// Manifest and config disagree.
    #[error("the manifest has {layers} layers, the config {diff_ids}")]
    Layers {
        /// Of the manifest.
        layers: usize,
        /// Of the config.
        diff_ids: usize,
    },
    /// A layer cannot be used.
    #[error("the layer {digest} cannot be used: {problem}")]
    Layer {
        /// Of the layer.
        digest: Digest,
        /// What is wrong with it.
        problem: BaseLayerProblem,
    },
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl From<WalkError> for BaseError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Storage(error) => Self::Storage(error),
            WalkError::Damaged { expected, found } => Self::Digest { expected, found },
            error => Self::Documents(error),
        }
    }
}

impl BaseError {
    /// Returns what the user can do, where that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Storage(StorageError::Remote { help, .. }) => help.clone(),
            Self::Lock(error) => Some(error.help()),
            Self::NotFound(_) => Some("is its name spelled as where it comes from?".into()),
            Self::Ambiguous(place) => Some(format!("name one of its images: `{place}:TAG`")),
            Self::Platform(_) => Some("choose another with `--platform`, or another base".into()),
            _ => None,
        }
    }
}
