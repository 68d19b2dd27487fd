//! Resolving paths gives what the kernel finds with `RESOLVE_IN_ROOT` (`man 2 openat2`).

use std::os::fd::{AsFd, OwnedFd};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rustix::fs::{
    CWD, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2, readlinkat, symlinkat,
};
use rustix::io::Errno;
use tempfile::TempDir;

use super::super::FollowLast::{No, Yes};
use super::super::*;
use super::{dir, file, symlink};

/// A tree, and the same in a directory of the machine.
struct Twins {
    tree: Tree,
    directory: TempDir,
}

impl Twins {
    /// Makes nodes at paths; what cannot be made at its path is left out of both.
    fn new(nodes: &[(String, TreeNode)]) -> Self {
        let mut twins = Self { tree: Tree::new(), directory: tempfile::tempdir().unwrap() };
        for (path, node) in nodes {
            if twins.tree.get(path).is_none() && twins.tree.put(path, node.clone()).is_ok() {
                twins.make(path, &node.kind);
            }
        }
        twins
    }

    fn make(&self, path: &str, kind: &TreeNodeKind) {
        let path = self.directory.path().join(path);
        match kind {
            TreeNodeKind::Directory => mkdirat(CWD, path, Mode::RWXU).unwrap(),
            TreeNodeKind::Symlink(target) => symlinkat(target, CWD, path).unwrap(),
            _ => drop(openat(CWD, path, OFlags::CREATE | OFlags::WRONLY, Mode::RWXU).unwrap()),
        }
    }

    /// Returns the path that the kernel finds below a directory.
    fn find(&self, root: &str, path: &str, last: FollowLast) -> Result<String, Errno> {
        let base = self.directory.path();
        let root = openat(CWD, base.join(root), OFlags::PATH, Mode::empty()).unwrap();
        let last = if last == No { OFlags::NOFOLLOW } else { OFlags::empty() };
        let flags = OFlags::PATH | last;
        let found = openat2(&root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)?;
        let found = location(&found);
        let relative =
            found.strip_prefix(&location(&openat(CWD, base, OFlags::PATH, Mode::empty())?));
        Ok(relative.unwrap().trim_start_matches('/').to_owned())
    }
}

fn location(fd: &OwnedFd) -> String {
    let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd.as_fd()));
    readlinkat(CWD, link, Vec::new()).unwrap().into_string().unwrap()
}

fn path() -> impl Strategy<Value = String> {
    let part = select(vec!["a", "b", "c", "..", ".", ""]);
    vec(part, 1..5).prop_map(|parts| parts.join("/"))
}

fn nodes() -> impl Strategy<Value = Vec<(String, TreeNode)>> {
    let place = vec(select(vec!["a", "b", "c"]), 1..4).prop_map(|parts| parts.join("/"));
    let kind = prop_oneof![
        3 => Just(dir()),
        1 => Just(file("x")),
        3 => path().prop_filter("no target", |to| !to.is_empty()).prop_map(|to| symlink(&to)),
    ];
    vec((place, kind), 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn paths_resolve_as_in_the_kernel(
        nodes in nodes(),
        root in select(vec!["", "a", "b", "a/b"]),
        paths in vec((path(), any::<bool>()), 1..20),
    ) {
        let twins = Twins::new(&nodes);
        let is_directory = |node: &TreeNode| node.kind == TreeNodeKind::Directory;
        let root = if twins.tree.get(root).is_some_and(is_directory) { root } else { "" };
        for (path, follow) in paths.iter().filter(|(path, _)| !path.is_empty()) {
            let last = if *follow { Yes } else { No };
            let found = twins.tree.resolve_below(root, path, last);
            match (twins.find(root, path, last), found) {
                (Ok(expected), Ok(ResolvedTreePath { path: found, exists })) => {
                    prop_assert!(exists, "{path} below /{root}: exists");
                    prop_assert_eq!(found, expected, "{} below /{}", path, root);
                }
                // Below what does not exist `..` removes a part, which the kernel does not do.
                (Err(Errno::NOENT), Ok(found)) => {
                    let has_link = nodes.iter().any(|(_, node)| matches!(&node.kind, TreeNodeKind::Symlink(to) if to.contains("..")));
                    prop_assert!(!found.exists || path.contains("..") || has_link, "{path}");
                }
                (Err(Errno::NOENT | Errno::NOTDIR), Err(TreeError::NotADirectory(_)))
                | (Err(Errno::LOOP | Errno::NOENT), Err(TreeError::Loop(_))) => {}
                (expected, found) => {
                    prop_assert!(false, "{path} below /{root}: {found:?}, not {expected:?}");
                }
            }
        }
    }
}
