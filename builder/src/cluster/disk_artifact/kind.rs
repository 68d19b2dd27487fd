//! The *kinds* of artifacts.

use super::ARTIFACT_TYPE;
use crate::recipe::{PlatformRecipe, Recipe};

/// A kind of artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArtifactKind {
    /// A virtual machine with its disks.
    Vm,
    /// A disk.
    Disk,
}

impl ArtifactKind {
    /// Returns the kind of artifact that the recipe of a platform is of; nothing if it is of an image.
    pub fn of(platform: &PlatformRecipe) -> Option<Self> {
        let artifact_type = platform.config.artifact_type()?;
        Some(if artifact_type == ARTIFACT_TYPE { Self::Disk } else { Self::Vm })
    }

    /// Returns the kind of artifact in a recipe that has one.
    pub fn of_recipe(recipe: &Recipe) -> Option<Self> {
        recipe.platforms.iter().find_map(Self::of)
    }

    /// Returns the kind with its article, for a message.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Vm => "a VM artifact",
            Self::Disk => "a disk artifact",
        }
    }
}
