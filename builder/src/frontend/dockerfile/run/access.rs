//! *Access* to the files of a tree, by user, groups and permission bits (`man 7 path_resolution`).

use super::fault::Errno;
use crate::frontend::dockerfile::tree::{TreeNode, UserIdentity};

/// Bits of access, as in the permissions of one class of users.
pub(super) const READ: u32 = 4;
pub(super) const WRITE: u32 = 2;
pub(super) const EXECUTE: u32 = 1;

impl UserIdentity {
    pub(super) fn is_root(&self) -> bool {
        self.owner.uid == 0
    }

    /// Returns whether a group is the primary group or one of the further groups.
    pub(super) fn is_member(&self, gid: u32) -> bool {
        self.owner.gid == gid || self.groups.contains(&gid)
    }

    /// Fails if the permissions of a node do not grant all bits of `access`.
    pub(super) fn check_access(&self, node: &TreeNode, access: u32) -> Result<(), Errno> {
        let shift = match node.owner {
            owner if owner.uid == self.owner.uid => 6,
            owner if self.is_member(owner.gid) => 3,
            _ => 0,
        };
        let granted = self.is_root() || (node.mode >> shift) & access == access;
        if granted { Ok(()) } else { Err(Errno::Access) }
    }
}
