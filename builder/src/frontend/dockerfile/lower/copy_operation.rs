//! A *copy operation* puts one source of COPY or ADD into the tree of a stage, with the rules of
//! BuildKit (`solver/llbsolver/file`, tonistiigi/fsutil `copy/copy.go`).

use super::attributes::{CopyAttributes, PriorLocation};
use super::destination::Destination;
use super::origin::{CopyOrigin, FoundSource};
use crate::cluster::contract::is_disk;
use crate::frontend::dockerfile::pattern::IgnoreFile;
use crate::frontend::dockerfile::tree::{FileNode, Tree, TreeError, TreeNode, TreeNodeKind};
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
    /// Number of the source: only files of one source are hard links of each other.
    pub(super) number: u64,
    /// Position of the source in the Dockerfile.
    pub(super) at: &'a Span,
}

impl CopyOperation<'_> {
    /// Copies a source: the contents of a directory, or one file or link. Returns the number of
    /// files and links that were copied by their own names.
    pub(super) fn copy(&self, found: &FoundSource, tree: &mut Tree) -> Result<usize, TreeError> {
        let Some(node) = self.origin.node_at(&found.path, self.at) else { return Ok(0) };
        if node.kind != TreeNodeKind::Directory {
            return self.copy_file(found, &node, tree).map(|()| 1);
        }
        self.copy_contents(&found.path, |_| true, tree).map(|_| 0)
    }

    /// Copies what the pattern of `--parents` selects in a directory, with the directories above it.
    /// Returns whether anything was selected.
    pub(super) fn copy_selected(
        &self,
        directory: &str,
        selection: &IgnoreFile,
        tree: &mut Tree,
    ) -> Result<bool, TreeError> {
        self.copy_contents(directory, |path| selection.is_ignored(path), tree)
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

    /// Copies the selected contents of a directory to the destination. One that exists keeps its
    /// owner and mode. Returns whether anything was selected.
    fn copy_contents(
        &self,
        from: &str,
        is_selected: impl Fn(&str) -> bool,
        tree: &mut Tree,
    ) -> Result<bool, TreeError> {
        let target = self.destination.resolve(tree, self.workdir)?;
        self.attributes.make_directory(tree, &target)?;
        let mut any = false;
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
            if is_selected(relative) {
                any = true;
                self.copy_parents(from, relative, &target, tree)?;
                self.put_node(tree, &join(&target, relative), path, &node)?;
            }
        }
        Ok(any)
    }

    /// Copies the missing directories above a path that is copied.
    fn copy_parents(
        &self,
        from: &str,
        relative: &str,
        target: &str,
        tree: &mut Tree,
    ) -> Result<(), TreeError> {
        for (end, _) in relative.match_indices('/') {
            let (path, parent) = (join(from, &relative[..end]), join(target, &relative[..end]));
            if tree.get(&parent).is_none()
                && let Some(node) = self.origin.node_at(&path, self.at)
            {
                self.put_node(tree, &parent, &path, &node)?;
            }
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
}
