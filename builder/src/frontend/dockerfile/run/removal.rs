//! Removal of files, links and empty directories.

use super::access::{EXECUTE, WRITE};
use super::fault::{Errno, ProcessFault};
use super::process::{Process, parent_path};

const STICKY: u32 = 0o1000;

impl Process<'_> {
    /// Checks whether the node at exactly this path may be removed.
    pub(super) fn may_remove(&self, path: &str) -> Result<(), ProcessFault> {
        let node = self.tree.get(path).ok_or(Errno::NoEntry)?;
        let parent = self.tree.get(parent_path(path)).ok_or(Errno::NoEntry)?;
        if path.is_empty() {
            return Err(Errno::Busy.into());
        }
        self.identity.check_access(parent, WRITE | EXECUTE)?;
        let uid = self.identity.owner.uid;
        let is_mine = self.identity.is_root() || [node.owner.uid, parent.owner.uid].contains(&uid);
        if parent.mode & STICKY != 0 && !is_mine {
            return Err(Errno::NotPermitted.into());
        }
        Ok(())
    }

    /// Removes the node at exactly this path, which must not be a directory.
    pub(super) fn unlink(&mut self, path: &str) -> Result<(), ProcessFault> {
        if self.is_directory_at(path) {
            return Err(Errno::IsDirectory.into());
        }
        self.may_remove(path)?;
        self.tree.remove(path);
        Ok(())
    }

    /// Removes the empty directory at exactly this path.
    pub(super) fn rmdir(&mut self, path: &str) -> Result<(), ProcessFault> {
        self.may_remove(path)?;
        if !self.is_directory_at(path) {
            return Err(Errno::NotDirectory.into());
        }
        if self.tree.children(path).next().is_some() {
            return Err(Errno::NotEmpty.into());
        }
        self.tree.remove(path);
        Ok(())
    }
}
