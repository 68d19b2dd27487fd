//! A *node* of a kit: a directory, file or link of its tree.

use std::collections::BTreeMap;

use super::content::FileContent;

/// Name of the kit's directory, in the archive, in the image, and where the image copies it to.
pub(crate) const KIT_DIRECTORY: &str = "vmware-vix-disklib-distrib";

/// Path of the library that nbdkit and virt-v2v load, and that Forklift's validator checks.
pub(crate) const LIBRARY_PATH: &str = "lib64/libvixDiskLib.so";

/// Maximum number of nodes, including directories that have no entry in the archive.
pub(super) const NODES_MAX: usize = 20_000;

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
    File { offset: u64, size: u64, content: FileContent },
    Symlink(String),
}
