//! *Resolving* finds what a path means, as the kernel does for a process whose root directory is
//! the tree's (`man 7 path_resolution`).

use super::{Tree, TreeError, TreeNode, TreeNodeKind};

/// How many symbolic links are followed on one way; `MAXSYMLINKS` of Linux.
const LINKS_MAX: usize = 40;

/// What is done when the last part of a path is a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// What it points to is meant.
    Yes,
    /// The link itself is meant.
    No,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResolvedTreePath {
    /// As [`Tree::get`] takes it. Of what does not exist, the directories that do are resolved and
    /// the rest stands as it was written.
    pub(crate) path: String,
    /// Whether there is something.
    pub(crate) exists: bool,
}

impl Tree {
    /// Returns where `path` leads for a process whose working directory is `base`.
    ///
    /// `..` stops at the root, and links are followed; a link that leads nowhere leads to what it
    /// names. A slash at the end asks for a directory, and follows a link. The empty path is
    /// `base`. Below what does not exist `..` takes a part away, which the kernel does not do.
    pub(crate) fn resolve(
        &self,
        base: &str,
        path: &str,
        last: Follow,
    ) -> Result<ResolvedTreePath, TreeError> {
        self.resolve_with(base, path, last, |_| Ok(()))
    }

    /// As [`Tree::resolve`], and asks `enter` before something is looked for in a directory, which
    /// is nothing where there is none.
    pub(crate) fn resolve_with<E: From<TreeError>>(
        &self,
        base: &str,
        path: &str,
        last: Follow,
        mut enter: impl FnMut(Option<&TreeNode>) -> Result<(), E>,
    ) -> Result<ResolvedTreePath, E> {
        let at = if path.starts_with('/') { "" } else { base };
        let mut walk = Walk { tree: self, path, at: at.to_owned(), links: 0, rest: Vec::new() };
        walk.rest.extend(parts(path));
        let follow = if wants_directory(path) { Follow::Yes } else { last };
        while let Some(part) = walk.rest.pop() {
            let directory = walk.directory()?;
            enter(directory)?;
            walk.step(&part, follow)?;
        }
        let exists = if wants_directory(path) {
            walk.directory()?.is_some()
        } else {
            self.get(&walk.at).is_some()
        };
        Ok(ResolvedTreePath { exists, path: walk.at })
    }
}

fn wants_directory(path: &str) -> bool {
    path.ends_with('/') || path.ends_with("/.") || path == "."
}

/// Returns the parts of a path that lead somewhere, last to first.
fn parts(path: &str) -> impl Iterator<Item = String> {
    path.rsplit('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned)
}

/// A way through a tree.
struct Walk<'a> {
    tree: &'a Tree,
    /// As it was asked for.
    path: &'a str,
    /// Where it has led so far.
    at: String,
    /// How many links were followed.
    links: usize,
    /// What is still to come, last to first.
    rest: Vec<String>,
}

impl<'a> Walk<'a> {
    /// Returns what there is, which must not be a file.
    fn directory(&self) -> Result<Option<&'a TreeNode>, TreeError> {
        let node = self.tree.get(&self.at);
        if node.is_some_and(|node| node.kind != TreeNodeKind::Directory) {
            return Err(TreeError::NotADirectory(self.at.clone()));
        }
        Ok(node)
    }

    fn step(&mut self, part: &str, last: Follow) -> Result<(), TreeError> {
        if part == ".." {
            self.at.truncate(self.at.rfind('/').unwrap_or(0));
            return Ok(());
        }
        let dir = self.at.len();
        if dir > 0 {
            self.at.push('/');
        }
        self.at.push_str(part);
        let Some(TreeNodeKind::Symlink(target)) = self.tree.get(&self.at).map(|node| &node.kind)
        else {
            return Ok(());
        };
        if self.rest.is_empty() && last == Follow::No {
            return Ok(());
        }
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(TreeError::Loop(self.path.to_owned()));
        }
        self.at.truncate(if target.starts_with('/') { 0 } else { dir });
        self.rest.extend(parts(target));
        Ok(())
    }
}
