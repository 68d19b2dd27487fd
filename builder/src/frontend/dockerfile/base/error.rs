//! Errors of loading a base image.

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
    /// The layer cannot be read.
    #[error(transparent)]
    Layer(#[from] LayerProblem),
    /// The layer cannot be applied to the layers below it.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// With this layer the image has more files than the limit.
    #[error("with it the image has more than {0} files")]
    TooMany(usize),
}

/// Why a base image cannot be loaded.
#[derive(Debug, Error)]
pub enum BaseError {
    /// The location of the image cannot be read.
    #[error("{}", .0.full_message())]
    Storage(#[from] StorageError),
    /// A manifest or index is malformed.
    #[error(transparent)]
    Documents(WalkError),
    /// The lock file does not allow the name to be resolved.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The location has no such image.
    #[error("there is no image `{0}`")]
    NotFound(String),
    /// A layout has several images, and none is named.
    #[error("`{0}` does not have exactly one image")]
    Ambiguous(String),
    /// The content received for a digest has another digest.
    #[error("what came for {expected} has the digest {found}")]
    Digest {
        /// Digest that was requested.
        expected: Digest,
        /// Digest of the bytes received.
        found: Digest,
    },
    /// A name has a digest other than SHA-256.
    #[error("`{0}` is not a sha256 digest")]
    Algorithm(String),
    /// The config is malformed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The index has no image for the platform.
    #[error(transparent)]
    Platform(#[from] PlatformNotFound),
    /// A layer has a media type that is not supported.
    #[error("the layer {digest} cannot be used: {why} (`{media_type}`)")]
    MediaType {
        /// Digest of the layer.
        digest: Digest,
        /// Media type in the manifest.
        media_type: String,
        /// Reason the type is not supported.
        why: &'static str,
    },
    /// The manifest and the config disagree on the number of layers.
    #[error("the manifest has {layers} layers, the config {diff_ids}")]
    Layers {
        /// Number of layers in the manifest.
        layers: usize,
        /// Number of `diff_ids` in the config.
        diff_ids: usize,
    },
    /// A layer cannot be used.
    #[error("the layer {digest} cannot be used: {problem}")]
    Layer {
        /// Digest of the layer.
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
    /// Returns whether the base may be readable later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Storage(error) if error.is_temporary())
    }

    /// Returns what the user can do, where that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Storage(error) => error.help().map(str::to_owned),
            Self::Lock(error) => Some(error.help()),
            Self::NotFound(_) => Some("is its name spelled as where it comes from?".into()),
            Self::Ambiguous(place) => Some(format!("name one of its images: `{place}:TAG`")),
            Self::Platform(_) => Some("choose another with `--platform`, or another base".into()),
            _ => None,
        }
    }
}
