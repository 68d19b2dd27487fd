//! The *destination* of COPY and ADD: a path as written, which is resolved in the tree of the
//! stage.

use crate::frontend::dockerfile::pattern::clean_path;
use crate::frontend::dockerfile::tree::{FollowLast, Tree, TreeError, TreeNodeKind};
use crate::recipe::path::join;

/// The destination of a COPY or ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    /// Path, absolute or relative to the working directory.
    path: String,
    kind: DestinationKind,
}

/// What the form of a destination says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DestinationKind {
    /// It is empty or ends with a slash or `.`, and so is a directory.
    Directory,
    /// It depends on what exists there.
    Any,
}

impl Destination {
    /// Returns the destination with this text; without one it is the working directory.
    pub(super) fn new(text: &str) -> Self {
        let is_directory = matches!(text, "" | ".") || text.ends_with('/') || text.ends_with("/.");
        let kind = if is_directory { DestinationKind::Directory } else { DestinationKind::Any };
        Self { path: text.to_owned(), kind }
    }

    /// Returns the resolved path of the destination, which need not exist. `..` removes the part
    /// before it, whatever that is in the stage; only then are links followed (moby/buildkit
    /// `util/system/path.go`, `NormalizePath`).
    pub(super) fn resolve(&self, tree: &Tree, workdir: &str) -> Result<String, TreeError> {
        let is_absolute = self.path.starts_with('/');
        let path = if is_absolute { self.path.clone() } else { format!("{workdir}/{}", self.path) };
        Ok(tree.resolve("", &clean_path(&path), FollowLast::Yes)?.path)
    }

    /// Returns the path that a file of this name is copied to.
    pub(super) fn file_path(
        &self,
        tree: &Tree,
        workdir: &str,
        name: &str,
    ) -> Result<String, TreeError> {
        let path = self.resolve(tree, workdir)?;
        if self.is_directory(tree, &path) { Ok(join(&path, name)) } else { Ok(path) }
    }

    /// Returns whether files are copied into the destination, and do not replace it; `path` is its
    /// resolved path.
    pub(super) fn is_directory(&self, tree: &Tree, path: &str) -> bool {
        let is_there = tree.get(path).is_some_and(|node| node.kind == TreeNodeKind::Directory);
        self.kind == DestinationKind::Directory || is_there
    }
}
