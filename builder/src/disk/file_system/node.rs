//! A *node* of a file system: a file, a directory or a link.

/// Identifies a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeId {
    /// Number of the tree that the node is in; 0 where a file system has one.
    pub(super) tree: u64,
    /// Number of the node in the tree.
    pub(super) inode: u64,
}

impl NodeId {
    /// Returns a node of a file system that has one tree.
    pub(super) fn of_inode(inode: u64) -> Self {
        Self { tree: 0, inode }
    }
}

/// A node.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) kind: NodeKind,
    /// Length of its content in bytes, as it declares it.
    pub(super) size: u64,
    /// The inode as it is stored.
    pub(super) stored: Vec<u8>,
}

/// Kinds of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeKind {
    File,
    Directory,
    Symlink,
    /// A device, a pipe or a socket.
    Special,
}

impl NodeKind {
    /// Returns the kind by the mode (`S_IFMT` in Linux' `include/uapi/linux/stat.h`).
    pub(super) fn of_mode(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o100_000 => Self::File,
            0o040_000 => Self::Directory,
            0o120_000 => Self::Symlink,
            _ => Self::Special,
        }
    }
}
