//! A *process* acts on a tree as a user in a working directory. It may do what Linux would let it
//! do, and fails as it would there.

use std::rc::Rc;

use super::access::{EXECUTE, READ, WRITE};
use super::budget::{Exhausted, WorkBudget};
use super::content::Content;
use super::fault::{Errno, ProcessFault};
use super::inputs::RunInputs;
use super::status::CommandRefusal;
use crate::frontend::dockerfile::tree::{
    Accounts, FollowLast, ResolvedTreePath, Tree, TreeNodeKind, UserIdentity,
};
use crate::recipe::NAME_MAX;

/// The longest path, in bytes: `PATH_MAX` without its end.
pub(super) const PATH_MAX: usize = 4095;

/// Work that a directory on the way to a file counts for, in bytes; long paths have more of them,
/// and each takes longer.
const STEP_COST: usize = 4;

/// A process that acts on a tree.
#[derive(Debug)]
pub(super) struct Process<'a> {
    pub(super) tree: &'a mut Tree,
    pub(super) accounts: &'a Accounts,
    pub(super) identity: &'a UserIdentity,
    /// Working directory, resolved.
    pub(super) directory: String,
    /// Whether nothing has set the working directory.
    pub(super) is_directory_assumed: bool,
    /// Permissions that new files do not get.
    pub(super) umask: u32,
    /// Standard input.
    pub(super) input: Content,
    /// Standard output so far; `None` if it is shown to the user, and no part of an image.
    pub(super) output: Option<Content>,
    /// Resolved path of the file that standard output is written to.
    pub(super) output_path: Option<String>,
    /// What is read beside the tree.
    pub(super) inputs: &'a dyn RunInputs,
    /// Messages for the user.
    pub(super) notes: Vec<String>,
    /// Work that the line may still do.
    pub(super) budget: Rc<WorkBudget>,
}

/// What a process does not leave to the one that started it.
#[derive(Debug)]
pub(super) struct ProcessState {
    directory: String,
    is_directory_assumed: bool,
    umask: u32,
}

impl Process<'_> {
    pub(super) fn state(&self) -> ProcessState {
        let (is_directory_assumed, umask) = (self.is_directory_assumed, self.umask);
        ProcessState { directory: self.directory.clone(), is_directory_assumed, umask }
    }

    pub(super) fn set_state(&mut self, state: ProcessState) {
        (self.directory, self.umask) = (state.directory, state.umask);
        self.is_directory_assumed = state.is_directory_assumed;
    }

    /// Writes to standard output.
    pub(super) fn print(&mut self, content: Content) -> Result<(), CommandRefusal> {
        if let Some(before) = self.output.take() {
            let len = before.text_len();
            let output = before.joined(content, self.inputs)?;
            let spent = self.budget.spend(output.text_len().saturating_sub(len));
            spent.map_err(|Exhausted| CommandRefusal::new(Exhausted.to_string()))?;
            self.output = Some(output);
        }
        Ok(())
    }

    /// Resolves a path, which need not exist; its parent directory must.
    pub(super) fn lookup(
        &self,
        path: &str,
        last: FollowLast,
    ) -> Result<ResolvedTreePath, ProcessFault> {
        if path.is_empty() {
            return Err(Errno::NoEntry.into());
        }
        if self.is_directory_assumed && !path.starts_with('/') {
            self.tree.use_base();
        }
        if path.len() > PATH_MAX || path.split('/').any(|part| part.len() > NAME_MAX) {
            return Err(Errno::NameTooLong.into());
        }
        let len = self.directory.len() + path.len();
        self.tree.resolve_with(&self.directory, path, last, |directory| {
            self.budget.spend(STEP_COST + len * len / 1024)?;
            let directory = directory.ok_or(Errno::NoEntry)?;
            Ok(self.identity.check_access(directory, EXECUTE)?)
        })
    }

    /// Resolves a path, which must exist.
    pub(super) fn stat(&self, path: &str, last: FollowLast) -> Result<String, ProcessFault> {
        let found = self.lookup(path, last)?;
        if found.exists { Ok(found.path) } else { Err(Errno::NoEntry.into()) }
    }

    /// Returns whether a path leads to a directory.
    pub(super) fn is_directory(&self, path: &str) -> bool {
        self.stat(path, FollowLast::Yes).is_ok_and(|path| self.is_directory_at(&path))
    }

    /// Returns whether there is a directory at exactly this path.
    pub(super) fn is_directory_at(&self, path: &str) -> bool {
        self.tree.get(path).is_some_and(|node| node.kind == TreeNodeKind::Directory)
    }

    /// Returns the names in a directory.
    pub(super) fn list_names(&self, path: &str) -> Result<Vec<String>, ProcessFault> {
        let path = self.stat(path, FollowLast::Yes)?;
        self.list_names_at(&path, READ)
    }

    /// Returns the names in the directory at exactly this path, which must be searchable too.
    pub(super) fn list_searchable(&self, path: &str) -> Result<Vec<String>, ProcessFault> {
        self.list_names_at(path, READ | EXECUTE)
    }

    fn list_names_at(&self, path: &str, access: u32) -> Result<Vec<String>, ProcessFault> {
        let node = self.tree.get(path).ok_or(Errno::NoEntry)?;
        if node.kind != TreeNodeKind::Directory {
            return Err(Errno::NotDirectory.into());
        }
        self.identity.check_access(node, access)?;
        Ok(self.tree.children(path).map(|(name, _)| name.to_owned()).collect())
    }

    /// Checks whether a file's times may be set to now.
    pub(super) fn may_set_times(&self, path: &str) -> Result<(), ProcessFault> {
        let path = self.stat(path, FollowLast::Yes)?;
        let node = self.tree.get(&path).ok_or(Errno::NoEntry)?;
        if node.owner.uid != self.identity.owner.uid {
            self.identity.check_access(node, WRITE)?;
        }
        Ok(())
    }
}

/// Returns the directory that a path is in.
pub(super) fn parent_path(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Returns the last part of a path, without slashes after it.
pub(super) fn last_part(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}
