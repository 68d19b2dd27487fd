//! The *care* that a node gets when it is put into a stage: the owner and mode that COPY and ADD
//! ask for, and where they ask for nothing, what KubeVirt and CDI need of a disk in `/disk`.

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

/// Where a node was before it is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// In the `/disk` of a stage, whose instructions have said what it shall be.
    Disk,
    /// Anywhere else.
    Elsewhere,
}

/// What the flags of COPY and ADD ask for.
#[derive(Debug, Clone, Default)]
pub(super) struct Care {
    /// `--chown`.
    pub(super) owner: Option<Owner>,
    /// `--chmod`.
    pub(super) mode: Option<ModeChange>,
}

impl Care {
    /// Puts a copy of a node at a path, and makes the directories above it.
    pub(super) fn put(
        &self,
        tree: &mut Tree,
        path: &str,
        node: &TreeNode,
    ) -> Result<(), TreeError> {
        self.put_from(Before::Elsewhere, tree, path, node)
    }

    /// The same, of a node that may have had this care before.
    pub(super) fn put_from(
        &self,
        before: Before,
        tree: &mut Tree,
        path: &str,
        node: &TreeNode,
    ) -> Result<(), TreeError> {
        self.make_parents(tree, path)?;
        tree.put(path, self.node(before, path, node))
    }

    /// Makes a directory and those above it, unless it is there.
    pub(super) fn make_directory(&self, tree: &mut Tree, path: &str) -> Result<(), TreeError> {
        self.make_parents(tree, path)?;
        if tree.get(path).is_some_and(|node| node.kind == TreeNodeKind::Directory) {
            return Ok(());
        }
        tree.put(path, self.directory(path))
    }

    fn make_parents(&self, tree: &mut Tree, path: &str) -> Result<(), TreeError> {
        for (end, _) in path.match_indices('/') {
            let parent = &path[..end];
            if tree.get(parent).is_none() {
                tree.put(parent, self.directory(parent))?;
            }
        }
        Ok(())
    }

    /// Returns a directory that is made because something is put into it. `--chmod` is not for
    /// it: BuildKit takes it for that too, and a directory of mode 0444 hides the disk in it
    /// (moby/buildkit#5943).
    fn directory(&self, path: &str) -> TreeNode {
        let (mode, owner) =
            if path == DISK_DIRECTORY { (DISK_DIRECTORY_MODE, QEMU_OWNER) } else { (0o755, ROOT) };
        TreeNode { kind: TreeNodeKind::Directory, mode, owner: self.owner.unwrap_or(owner) }
    }

    fn node(&self, before: Before, path: &str, node: &TreeNode) -> TreeNode {
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
                if before == Before::Elsewhere {
                    (node.mode, node.owner) = (DISK_FILE_MODE, QEMU_OWNER);
                }
            }
        }
        if let (Some(change), Some(subject)) = (&self.mode, subject) {
            // A number is taken as it is, for directories too.
            let new = change.apply(node.mode, subject, UMASK);
            node.mode = change.octal().unwrap_or(new);
        }
        node.owner = self.owner.unwrap_or(node.owner);
        node
    }
}
