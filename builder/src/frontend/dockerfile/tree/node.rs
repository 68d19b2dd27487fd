//! A *node* is a file, directory or link of a tree.

use crate::oci::tar::{ExtendedAttributes, Owner};
use crate::recipe::{SourceRecipe, SpecialKind};

/// A file, directory or link of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeNode {
    /// Kind of the node.
    pub kind: TreeNodeKind,
    /// Permission bits, with set-user-ID, set-group-ID and the sticky bit: up to `0o7777`.
    pub mode: u32,
    /// Owner of the node.
    pub owner: Owner,
    /// Extended attributes of the node.
    pub xattrs: ExtendedAttributes,
}

impl TreeNode {
    /// Returns a node without extended attributes.
    pub fn new(kind: TreeNodeKind, mode: u32, owner: Owner) -> Self {
        Self { kind, mode, owner, xattrs: ExtendedAttributes::default() }
    }
}

/// Kind of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeNodeKind {
    /// A directory.
    Directory,
    /// A regular file.
    File(FileNode),
    /// A symbolic link with its target.
    Symlink(String),
    /// A device or a pipe.
    Special(SpecialKind),
}

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNode {
    /// Where its content comes from.
    pub source: SourceRecipe,
    /// Size in bytes; `None` for what is downloaded later.
    pub size: Option<u64>,
    /// Inode that it shares with its other names.
    pub inode: Option<Inode>,
}

/// Two numbers, for example of a device and a file on it. Files of one layer that have the same
/// are hard links of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inode(pub u64, pub u64);
