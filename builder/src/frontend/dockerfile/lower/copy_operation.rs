//! A *copy operation* puts one source of COPY or ADD into the tree of a stage, with the rules of
//! BuildKit (`solver/llbsolver/file`, tonistiigi/fsutil `copy/copy.go`).

use super::attributes::{CopyAttributes, PriorLocation};
use super::destination::Destination;
use super::origin::{CopyOrigin, FoundSource};
use crate::cluster::contract::is_disk;
use crate::frontend::dockerfile::pattern::IgnoreFile;
use crate::frontend::dockerfile::tree::{
    FileNode, FollowLast, Tree, TreeError, TreeNode, TreeNodeKind,
};
use crate::recipe::diagnostic::Span;
use crate::recipe::path::{is_below, join, split};

/// One source that is copied into a stage.
pub(super) struct CopyOperation<'a> {
    pub(super) origin: &'a CopyOrigin<'a>,
    pub(super) destination: &'a Destination,
    /// Directory that a relative destination is relative to.
    pub(super) workdir: &'a str,
    pub(super) attributes: &'a CopyAttributes,
    /// Patterns of `--exclude`.
    pub(super) exclude: &'a IgnoreFile,
    pub(super) parents: ParentDirectories,
    /// Number of the source: only files of one source are hard links of each other.
    pub(super) number: u64,
    /// Position of the source in the Dockerfile.
    pub(super) at: &'a Span,
}

/// What happens to the parent directories in a source's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParentDirectories {
    /// They are dropped.
    Dropped,
    /// `--parents`: they are created at the destination, all, or those after the pivot `/./`.
    Kept {
        /// Number of parts of the source before the pivot.
        skip: usize,
    },
}

impl CopyOperation<'_> {
    /// Copies a source: the contents of a directory, or one file or link.
    pub(super) fn copy(&self, found: &FoundSource, tree: &mut Tree) -> Result<(), TreeError> {
        let Some(node) = self.origin.node_at(&found.path, self.at) else { return Ok(()) };
        let is_directory = node.kind == TreeNodeKind::Directory;
        match self.parents {
            ParentDirectories::Kept { skip } => self.copy_with_parents(found, &node, skip, tree),
            ParentDirectories::Dropped if is_directory => {
                let target = self.destination.resolve(tree, self.workdir)?;
                self.copy_contents(&found.path, &target, tree)
            }
            ParentDirectories::Dropped => self.copy_file(found, &node, tree),
        }
    }

    fn copy_file(
        &self,
        found: &FoundSource,
        node: &TreeNode,
        tree: &mut Tree,
    ) -> Result<(), TreeError> {
        let (_, name) = split(&found.named);
        if self.exclude.is_ignored(name) {
            return Ok(());
        }
        let target = self.destination.file_path(tree, self.workdir, name)?;
        self.put_node(tree, &target, &found.path, node)
    }

    /// Copies the contents of a directory. A target that exists keeps its owner and mode.
    fn copy_contents(&self, from: &str, target: &str, tree: &mut Tree) -> Result<(), TreeError> {
        self.attributes.make_directory(tree, target)?;
        let mut skipped: Option<&str> = None;
        for (path, node) in self.origin.nodes_below(from, self.at) {
            if skipped.is_some_and(|above| is_below(path, above)) {
                continue;
            }
            let relative = if from.is_empty() { path } else { &path[from.len() + 1..] };
            if self.exclude.is_ignored(relative) {
                skipped = self.exclude.is_ignored_whole(relative).then_some(path);
                continue;
            }
            let at = resolve_target(&join(target, relative), &node, tree)?;
            self.put_node(tree, &at, path, &node)?;
        }
        Ok(())
    }

    fn put_node(
        &self,
        tree: &mut Tree,
        target: &str,
        from: &str,
        node: &TreeNode,
    ) -> Result<(), TreeError> {
        let mut node = node.clone();
        if let TreeNodeKind::File(FileNode { inode: Some(inode), .. }) = &mut node.kind {
            inode.0 = inode.0.wrapping_add(self.number << 32);
        }
        let is_stage = !matches!(self.origin, CopyOrigin::Context { .. });
        let before =
            if is_stage && is_disk(from) { PriorLocation::Disk } else { PriorLocation::Elsewhere };
        self.attributes.put_node_from(before, tree, target, &node)
    }

    fn copy_with_parents(
        &self,
        found: &FoundSource,
        node: &TreeNode,
        skip: usize,
        tree: &mut Tree,
    ) -> Result<(), TreeError> {
        let kept: Vec<&str> = found.named.split('/').skip(skip).collect();
        let mut target = self.destination.resolve(tree, self.workdir)?;
        self.attributes.make_directory(tree, &target)?;
        let (name, above) = kept.split_last().unwrap_or((&"", &[]));
        let mut from: Vec<&str> = found.named.split('/').take(skip).collect();
        for part in above {
            from.push(part);
            let path = tree.resolve("", &join(&target, part), FollowLast::Yes)?.path;
            if tree.get(&path).is_none()
                && let Some(parent) = self.origin.node_at(&from.join("/"), self.at)
                && parent.kind == TreeNodeKind::Directory
            {
                self.attributes.put_node(tree, &path, &parent)?;
            }
            target = path;
        }
        let path = join(&target, name);
        if node.kind != TreeNodeKind::Directory {
            return self.attributes.put_node(tree, &path, node);
        }
        let path = tree.resolve("", &path, FollowLast::Yes)?.path;
        if tree.get(&path).is_none() {
            self.attributes.put_node(tree, &path, node)?;
        }
        self.copy_contents(&found.path, &path, tree)
    }
}

/// Returns the path that a node below the target is copied to: a directory that is a link in the
/// stage is copied to where the link leads, as `/bin` on a system that has merged it with
/// `/usr/bin`.
fn resolve_target(path: &str, node: &TreeNode, tree: &Tree) -> Result<String, TreeError> {
    let follow = match node.kind {
        TreeNodeKind::Directory => FollowLast::Yes,
        _ => FollowLast::No,
    };
    Ok(tree.resolve("", path, follow)?.path)
}
