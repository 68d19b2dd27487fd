//! Modes and owners, as a process sets them.

use super::fault::{Errno, ProcessFault};
use super::process::Process;
use crate::frontend::dockerfile::tree::TreeNodeKind;
use crate::oci::tar::Owner;

const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;

impl Process<'_> {
    /// Sets the mode of the node at exactly this path.
    pub(super) fn chmod(&mut self, path: &str, mode: u32) -> Result<(), ProcessFault> {
        let Owner { uid, gid } = self.tree.get(path).ok_or(Errno::NoEntry)?.owner;
        if !self.identity.is_root() && uid != self.identity.owner.uid {
            return Err(Errno::NotPermitted.into());
        }
        let lost =
            if self.identity.is_root() || self.identity.is_member(gid) { 0 } else { SET_GID };
        Ok(self.tree.set_mode(path, mode & !lost)?)
    }

    /// Sets user, group or both of the node at exactly this path.
    pub(super) fn chown(
        &mut self,
        path: &str,
        user: Option<u32>,
        group: Option<u32>,
    ) -> Result<(), ProcessFault> {
        let node = self.tree.get(path).ok_or(Errno::NoEntry)?;
        let (old, mode, kind) = (node.owner, node.mode, &node.kind);
        let is_own = old.uid == self.identity.owner.uid;
        let may_user = user.is_none_or(|uid| is_own && uid == old.uid);
        let may_group =
            group.is_none_or(|gid| is_own && (gid == old.gid || self.identity.is_member(gid)));
        if !(self.identity.is_root() || may_user && may_group) {
            return Err(Errno::NotPermitted.into());
        }
        // Linux clears these bits when the owner changes.
        let lost = match kind {
            TreeNodeKind::Directory | TreeNodeKind::Symlink(_) => 0,
            _ if mode & 0o010 != 0 => SET_UID | SET_GID,
            _ => SET_UID,
        };
        let owner = Owner { uid: user.unwrap_or(old.uid), gid: group.unwrap_or(old.gid) };
        self.tree.set_owner(path, owner)?;
        Ok(self.tree.set_mode(path, mode & !lost)?)
    }
}
