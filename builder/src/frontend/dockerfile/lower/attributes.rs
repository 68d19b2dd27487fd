//! The *attributes* of a node that is put into a stage: the owner and mode that COPY and ADD
//! request, and where they request none, those that KubeVirt and CDI need of a disk in `/disk`.

use crate::cluster::contract::is_disk;
use crate::cluster::contract::placement::{
    DISK_DIRECTORY, DISK_DIRECTORY_MODE, DISK_FILE_MODE, QEMU_OWNER,
};
use crate::frontend::dockerfile::tree::{
    ModeChange, ModeSubject, Tree, TreeError, TreeNode, TreeNodeKind, UMASK,
};
use crate::oci::tar::Owner;
use crate::recipe::SourceRole;

const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// Location of a node before it is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PriorLocation {
    /// In the `/disk` of a stage, whose instructions have set its owner and mode.
    Disk,
    /// Anywhere else.
    Elsewhere,
}

/// Owner and mode that the flags of COPY and ADD request.
#[derive(Debug, Clone, Default)]
pub(super) struct CopyAttributes {
    /// Owner of `--chown`.
    pub(super) owner: Option<Owner>,
    /// Mode of `--chmod`.
    pub(super) mode: Option<ModeChange>,
}

impl CopyAttributes {
    /// Puts a copy of a node at a path, and creates its parent directories.
    pub(super) fn put_node(
        &self,
        tree: &mut Tree,
        path: &str,
        node: &TreeNode,
    ) -> Result<(), TreeError> {
        self.put_node_from(PriorLocation::Elsewhere, tree, path, node)
    }

    /// Does the same for a node that may have the owner and mode of a disk already.
    pub(super) fn put_node_from(
        &self,
        before: PriorLocation,
        tree: &mut Tree,
        path: &str,
        node: &TreeNode,
    ) -> Result<(), TreeError> {
        self.make_parents(tree, path)?;
        tree.put(path, self.adjusted_node(before, path, node))
    }

    /// Creates a directory and its parents, unless it exists.
    pub(super) fn make_directory(&self, tree: &mut Tree, path: &str) -> Result<(), TreeError> {
        self.make_parents(tree, path)?;
        if tree.get(path).is_some_and(|node| node.kind == TreeNodeKind::Directory) {
            return Ok(());
        }
        tree.put(path, self.new_directory(path))
    }

    fn make_parents(&self, tree: &mut Tree, path: &str) -> Result<(), TreeError> {
        for (end, _) in path.match_indices('/') {
            let parent = &path[..end];
            if tree.get(parent).is_none() {
                tree.put(parent, self.new_directory(parent))?;
            }
        }
        Ok(())
    }

    /// Returns a directory that is created because something is put into it. `--chmod` does not
    /// apply to it: BuildKit applies it there too, and a directory of mode 0444 hides the disk in
    /// it (moby/buildkit#5943).
    fn new_directory(&self, path: &str) -> TreeNode {
        let (mode, owner) =
            if path == DISK_DIRECTORY { (DISK_DIRECTORY_MODE, QEMU_OWNER) } else { (0o755, ROOT) };
        TreeNode { kind: TreeNodeKind::Directory, mode, owner: self.owner.unwrap_or(owner) }
    }

    fn adjusted_node(&self, before: PriorLocation, path: &str, node: &TreeNode) -> TreeNode {
        let mut node = node.clone();
        let subject = match node.kind {
            TreeNodeKind::Directory => Some(ModeSubject::Directory),
            TreeNodeKind::File(_) => Some(ModeSubject::File),
            TreeNodeKind::Symlink(_) | TreeNodeKind::Special(_) => None,
        };
        if let TreeNodeKind::File(file) = &mut node.kind {
            file.source.role = SourceRole::File;
            if is_disk(path) {
                file.source.role = SourceRole::Disk;
                if before == PriorLocation::Elsewhere {
                    (node.mode, node.owner) = (DISK_FILE_MODE, QEMU_OWNER);
                }
            }
        }
        if let (Some(change), Some(subject)) = (&self.mode, subject) {
            // An octal mode is used unchanged, for directories too.
            let new = change.apply(node.mode, subject, UMASK);
            node.mode = change.octal().unwrap_or(new);
        }
        node.owner = self.owner.unwrap_or(node.owner);
        node
    }
}
