//! Creation of files, directories and links.

use super::access::{EXECUTE, WRITE};
use super::fault::{Errno, ProcessFault};
use super::process::{PATH_MAX, Process, parent_path};
use crate::frontend::dockerfile::tree::{FileNode, FollowLast, TreeNode, TreeNodeKind};
use crate::oci::tar::Owner;
use crate::recipe::{SourceLocation, SourceRecipe, SourceRole};

const SET_GID: u32 = 0o2000;

impl Process<'_> {
    /// Returns the resolved path for a new file, and its owner.
    fn new_path(&self, path: &str, last: FollowLast) -> Result<(String, Owner), ProcessFault> {
        if path.ends_with("/.") || path.ends_with("/..") {
            self.stat(path, FollowLast::Yes)?;
            return Err(Errno::Exists.into());
        }
        let found = self.lookup(path, last)?;
        if found.exists {
            return Err(Errno::Exists.into());
        }
        check_len(&found.path)?;
        let parent = self.tree.get(parent_path(&found.path)).ok_or(Errno::NoEntry)?;
        self.identity.check_access(parent, WRITE | EXECUTE)?;
        let owner = self.owner_below(parent_path(&found.path));
        Ok((found.path, owner))
    }

    /// Returns the owner of a new node in the directory at exactly this path.
    pub(super) fn owner_below(&self, directory: &str) -> Owner {
        let Owner { uid, gid } = self.identity.owner;
        let parent = self.tree.get(directory).filter(|parent| parent.mode & SET_GID != 0);
        Owner { uid, gid: parent.map_or(gid, |parent| parent.owner.gid) }
    }

    /// Creates a directory with all permissions that the umask leaves.
    pub(super) fn mkdir(&mut self, path: &str) -> Result<String, ProcessFault> {
        let trimmed = path.trim_end_matches('/');
        let (resolved, owner) =
            self.new_path(if trimmed.is_empty() { path } else { trimmed }, FollowLast::No)?;
        let inherited =
            self.tree.get(parent_path(&resolved)).map_or(0, |parent| parent.mode & SET_GID);
        let mode = 0o777 & !self.umask | inherited;
        self.tree.put(&resolved, TreeNode::new(TreeNodeKind::Directory, mode, owner))?;
        Ok(resolved)
    }

    /// Creates a symbolic link.
    pub(super) fn symlink(&mut self, target: &str, path: &str) -> Result<(), ProcessFault> {
        if target.is_empty() {
            return Err(Errno::NoEntry.into());
        }
        let (resolved, owner) = match self.new_path(path.trim_end_matches('/'), FollowLast::No) {
            Ok(_) if path.ends_with('/') => return Err(Errno::NoEntry.into()),
            resolved => resolved?,
        };
        self.tree
            .put(&resolved, TreeNode::new(TreeNodeKind::Symlink(target.into()), 0o777, owner))?;
        Ok(())
    }

    /// Gives the file at a path, which is no link, a second name.
    pub(super) fn hard_link(&mut self, target: &str, path: &str) -> Result<(), ProcessFault> {
        let old = self.stat(target, FollowLast::No)?;
        let (resolved, _) = match self.new_path(path.trim_end_matches('/'), FollowLast::No) {
            Ok(_) if path.ends_with('/') => return Err(Errno::NoEntry.into()),
            resolved => resolved?,
        };
        Ok(self.tree.link(&old, &resolved)?)
    }

    /// Creates an empty file, or opens an existing one for writing.
    pub(super) fn create(&mut self, path: &str) -> Result<(), ProcessFault> {
        let trimmed = path.trim_end_matches('/');
        if trimmed != path {
            let parent = if trimmed.is_empty() { "/" } else { trimmed };
            self.lookup(parent, FollowLast::No)?;
            return Err(Errno::IsDirectory.into());
        }
        let found = self.lookup(path, FollowLast::Yes)?;
        if let Some(node) = self.tree.get(&found.path) {
            let is_directory = node.kind == TreeNodeKind::Directory;
            return if is_directory {
                Err(Errno::IsDirectory.into())
            } else {
                Ok(self.identity.check_access(node, WRITE)?)
            };
        }
        let (resolved, owner) = self.new_path(path, FollowLast::Yes)?;
        let source = SourceRecipe::new(SourceLocation::Inline([].into()), SourceRole::File);
        let kind = TreeNodeKind::File(FileNode { source, size: Some(0), inode: None });
        self.tree.put(&resolved, TreeNode::new(kind, 0o666 & !self.umask, owner))?;
        Ok(())
    }
}

/// Refuses a new node whose whole path is too long, which Linux lets a program make step by step.
pub(super) fn check_len(path: &str) -> Result<(), Errno> {
    if path.len() < PATH_MAX { Ok(()) } else { Err(Errno::NameTooLong) }
}
