//! What a platform's *manifest* has beside its layers: the config of an image, or that of an artifact.

use std::sync::Arc;

use crate::oci::image::config::ImageConfig;
use crate::oci::image::format::EMPTY_CONFIG;

/// The config of a platform's manifest.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfigRecipe {
    /// An image config: that of the base with all changes. New layers and history are added when
    /// they are finished.
    Image(ImageConfig),
    /// The config of an artifact, which is not an image.
    Artifact(ArtifactConfig),
}

impl ConfigRecipe {
    /// Returns the image config, if the manifest is an image.
    pub fn image(&self) -> Option<&ImageConfig> {
        match self {
            Self::Image(config) => Some(config),
            Self::Artifact(_) => None,
        }
    }

    /// Returns the image config to change it, if the manifest is an image.
    pub fn image_mut(&mut self) -> Option<&mut ImageConfig> {
        match self {
            Self::Image(config) => Some(config),
            Self::Artifact(_) => None,
        }
    }

    /// Returns the artifact type of the manifest, if it is an artifact.
    pub fn artifact_type(&self) -> Option<&str> {
        match self {
            Self::Image(_) => None,
            Self::Artifact(artifact) => Some(&artifact.artifact_type),
        }
    }
}

/// The config of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactConfig {
    /// Artifact type of the manifest and of its index.
    pub artifact_type: String,
    /// Media type of the config.
    pub media_type: String,
    /// The bytes of the config.
    pub bytes: Arc<[u8]>,
}

impl ArtifactConfig {
    /// Returns the config of an artifact that needs none.
    pub fn empty(artifact_type: &str) -> Self {
        let (artifact_type, media_type) = (artifact_type.to_owned(), EMPTY_CONFIG.to_owned());
        Self { artifact_type, media_type, bytes: b"{}".as_slice().into() }
    }
}
