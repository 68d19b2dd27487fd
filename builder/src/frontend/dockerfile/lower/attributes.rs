//! The *attributes* of a node that is put into a stage: the owner and mode that COPY and ADD
//! request, and where they request none, those that KubeVirt and CDI need of a disk in `/disk`.

use crate::cluster::contract::is_disk;
use crate::cluster::contract::placement::{
    DISK_DIRECTORY, DISK_DIRECTORY_MODE, DISK_FILE_MODE, QEMU_OWNER,
};
use crate::frontend::dockerfile::tree::{
    ModeChange, ModeSubject, Tree, TreeError, TreeNode, TreeNodeKind,
};
use crate::oci::tar::Owner;
use crate::recipe::SourceRole;
use crate::recipe::path::split;

/// The set-group-ID bit.
const SET_GROUP_ID: u32 = 0o2000;

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
        let directory = self.new_directory(tree, path);
        tree.put(path, directory)
    }

    fn make_parents(&self, tree: &mut Tree, path: &str) -> Result<(), TreeError> {
        for (end, _) in path.match_indices('/') {
            let parent = &path[..end];
            if tree.get(parent).is_none() {
                let directory = self.new_directory(tree, parent);
                tree.put(parent, directory)?;
            }
        }
        Ok(())
    }

    /// Returns a directory that is created because something is put into it. An octal `--chmod`
    /// applies to it as in BuildKit (tonistiigi/fsutil `copy/copy.go`), but not to `/disk`: one of
    /// mode 0444 hides the disk in it (moby/buildkit#5943). A directory with set-group-ID gives its
    /// group to those that are created in it.
    fn new_directory(&self, tree: &Tree, path: &str) -> TreeNode {
        let (mode, owner) = if path == DISK_DIRECTORY {
            (DISK_DIRECTORY_MODE, QEMU_OWNER)
        } else {
            let octal = self.mode.as_ref().and_then(ModeChange::octal);
            (octal.map_or(0o755, |mode| mode & 0o777), inherited_owner(tree, path))
        };
        TreeNode::new(TreeNodeKind::Directory, mode, self.owner.unwrap_or(owner))
    }

    fn adjusted_node(&self, before: PriorLocation, path: &str, node: &TreeNode) -> TreeNode {
        let mut node = node.clone();
        let subject = match node.kind {
            TreeNodeKind::Directory => Some(ModeSubject::Directory),
            TreeNodeKind::File(_) => Some(ModeSubject::File),
            TreeNodeKind::Symlink(_) | TreeNodeKind::Special(_) => None,
        };
        if let TreeNodeKind::File(file) = &mut node.kind {
            file.source.role = source_role(path);
            if file.source.role == SourceRole::Disk && before == PriorLocation::Elsewhere {
                (node.mode, node.owner) = (DISK_FILE_MODE, QEMU_OWNER);
            }
        }
        if let (Some(change), Some(subject)) = (&self.mode, subject) {
            // An octal mode is used unchanged, for directories too.
            let new = change.apply(node.mode, subject, 0);
            node.mode = change.octal().unwrap_or(new);
        }
        node.owner = self.owner.unwrap_or(node.owner);
        node
    }
}

/// Returns the use of a file by its path in the image.
pub(super) fn source_role(path: &str) -> SourceRole {
    if is_disk(path) { SourceRole::Disk } else { SourceRole::File }
}

/// Returns the owner of a directory that root creates at a path.
fn inherited_owner(tree: &Tree, path: &str) -> Owner {
    let parent = tree.get(split(path).0).filter(|parent| parent.mode & SET_GROUP_ID != 0);
    Owner { gid: parent.map_or(ROOT.gid, |parent| parent.owner.gid), ..ROOT }
}
