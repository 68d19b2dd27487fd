//! *Resolving* follows a path through a tree, as the kernel does for a process whose root directory
//! is the tree's (`man 7 path_resolution`).

use super::{Tree, TreeError, TreeNode, TreeNodeKind};

/// Maximum number of symbolic links that are followed for one path; `MAXSYMLINKS` of Linux.
const LINKS_MAX: usize = 40;

/// What happens when the last part of a path is a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FollowLast {
    /// The path resolves to the target of the link.
    Yes,
    /// The path resolves to the link itself.
    No,
}

/// Result of resolving a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResolvedTreePath {
    /// Path for [`Tree::get`]. Of one that does not exist, the directories that do are resolved and
    /// the rest is as written.
    pub(crate) path: String,
    /// Whether something exists at the path.
    pub(crate) exists: bool,
}

impl Tree {
    /// Resolves `path` for a process whose working directory is `base`.
    ///
    /// `..` stops at the root, and links are followed; a dangling link resolves to its target. A
    /// slash at the end requires a directory, and follows a link. The empty path is `base`. Below
    /// what does not exist `..` removes a part, which the kernel does not do.
    pub(crate) fn resolve(
        &self,
        base: &str,
        path: &str,
        last: FollowLast,
    ) -> Result<ResolvedTreePath, TreeError> {
        self.resolve_with(base, path, last, |_| Ok(()))
    }

    /// Resolves `path` for a process whose root directory is `root`, a resolved path: neither `..`
    /// nor a link leads out of it (`RESOLVE_IN_ROOT` of `man 2 openat2`).
    pub(crate) fn resolve_below(
        &self,
        root: &str,
        path: &str,
        last: FollowLast,
    ) -> Result<ResolvedTreePath, TreeError> {
        let start = WalkStart { root, base: root };
        self.walk_path(start, path, last, |_| Ok(()))
    }

    /// Does the same as [`Tree::resolve`], and calls `enter` before each lookup in a directory,
    /// with `None` if the directory does not exist.
    pub(crate) fn resolve_with<E: From<TreeError>>(
        &self,
        base: &str,
        path: &str,
        last: FollowLast,
        enter: impl FnMut(Option<&TreeNode>) -> Result<(), E>,
    ) -> Result<ResolvedTreePath, E> {
        self.walk_path(WalkStart { root: "", base }, path, last, enter)
    }

    fn walk_path<E: From<TreeError>>(
        &self,
        WalkStart { root, base }: WalkStart<'_>,
        path: &str,
        last: FollowLast,
        mut enter: impl FnMut(Option<&TreeNode>) -> Result<(), E>,
    ) -> Result<ResolvedTreePath, E> {
        let at = if path.starts_with('/') { root } else { base }.to_owned();
        let rest = Vec::new();
        let mut walk =
            PathWalk { tree: self, root, path, at, links: 0, ends_in_directory: false, rest };
        walk.rest.extend(reversed_parts(path));
        let follow = if wants_directory(path) { FollowLast::Yes } else { last };
        while let Some(part) = walk.rest.pop() {
            let directory = walk.directory()?;
            enter(directory)?;
            walk.step(&part, follow)?;
        }
        let exists = if walk.ends_in_directory || wants_directory(path) {
            walk.directory()?.is_some()
        } else {
            self.get(&walk.at).is_some()
        };
        Ok(ResolvedTreePath { exists, path: walk.at })
    }
}

/// Directories that the resolution of a path starts from.
#[derive(Debug, Clone, Copy)]
struct WalkStart<'a> {
    /// Root directory of the process.
    root: &'a str,
    /// Its working directory.
    base: &'a str,
}

fn wants_directory(path: &str) -> bool {
    path.ends_with('/') || path.ends_with("/.") || path == "."
}

/// Returns the parts of a path except empty ones and `.`, last to first.
fn reversed_parts(path: &str) -> impl Iterator<Item = String> {
    path.rsplit('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned)
}

/// State of the resolution of a path.
struct PathWalk<'a> {
    tree: &'a Tree,
    /// Root directory, which is never left.
    root: &'a str,
    /// Path to resolve.
    path: &'a str,
    /// Path resolved so far.
    at: String,
    /// Number of links that were followed.
    links: usize,
    /// Whether the last part is the target of a link that requires a directory.
    ends_in_directory: bool,
    /// Parts that remain, last to first.
    rest: Vec<String>,
}

impl<'a> PathWalk<'a> {
    /// Returns the directory that was reached, if it exists; fails if something else is there.
    fn directory(&self) -> Result<Option<&'a TreeNode>, TreeError> {
        let node = self.tree.get(&self.at);
        if node.is_some_and(|node| node.kind != TreeNodeKind::Directory) {
            return Err(TreeError::NotADirectory(self.at.clone()));
        }
        Ok(node)
    }

    fn step(&mut self, part: &str, last: FollowLast) -> Result<(), TreeError> {
        if part == ".." {
            let parent = self.at.rfind('/').unwrap_or(0);
            self.at.truncate(parent.max(self.root.len()));
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
        if self.rest.is_empty() && last == FollowLast::No {
            return Ok(());
        }
        self.links += 1;
        self.ends_in_directory |= self.rest.is_empty() && wants_directory(target);
        if self.links > LINKS_MAX {
            return Err(TreeError::Loop(self.path.to_owned()));
        }
        self.at.truncate(if target.starts_with('/') { self.root.len() } else { dir });
        self.rest.extend(reversed_parts(target));
        Ok(())
    }
}
