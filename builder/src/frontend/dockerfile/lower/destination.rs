//! The *destination* of COPY and ADD: a path in the stage as it is written, and where it leads in
//! the tree that the stage has so far.

use crate::frontend::dockerfile::tree::{Follow, Tree, TreeError, TreeNodeKind};
use crate::recipe::path::join;

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    /// Absolute or relative to the working directory.
    path: String,
    kind: Kind,
}

/// What the writing of a destination says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It ends with a slash, or with a dot behind one.
    Directory,
    /// It depends on what is there.
    Any,
}

impl Destination {
    pub(super) fn new(text: &str) -> Self {
        let is_directory = text.ends_with('/') || matches!(text, "." | "..");
        let is_directory = is_directory || text.ends_with("/.") || text.ends_with("/..");
        let kind = if is_directory { Kind::Directory } else { Kind::Any };
        Self { path: text.to_owned(), kind }
    }

    /// Returns where the destination itself leads; whether there is anything does not matter.
    pub(super) fn resolve(&self, tree: &Tree, workdir: &str) -> Result<String, TreeError> {
        let is_absolute = self.path.starts_with('/');
        let path = if is_absolute { self.path.clone() } else { format!("{workdir}/{}", self.path) };
        Ok(tree.resolve("", &path, Follow::Yes)?.path)
    }

    /// Returns where a file of this name comes to stand.
    pub(super) fn of_file(
        &self,
        tree: &Tree,
        workdir: &str,
        name: &str,
    ) -> Result<String, TreeError> {
        let path = self.resolve(tree, workdir)?;
        if self.is_directory(tree, &path) { Ok(join(&path, name)) } else { Ok(path) }
    }

    /// Tells whether files go into it and not in its place; `path` is where it leads.
    pub(super) fn is_directory(&self, tree: &Tree, path: &str) -> bool {
        let is_there = tree.get(path).is_some_and(|node| node.kind == TreeNodeKind::Directory);
        self.kind == Kind::Directory || is_there
    }

    /// Returns it as it was written, with a slash at its end.
    pub(super) fn as_directory(&self) -> String {
        format!("{}/", self.path.trim_end_matches('/'))
    }
}
