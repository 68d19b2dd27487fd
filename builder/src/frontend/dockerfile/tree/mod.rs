//! A *tree* has the files of an image at one point of its build: paths, kinds, modes and owners,
//! and where the content of each file comes from. It records what was changed in it, from which a
//! layer is made.

mod accounts;
mod changes;
mod error;
mod key;
mod mode;
mod node;
mod resolve;
mod stand_in;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::oci::tar::{ExtendedAttributes, Owner};
use crate::recipe::path::{is_below, split};
use crate::recipe::{LayerEntry, SourceRecipe};
use changes::{TreeChange, is_same_file};
use key::{KeyPath, TreeKey, key_behind};
use stand_in::StandIn;

pub use accounts::{Accounts, UserIdentity};
pub(crate) use error::TreeError;
pub(crate) use mode::{ModeChange, ModeSubject, UMASK};
pub use node::{FileNode, Inode, TreeNode, TreeNodeKind};
pub(crate) use resolve::{FollowLast, ResolvedTreePath};

/// The most files, directories and links of all stages of a platform together. A base image has up to
/// a few hundred thousand.
pub(crate) const NODES_MAX: usize = 2_000_000;

/// The first number of inodes that a tree itself makes.
const OWN_INODES: u64 = u64::MAX;

/// Files, directories and links by path. Paths are relative, with `/` between their parts; the
/// empty one is the root directory, which always exists.
#[derive(Debug, Clone)]
pub struct Tree {
    nodes: BTreeMap<TreeKey, TreeNode>,
    changes: BTreeMap<TreeKey, TreeChange>,
    /// The most paths that it may have.
    budget: usize,
    /// Set if it stands for the files of a base that was not loaded.
    stand_in: Option<StandIn>,
}

impl Default for Tree {
    fn default() -> Self {
        let owner = Owner { uid: 0, gid: 0 };
        let root = TreeNode::new(TreeNodeKind::Directory, 0o755, owner);
        Self {
            nodes: BTreeMap::from([(TreeKey::new(""), root)]),
            changes: BTreeMap::new(),
            budget: NODES_MAX,
            stand_in: None,
        }
    }
}

impl Tree {
    /// Returns a root directory with nothing in it, mode 0755, of 0:0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many paths it may have; fails if it has more already.
    pub(crate) fn set_budget(&mut self, budget: usize) -> Result<(), TreeError> {
        self.budget = budget;
        if self.len() > budget { Err(TreeError::TooMany) } else { Ok(()) }
    }

    /// Returns the number of paths, without the root.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len() - 1
    }

    /// Returns the node at exactly this path; no link is followed.
    pub fn get(&self, path: &str) -> Option<&TreeNode> {
        self.nodes.get::<dyn KeyPath>(&path)
    }

    /// Returns the names in a directory with their nodes, in the order of their bytes.
    pub(crate) fn children<'t>(
        &'t self,
        dir: &str,
    ) -> impl Iterator<Item = (&'t str, &'t TreeNode)> + use<'t> {
        self.note_listing(dir);
        let dir = dir.to_owned();
        let mut seen = dir.clone();
        std::iter::from_fn(move || {
            let (path, node) =
                self.nodes_after(&seen).next().filter(|(path, _)| is_below(path, &dir))?;
            seen = key_behind(path);
            Some((split(path).1, node))
        })
    }

    /// Returns the paths below a directory with their nodes: each directory, then everything below
    /// it; otherwise by the bytes of names.
    pub fn below<'t>(
        &'t self,
        dir: &str,
    ) -> impl Iterator<Item = (&'t str, &'t TreeNode)> + use<'t> {
        self.note_listing(dir);
        self.nodes_below(dir)
    }

    /// Returns the same, for what does not depend on the files of a base.
    fn nodes_below<'t>(
        &'t self,
        dir: &str,
    ) -> impl Iterator<Item = (&'t str, &'t TreeNode)> + use<'t> {
        let dir = dir.to_owned();
        self.nodes_after(&dir).take_while(move |(path, _)| is_below(path, &dir))
    }

    fn nodes_after<'t>(
        &'t self,
        path: &str,
    ) -> impl Iterator<Item = (&'t str, &'t TreeNode)> + use<'t> {
        let from = Bound::Excluded::<&dyn KeyPath>(&path);
        let range = self.nodes.range::<dyn KeyPath, _>((from, Bound::Unbounded));
        range.map(|(key, node)| (key.path(), node))
    }

    /// Puts a node at a path whose parent is a directory.
    ///
    /// A file or a link replaces a file or a link. A directory over a directory sets its mode and
    /// owner, and keeps its contents.
    pub(crate) fn put(&mut self, path: &str, node: TreeNode) -> Result<(), TreeError> {
        let old = self.check_put(path, &node)?;
        if old == Some(&node) && node.kind == TreeNodeKind::Directory {
            return Ok(());
        }
        if path.is_empty() {
            return Err(TreeError::Root);
        }
        let change = if old.is_some() { TreeChange::Altered } else { TreeChange::New };
        self.changes.entry(TreeKey::new(path)).or_insert(change);
        self.nodes.insert(TreeKey::new(path), node);
        Ok(())
    }

    /// Puts a node of the layers below: as [`Tree::put`], but it is not recorded as a change, and
    /// the root's mode and owner can be set.
    pub fn put_unrecorded(&mut self, path: &str, node: TreeNode) -> Result<(), TreeError> {
        self.check_put(path, &node)?;
        self.nodes.insert(TreeKey::new(path), node);
        Ok(())
    }

    /// Refuses a node that cannot be put at a path; returns the node that exists there.
    fn check_put(&self, path: &str, node: &TreeNode) -> Result<Option<&TreeNode>, TreeError> {
        check_path(path)?;
        self.check_directory(split(path).0)?;
        let old = self.get(path);
        if old.is_none() && self.len() >= self.budget {
            return Err(TreeError::TooMany);
        }
        let was_directory = old.map(|old| old.kind == TreeNodeKind::Directory);
        match (was_directory, node.kind == TreeNodeKind::Directory) {
            (Some(true), false) => Err(TreeError::FileOverDirectory(path.to_owned())),
            (Some(false), true) => Err(TreeError::DirectoryOverFile(path.to_owned())),
            _ => Ok(old),
        }
    }

    fn check_directory(&self, path: &str) -> Result<(), TreeError> {
        match self.get(path) {
            None => Err(TreeError::Missing(path.to_owned())),
            Some(node) if node.kind == TreeNodeKind::Directory => Ok(()),
            Some(_) => Err(TreeError::NotADirectory(path.to_owned())),
        }
    }

    /// Creates the missing parent directories of `path`.
    pub(crate) fn make_parents(
        &mut self,
        path: &str,
        mode: u32,
        owner: Owner,
    ) -> Result<(), TreeError> {
        for (end, _) in path.match_indices('/') {
            let parent = &path[..end];
            if self.get(parent).is_none() {
                self.put(parent, TreeNode::new(TreeNodeKind::Directory, mode, owner))?;
            }
            self.check_directory(parent)?;
        }
        Ok(())
    }

    /// Removes the node at a path, and everything below it. The root is emptied.
    pub(crate) fn remove(&mut self, path: &str) {
        if path.is_empty() {
            let names: Vec<String> = self.children("").map(|(name, _)| name.to_owned()).collect();
            for name in names {
                self.remove(&name);
            }
            return;
        }
        let Some(node) = self.nodes.remove::<dyn KeyPath>(&path) else { return };
        let below: Vec<TreeKey> = self.below(path).map(|(path, _)| TreeKey::new(path)).collect();
        for key in &below {
            self.nodes.remove(key);
        }
        self.record_removal(path, &node);
    }

    /// Sets the permission bits of a file or directory; a link has none of its own.
    pub(crate) fn set_mode(&mut self, path: &str, mode: u32) -> Result<(), TreeError> {
        self.change_node(path, |node| match node.kind {
            TreeNodeKind::Symlink(_) => {}
            _ => node.mode = mode,
        })
    }

    /// Sets the owner of a node. As in Linux, a file loses its capabilities.
    pub(crate) fn set_owner(&mut self, path: &str, owner: Owner) -> Result<(), TreeError> {
        self.change_node(path, |node| {
            node.owner = owner;
            node.xattrs.remove_capability();
        })
    }

    /// Adds extended attributes to a node.
    pub(crate) fn add_xattrs(
        &mut self,
        path: &str,
        xattrs: &ExtendedAttributes,
    ) -> Result<(), TreeError> {
        self.change_node(path, |node| node.xattrs.extend(xattrs))
    }

    /// Sets the content of a file, whatever name it is reached by. As in Linux, it loses its
    /// capabilities.
    pub(crate) fn set_content(
        &mut self,
        path: &str,
        source: SourceRecipe,
        size: Option<u64>,
    ) -> Result<(), TreeError> {
        let old = self.get(path).ok_or_else(|| TreeError::Missing(path.to_owned()))?;
        let mut node = old.clone();
        if let TreeNodeKind::File(file) = &mut node.kind {
            (file.source, file.size) = (source, size);
            node.xattrs.remove_capability();
        }
        self.replace_node(path, node)
    }

    /// Gives a file a second name.
    pub(crate) fn link(&mut self, path: &str, new: &str) -> Result<(), TreeError> {
        let inodes = self.nodes_below("").filter_map(|(_, node)| match &node.kind {
            TreeNodeKind::File(FileNode { inode: Some(Inode(OWN_INODES, number)), .. }) => {
                Some(*number)
            }
            _ => None,
        });
        let next = inodes.max().map_or(0, |number| number + 1);
        self.change_node(path, |node| {
            if let TreeNodeKind::File(file) = &mut node.kind {
                file.inode.get_or_insert(Inode(OWN_INODES, next));
            }
        })?;
        let node = self.get(path).cloned().ok_or_else(|| TreeError::Missing(path.to_owned()))?;
        // Both names are in the layer, so that one can be a link to the other.
        self.put(path, node.clone())?;
        self.put(new, node)
    }

    fn change_node(
        &mut self,
        path: &str,
        change: impl FnOnce(&mut TreeNode),
    ) -> Result<(), TreeError> {
        let old = self.get(path).ok_or_else(|| TreeError::Missing(path.to_owned()))?;
        let mut node = old.clone();
        change(&mut node);
        if *old == node {
            return Ok(());
        }
        self.replace_node(path, node)
    }

    /// Puts a node at all paths of the one that exists at a path.
    fn replace_node(&mut self, path: &str, node: TreeNode) -> Result<(), TreeError> {
        let others = self.get(path).map(|old| self.other_paths(path, old));
        for name in others.unwrap_or_default() {
            self.put(&name, node.clone())?;
        }
        self.put(path, node)
    }

    /// Returns the other paths of a file that has several.
    fn other_paths(&self, path: &str, node: &TreeNode) -> Vec<String> {
        let TreeNodeKind::File(FileNode { inode: Some(inode), source, .. }) = &node.kind else {
            return Vec::new();
        };
        let is_same = |other: &TreeNode| match &other.kind {
            TreeNodeKind::File(file) => {
                file.inode == Some(*inode) && is_same_file(source, &file.source)
            }
            _ => false,
        };
        let names = self.nodes_below("").filter(|(name, other)| *name != path && is_same(other));
        names.map(|(name, _)| name.to_owned()).collect()
    }

    /// Forgets the changes, so that the tree counts as that of the layers below.
    pub fn forget_changes(&mut self) {
        self.changes.clear();
    }

    /// Returns the entries of a layer that turns the layers below into this tree, and forgets the
    /// changes.
    ///
    /// Paths are in the order of their bytes, but what was removed from a directory comes before
    /// what is new in it. Files whose content comes from archives come last, in the order of the
    /// archives. The directories above each path are entries too: without them Docker creates
    /// missing ones with a mode of its own.
    pub fn take_changes(&mut self) -> Vec<LayerEntry> {
        let changes = std::mem::take(&mut self.changes);
        changes::layer_entries(self, &changes)
    }
}

fn check_path(path: &str) -> Result<(), TreeError> {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if path.is_empty() || path.split('/').all(is_plain) {
        return Ok(());
    }
    Err(TreeError::Path(path.to_owned()))
}
