//! Errors of resolving and changing paths in a tree.

use thiserror::Error;

use super::NODES_MAX;

/// Why a path cannot be resolved, or changed. Paths are shown from the root.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TreeError {
    /// Nothing exists at the path.
    #[error("`/{0}` does not exist")]
    Missing(String),
    /// Something that must be a directory is not.
    #[error("`/{0}` is not a directory")]
    NotADirectory(String),
    /// A directory cannot replace what exists at the path.
    #[error("a directory cannot take the place of `/{0}`, which is none")]
    DirectoryOverFile(String),
    /// A directory exists at the path, and cannot be replaced.
    #[error("`/{0}` is a directory and cannot be replaced")]
    FileOverDirectory(String),
    /// Links form a loop, or are more than the kernel follows.
    #[error("`{0}` leads through too many symbolic links")]
    Loop(String),
    /// The root directory is not part of a layer.
    #[error("mode and owner of the root directory cannot be changed in a layer")]
    Root,
    /// All stages together have more paths than any image needs.
    #[error("the stages would have more than {NODES_MAX} files, directories and links together")]
    TooMany,
    /// The path does not have the form of paths in a layer.
    #[error("{0:?} is not a plain relative path")]
    Path(String),
}
