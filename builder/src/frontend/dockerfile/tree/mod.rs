//! A *tree* is what an image holds at one moment: paths, kinds, modes and owners, and where the
//! content of each file comes from. It remembers what was changed in it, from which a layer is
//! made.

mod accounts;
mod changes;
mod error;
mod key;
mod mode;
mod resolve;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::oci::tar::Owner;
use crate::recipe::path::{is_below, split};
use crate::recipe::{LayerEntry, SourceRecipe};
use changes::{Change, is_one_file};
use key::{Key, Path, behind};

pub use accounts::{Accounts, UserIdentity};
pub(crate) use error::TreeError;
pub(crate) use mode::{ModeChange, ModeSubject, UMASK};
pub(crate) use resolve::{Follow, ResolvedTreePath};

/// Files, directories and links by path. Paths are relative, with `/` between their parts; the
/// empty one is the root directory, which always exists.
#[derive(Debug, Clone)]
pub struct Tree {
    nodes: BTreeMap<Key, TreeNode>,
    changes: BTreeMap<Key, Change>,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeNode {
    /// What it is.
    pub kind: TreeNodeKind,
    /// Permission bits, with set-user-ID, set-group-ID and the sticky bit: up to `0o7777`.
    pub mode: u32,
    /// Whose it is.
    pub owner: Owner,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeNodeKind {
    /// A directory.
    Directory,
    /// A regular file.
    File(FileNode),
    /// A symbolic link and what it says.
    Symlink(String),
    /// Something that a base may have and that is not put into layers.
    Special(SpecialKind),
}

/// A node that is no file, directory or link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialKind {
    /// A named pipe.
    Fifo,
    /// A character device.
    Character {
        /// Which driver.
        major: u32,
        /// Which of its devices.
        minor: u32,
    },
    /// A block device.
    Block {
        /// Which driver.
        major: u32,
        /// Which of its devices.
        minor: u32,
    },
}

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNode {
    /// Where its content comes from.
    pub source: SourceRecipe,
    /// How long it is, in bytes; what is downloaded tells it later.
    pub size: Option<u64>,
    /// What it shares with its other names.
    pub inode: Option<Inode>,
}

/// Two numbers, for example of a device and a file on it. Files of one layer that have the same
/// are hard links of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inode(pub u64, pub u64);

impl Default for Tree {
    fn default() -> Self {
        let owner = Owner { uid: 0, gid: 0 };
        let root = TreeNode { kind: TreeNodeKind::Directory, mode: 0o755, owner };
        Self { nodes: BTreeMap::from([(Key::new(""), root)]), changes: BTreeMap::new() }
    }
}

impl Tree {
    /// Returns a root directory with nothing in it, mode 0755, of 0:0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how many paths there are, besides the root.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len() - 1
    }

    /// Returns what stands at exactly this path; no link is followed.
    pub fn get(&self, path: &str) -> Option<&TreeNode> {
        self.nodes.get::<dyn Path>(&path)
    }

    /// Returns the names in a directory and what they stand for, in the order of their bytes.
    pub(crate) fn children<'t>(
        &'t self,
        dir: &str,
    ) -> impl Iterator<Item = (&'t str, &'t TreeNode)> + use<'t> {
        let dir = dir.to_owned();
        let mut seen = dir.clone();
        std::iter::from_fn(move || {
            let (path, node) = self.after(&seen).next().filter(|(path, _)| is_below(path, &dir))?;
            seen = behind(path);
            Some((split(path).1, node))
        })
    }

    /// Returns the paths below a directory and what stands there: each directory, then all
    /// that is below it; otherwise by the bytes of names.
    pub fn below<'t>(
        &'t self,
        dir: &str,
    ) -> impl Iterator<Item = (&'t str, &'t TreeNode)> + use<'t> {
        let dir = dir.to_owned();
        self.after(&dir).take_while(move |(path, _)| is_below(path, &dir))
    }

    fn after<'t>(&'t self, path: &str) -> impl Iterator<Item = (&'t str, &'t TreeNode)> + use<'t> {
        let from = Bound::Excluded::<&dyn Path>(&path);
        let range = self.nodes.range::<dyn Path, _>((from, Bound::Unbounded));
        range.map(|(key, node)| (key.path(), node))
    }

    /// Puts a node at a path whose parent is a directory.
    ///
    /// A file or a link takes the place of a file or a link. A directory over a directory sets its
    /// mode and owner; what is in it stays.
    pub(crate) fn put(&mut self, path: &str, node: TreeNode) -> Result<(), TreeError> {
        if let TreeNodeKind::Special(_) = node.kind {
            return Err(TreeError::Special(path.to_owned()));
        }
        let old = self.check_place(path, &node)?;
        if old == Some(&node) && node.kind == TreeNodeKind::Directory {
            return Ok(());
        }
        if path.is_empty() {
            return Err(TreeError::Root);
        }
        let change = if old.is_some() { Change::Altered } else { Change::New };
        self.changes.entry(Key::new(path)).or_insert(change);
        self.nodes.insert(Key::new(path), node);
        Ok(())
    }

    /// Puts a node that layers below have: as [`Tree::put`], but it is not recorded as a change, it
    /// may be a device, and the root's mode and owner can be set.
    pub fn put_settled(&mut self, path: &str, node: TreeNode) -> Result<(), TreeError> {
        self.check_place(path, &node)?;
        self.nodes.insert(Key::new(path), node);
        Ok(())
    }

    /// Refuses a node that cannot stand at a path; returns what stands there.
    fn check_place(&self, path: &str, node: &TreeNode) -> Result<Option<&TreeNode>, TreeError> {
        check_path(path)?;
        self.check_directory(split(path).0)?;
        let old = self.get(path);
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

    /// Makes the directories that `path` needs to stand in and that are missing.
    pub(crate) fn make_parents(
        &mut self,
        path: &str,
        mode: u32,
        owner: Owner,
    ) -> Result<(), TreeError> {
        for (end, _) in path.match_indices('/') {
            let parent = &path[..end];
            if self.get(parent).is_none() {
                self.put(parent, TreeNode { kind: TreeNodeKind::Directory, mode, owner })?;
            }
            self.check_directory(parent)?;
        }
        Ok(())
    }

    /// Removes what stands at a path, and everything below it. The root is emptied.
    pub(crate) fn remove(&mut self, path: &str) {
        if path.is_empty() {
            let names: Vec<String> = self.children("").map(|(name, _)| name.to_owned()).collect();
            for name in names {
                self.remove(&name);
            }
            return;
        }
        let Some(node) = self.nodes.remove::<dyn Path>(&path) else { return };
        let below: Vec<Key> = self.below(path).map(|(path, _)| Key::new(path)).collect();
        for key in &below {
            self.nodes.remove(key);
        }
        self.record_removal(path, &node);
    }

    /// Sets the permission bits of a file or directory; a link has none of its own.
    pub(crate) fn set_mode(&mut self, path: &str, mode: u32) -> Result<(), TreeError> {
        self.alter(path, |node| match node.kind {
            TreeNodeKind::Symlink(_) => {}
            _ => node.mode = mode,
        })
    }

    /// Sets whose something is.
    pub(crate) fn set_owner(&mut self, path: &str, owner: Owner) -> Result<(), TreeError> {
        self.alter(path, |node| node.owner = owner)
    }

    fn alter(&mut self, path: &str, change: impl FnOnce(&mut TreeNode)) -> Result<(), TreeError> {
        let old = self.get(path).ok_or_else(|| TreeError::Missing(path.to_owned()))?;
        let mut node = old.clone();
        change(&mut node);
        if *old == node {
            return Ok(());
        }
        for name in self.other_names(path, &node) {
            self.put(&name, node.clone())?;
        }
        self.put(path, node)
    }

    /// Returns the other paths of a file that has several.
    fn other_names(&self, path: &str, node: &TreeNode) -> Vec<String> {
        let TreeNodeKind::File(FileNode { inode: Some(inode), source, .. }) = &node.kind else {
            return Vec::new();
        };
        let is_same = |other: &TreeNode| match &other.kind {
            TreeNodeKind::File(file) => {
                file.inode == Some(*inode) && is_one_file(source, &file.source)
            }
            _ => false,
        };
        let names = self.below("").filter(|(name, other)| *name != path && is_same(other));
        names.map(|(name, _)| name.to_owned()).collect()
    }

    /// Forgets what was changed: what is there now is in layers below.
    pub fn settle(&mut self) {
        self.changes.clear();
    }

    /// Returns the entries of a layer that makes what layers below have into what is there now,
    /// and forgets what was changed.
    ///
    /// Paths are in the order of their bytes, but what is gone from a directory stands before what
    /// is new in it. If contents come out of archives these files stand last, in the order in which
    /// the archives have them. The directories above each path are entries too, for without them
    /// Docker makes missing ones with a mode of its own.
    pub fn take_changes(&mut self) -> Vec<LayerEntry> {
        let changes = std::mem::take(&mut self.changes);
        changes::entries(self, &changes)
    }
}

fn check_path(path: &str) -> Result<(), TreeError> {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if path.is_empty() || path.split('/').all(is_plain) {
        return Ok(());
    }
    Err(TreeError::Path(path.to_owned()))
}
