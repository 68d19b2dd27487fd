//! A *node* of a kit: a directory, file or link of its tree.

use std::collections::BTreeMap;

/// Nodes by their path in the kit; the kit's directory itself has the empty path.
pub(super) type KitNodes = BTreeMap<String, KitNode>;

/// A directory, file or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KitNode {
    pub(super) kind: KitNodeKind,
    pub(super) mode: u32,
}

/// Type of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KitNodeKind {
    Directory,
    File { offset: u64, size: u64 },
    Symlink(String),
}
