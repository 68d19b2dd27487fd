//! *Copying* puts what COPY and ADD name into the tree of a stage, with the rules of BuildKit
//! (`solver/llbsolver/file`, tonistiigi/fsutil `copy/copy.go`).

use super::care::{Before, Care};
use super::destination::Destination;
use super::origin::{Match, Origin};
use crate::cluster::contract::is_disk;
use crate::frontend::dockerfile::pattern::IgnoreFile;
use crate::frontend::dockerfile::tree::{
    FileNode, Follow, Tree, TreeError, TreeNode, TreeNodeKind,
};
use crate::recipe::diagnostic::Span;
use crate::recipe::path::{is_below, join, split};

/// One source on its way into a stage.
pub(super) struct Copying<'a> {
    pub(super) origin: &'a Origin<'a>,
    pub(super) destination: &'a Destination,
    /// What a relative destination is relative to.
    pub(super) workdir: &'a str,
    pub(super) care: &'a Care,
    /// `--exclude`.
    pub(super) exclude: &'a IgnoreFile,
    pub(super) parents: Parents,
    /// Its number in the instruction: links join files of one source only.
    pub(super) number: u64,
    /// Where the source is written.
    pub(super) at: &'a Span,
}

/// What becomes of the directories in front of a source's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parents {
    /// They are left out.
    Dropped,
    /// `--parents`: they are made at the destination, all, or those behind the pivot `/./`. This is
    /// how many parts of the source stand in front of it.
    Kept {
        /// Parts in front of the pivot.
        skip: usize,
    },
}

impl Copying<'_> {
    /// Copies a match; the contents of a directory, or one file or link.
    pub(super) fn copy(&self, found: &Match, tree: &mut Tree) -> Result<(), TreeError> {
        let Some(node) = self.origin.node(&found.path, self.at) else { return Ok(()) };
        let is_directory = node.kind == TreeNodeKind::Directory;
        match self.parents {
            Parents::Kept { skip } => self.with_parents(found, &node, skip, tree),
            Parents::Dropped if is_directory => {
                let target = self.destination.resolve(tree, self.workdir)?;
                self.contents(&found.path, &target, tree)
            }
            Parents::Dropped => self.file(found, &node, tree),
        }
    }

    fn file(&self, found: &Match, node: &TreeNode, tree: &mut Tree) -> Result<(), TreeError> {
        let (_, name) = split(&found.named);
        if self.exclude.is_ignored(name) {
            return Ok(());
        }
        let place = self.destination.of_file(tree, self.workdir, name)?;
        self.put(tree, &place, &found.path, node)
    }

    /// Copies what is in a directory. The target keeps its owner and mode if it is there.
    fn contents(&self, from: &str, target: &str, tree: &mut Tree) -> Result<(), TreeError> {
        self.care.make_directory(tree, target)?;
        let mut skipped: Option<&str> = None;
        for (path, node) in self.origin.below(from, self.at) {
            if skipped.is_some_and(|above| is_below(path, above)) {
                continue;
            }
            let relative = if from.is_empty() { path } else { &path[from.len() + 1..] };
            if self.exclude.is_ignored(relative) {
                skipped = self.exclude.is_ignored_whole(relative).then_some(path);
                continue;
            }
            let at = place(&join(target, relative), &node, tree)?;
            self.put(tree, &at, path, &node)?;
        }
        Ok(())
    }

    fn put(
        &self,
        tree: &mut Tree,
        place: &str,
        from: &str,
        node: &TreeNode,
    ) -> Result<(), TreeError> {
        let mut node = node.clone();
        if let TreeNodeKind::File(FileNode { inode: Some(inode), .. }) = &mut node.kind {
            inode.0 = inode.0.wrapping_add(self.number << 32);
        }
        let is_stage = !matches!(self.origin, Origin::Context { .. });
        let before = if is_stage && is_disk(from) { Before::Disk } else { Before::Elsewhere };
        self.care.put_from(before, tree, place, &node)
    }

    fn with_parents(
        &self,
        found: &Match,
        node: &TreeNode,
        skip: usize,
        tree: &mut Tree,
    ) -> Result<(), TreeError> {
        let kept: Vec<&str> = found.named.split('/').skip(skip).collect();
        let mut target = self.destination.resolve(tree, self.workdir)?;
        self.care.make_directory(tree, &target)?;
        let (name, above) = kept.split_last().unwrap_or((&"", &[]));
        let mut from: Vec<&str> = found.named.split('/').take(skip).collect();
        for part in above {
            from.push(part);
            let place = tree.resolve("", &join(&target, part), Follow::Yes)?.path;
            if tree.get(&place).is_none()
                && let Some(parent) = self.origin.node(&from.join("/"), self.at)
                && parent.kind == TreeNodeKind::Directory
            {
                self.care.put(tree, &place, &parent)?;
            }
            target = place;
        }
        let place = join(&target, name);
        if node.kind != TreeNodeKind::Directory {
            return self.care.put(tree, &place, node);
        }
        let place = tree.resolve("", &place, Follow::Yes)?.path;
        if tree.get(&place).is_none() {
            self.care.put(tree, &place, node)?;
        }
        self.contents(&found.path, &place, tree)
    }
}

/// Returns where something below the target comes to stand: a directory that is a link in the
/// stage is where the link leads, as `/bin` on a system that has merged it with `/usr/bin`.
fn place(path: &str, node: &TreeNode, tree: &Tree) -> Result<String, TreeError> {
    let follow = match node.kind {
        TreeNodeKind::Directory => Follow::Yes,
        _ => Follow::No,
    };
    Ok(tree.resolve("", path, follow)?.path)
}
