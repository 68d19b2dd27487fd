//! Contents of files, as commands read and write them.

use super::access::{EXECUTE, READ, WRITE};
use super::content::Content;
use super::creation::check_len;
use super::fault::{Errno, ProcessFault};
use super::process::{Process, parent_path};
use crate::frontend::dockerfile::tree::{FileNode, FollowLast, TreeNode, TreeNodeKind};
use crate::recipe::SourceRecipe;

impl Process<'_> {
    /// Returns whether something exists at a path.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.stat(path, FollowLast::Yes).is_ok()
    }

    /// Returns the node that a path leads to, and its resolved path.
    pub(super) fn node(
        &self,
        path: &str,
        last: FollowLast,
    ) -> Result<(String, TreeNode), ProcessFault> {
        let resolved = self.stat(path, last)?;
        let node = self.tree.get(&resolved).cloned().ok_or(Errno::NoEntry)?;
        Ok((resolved, node))
    }

    /// Changes the working directory.
    pub(super) fn enter(&mut self, path: &str) -> Result<(), ProcessFault> {
        let (resolved, node) = self.node(path, FollowLast::Yes)?;
        if node.kind != TreeNodeKind::Directory {
            return Err(Errno::NotDirectory.into());
        }
        self.identity.check_access(&node, EXECUTE)?;
        self.directory = resolved;
        self.is_directory_assumed &= !path.starts_with('/');
        Ok(())
    }

    /// Returns the content of a file.
    pub(super) fn read(&self, path: &str) -> Result<Content, ProcessFault> {
        let (_, node) = self.node(path, FollowLast::Yes)?;
        self.identity.check_access(&node, READ)?;
        match &node.kind {
            TreeNodeKind::File(file) => {
                let content = Content::of_file(&file.source, file.size);
                self.budget.spend(content.text_len())?;
                Ok(content)
            }
            TreeNodeKind::Directory => Err(Errno::IsDirectory.into()),
            _ => Err(Errno::Invalid.into()),
        }
    }

    /// Writes a file, which is created if it does not exist.
    pub(super) fn write(&mut self, path: &str, content: Content) -> Result<(), ProcessFault> {
        self.budget.spend(content.text_len())?;
        self.create(path)?;
        let (resolved, node) = self.node(path, FollowLast::Yes)?;
        if !matches!(node.kind, TreeNodeKind::File(_)) {
            return Err(Errno::Invalid.into());
        }
        let Some((source, size)) = content.into_source(self.inputs) else {
            let message = "an archive is written to a file only if all that is in it is small and \
                           known before the build; pipe it into `tar -x`";
            return Err(ProcessFault::Refused(message.into()));
        };
        self.tree.set_content(&resolved, source, size)?;
        // As in Linux, programs of others are no longer run with their identity.
        if !self.identity.is_root() && node.mode & 0o6000 != 0 {
            self.tree.set_mode(&resolved, node.mode & !0o6000)?;
        }
        Ok(())
    }

    /// Opens a file for output; returns the content that the output is added to.
    pub(super) fn open_for_output(
        &mut self,
        path: &str,
        is_added: bool,
    ) -> Result<Content, ProcessFault> {
        let is_kept = is_added && self.exists(path);
        let before = if is_kept { self.read(path)? } else { Content::default() };
        self.write(path, before.clone())?;
        Ok(before)
    }

    /// Changes the source of a file that exists; nothing happens to other nodes.
    pub(super) fn change_source(
        &mut self,
        path: &str,
        change: impl FnOnce(&mut SourceRecipe),
    ) -> Result<(), ProcessFault> {
        let (resolved, node) = self.node(path, FollowLast::Yes)?;
        if let TreeNodeKind::File(FileNode { mut source, size, .. }) = node.kind {
            change(&mut source);
            self.tree.set_content(&resolved, source, size)?;
        }
        Ok(())
    }

    /// Writes a file with the mode of another, which is then removed unless it is kept.
    pub(super) fn replace_file(
        &mut self,
        path: &str,
        target: &str,
        content: Content,
        is_kept: bool,
    ) -> Result<(), ProcessFault> {
        let (old, node) = self.node(path, FollowLast::No)?;
        self.write(target, content)?;
        let new = self.stat(target, FollowLast::Yes)?;
        self.tree.set_mode(&new, node.mode)?;
        if is_kept { Ok(()) } else { self.unlink(&old) }
    }

    /// Checks whether a node may be created at exactly this path.
    pub(super) fn may_create(&self, path: &str) -> Result<(), ProcessFault> {
        check_len(path)?;
        let parent = self.tree.get(parent_path(path)).ok_or(Errno::NoEntry)?;
        Ok(self.identity.check_access(parent, WRITE | EXECUTE)?)
    }

    /// Moves the node at exactly this path, and all below it.
    pub(super) fn move_node(&mut self, old: &str, new: &str) -> Result<(), ProcessFault> {
        let below = self.tree.below(old).filter(|(path, _)| *path != old);
        let below = below.map(|(path, node)| (path[old.len()..].to_owned(), node.clone()));
        let nodes: Vec<(String, TreeNode)> = self
            .tree
            .get(old)
            .cloned()
            .map(|node| (String::new(), node))
            .into_iter()
            .chain(below)
            .collect();
        self.tree.remove(old);
        if self.tree.get(new).is_some() {
            self.tree.remove(new);
        }
        for (path, node) in nodes {
            self.tree.put(&format!("{new}{path}"), node)?;
        }
        Ok(())
    }
}
