//! A *node* of a kit: a directory, file or link of its tree.

use std::collections::BTreeMap;

/// By path below the tree; the tree itself has the empty one.
pub(super) type KitNodes = BTreeMap<String, KitNode>;

/// A directory, file or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KitNode {
    pub(super) kind: KitNodeKind,
    pub(super) mode: u32,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KitNodeKind {
    Directory,
    File { offset: u64, size: u64 },
    Symlink(String),
}
