//! Why a tree cannot be what somebody wants it to be.

use thiserror::Error;

/// Why a path cannot be resolved, or changed. Paths are shown from the root.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TreeError {
    /// There is nothing.
    #[error("`/{0}` does not exist")]
    Missing(String),
    /// Something that must be a directory is not.
    #[error("`/{0}` is not a directory")]
    NotADirectory(String),
    /// A directory cannot take the place of what is there.
    #[error("a directory cannot take the place of `/{0}`, which is none")]
    DirectoryOverFile(String),
    /// A directory is there.
    #[error("`/{0}` is a directory and cannot be replaced")]
    FileOverDirectory(String),
    /// Links lead to each other, or are more than the kernel follows.
    #[error("`{0}` leads through too many symbolic links")]
    Loop(String),
    /// Layers hold directories, files and links.
    #[error("`/{0}` is a device or a pipe, which is not put into layers")]
    Special(String),
    /// The root directory is not part of a layer.
    #[error("mode and owner of the root directory cannot be changed in a layer")]
    Root,
    /// No path as they stand in a layer.
    #[error("{0:?} is not a plain relative path")]
    Path(String),
}
