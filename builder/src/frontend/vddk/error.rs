//! Why an archive does not hold a usable kit.

use thiserror::Error;

use super::links::BrokenLink;
use super::node::{KIT_DIRECTORY, LIBRARY_PATH, NODES_MAX};
use crate::oci::tar::TarReadError;

/// Why an archive does not hold a usable kit.
#[derive(Debug, Error)]
pub(crate) enum VddkKitError {
    /// The archive is malformed or truncated.
    #[error(transparent)]
    Archive(#[from] TarReadError),
    /// The archive does not have the kit's directory.
    #[error("there is no directory `{KIT_DIRECTORY}` in it")]
    NoTree,
    /// The kit does not have the library.
    #[error("there is no `{LIBRARY_PATH}` in `{KIT_DIRECTORY}`")]
    NoLibrary,
    /// The library's path resolves to something that is not a file.
    #[error("`{0}`, which should be the library, is not a file")]
    NotAFile(String),
    /// A library is not one, or not for the machines that kits are for.
    #[error("`{0}`, which should be a library for amd64, {1}")]
    NotALibrary(String, String),
    /// A symbolic link became a file when the archive was packed.
    #[error("`{path}`, which should be a link{}, is a small file with its target", to_target(target.as_deref()))]
    LostLink {
        /// Path in the kit.
        path: String,
        /// Target of the link, if it is known.
        target: Option<String>,
    },
    /// A link that has to be followed is broken.
    #[error(transparent)]
    Link(#[from] BrokenLink),
    /// The parent of a file is not a directory.
    #[error("`{0}` is in it, and what it stands in is not a directory")]
    NoDirectory(String),
    /// The archive has too many nodes.
    #[error("there are more than {NODES_MAX} files and directories in it")]
    TooMany,
    /// The kit has a node that users cannot create, or that cannot be copied.
    #[error("`{path}` in it is {what}")]
    Special {
        /// Path in the archive.
        path: String,
        /// What the node is, e.g. `a device`.
        what: &'static str,
    },
}

/// Returns the target of a link in the words of a message, if it is known.
fn to_target(target: Option<&str>) -> String {
    target.map(|target| format!(" to `{target}`")).unwrap_or_default()
}
