//! **Access** is what the user of virtual machines may do in a rootfs, and what can be mounted there.

use super::QEMU;
use super::rootfs::{NodeKind, Rootfs, RootfsNode};

/// What is wanted of a file or directory, as the bits of its mode.
const READ: u32 = 4;
const SEARCH: u32 = 1;

/// Files that the kubelet and the runtime mount into every container.
const MOUNTED_FILES: [&str; 3] = ["etc/hosts", "etc/hostname", "etc/resolv.conf"];

/// The one file in a directory, as KubeVirt and CDI's server look for it.
#[derive(Debug)]
pub(super) struct FoundFile<'a> {
    pub(super) name: &'a str,
    pub(super) node: &'a RootfsNode,
}

impl Rootfs {
    /// Returns what is in a directory, if it is one.
    pub(super) fn read_dir(&self, path: &str) -> Result<(String, Vec<&str>), String> {
        let at = self.follow(path).ok_or(format!("open /{path}: no such file or directory"))?;
        if self.node(&at).is_none_or(|node| node.kind != NodeKind::Directory) {
            return Err(format!("readdirent /{path}: not a directory"));
        }
        let names = self.list(&at);
        Ok((at, names))
    }

    /// Returns the file that a path leads to.
    pub(super) fn open(&self, path: &str) -> Result<&RootfsNode, String> {
        let at = self.follow(path).ok_or(format!("open /{path}: no such file or directory"))?;
        self.node(&at).ok_or(format!("open /{path}: no such file or directory"))
    }

    /// Refuses a file that the user cannot read, whoever opens the directories above it.
    pub(super) fn check_readable(path: &str, node: &RootfsNode) -> Result<(), String> {
        if may(node, READ) { Ok(()) } else { Err(format!("open /{path}: permission denied")) }
    }

    /// Refuses a directory that the user cannot list or go into. The root's own mode is not the
    /// image's: podman ignores it, containerd passes over its entry.
    pub(super) fn check_traversable(&self, path: &str) -> Result<(), String> {
        let mut ways = vec![path.to_owned()];
        ways.extend(path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
        for way in ways {
            let wanted = if way == path { READ | SEARCH } else { SEARCH };
            if self.node(&way).is_some_and(|node| !may(node, wanted)) {
                return Err(format!("open /{way}: permission denied"));
            }
        }
        Ok(())
    }

    /// Refuses a tree in which nothing can be mounted at a path: something on the way to it is there
    /// and is no directory.
    pub(super) fn check_mountable(&self, path: &str) -> Result<(), String> {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let way = &path[..end];
            let Some(at) = self.follow(way) else { continue };
            if self.node(&at).is_some_and(|node| node.kind != NodeKind::Directory) {
                return Err(format!("mount /{path}: /{way}: not a directory"));
            }
        }
        Ok(())
    }
}

impl Rootfs {
    /// Refuses a tree that has a directory where a file is mounted in every container.
    pub(super) fn check_files_mountable(&self) -> Result<(), String> {
        for path in MOUNTED_FILES {
            let node = self.follow(path).and_then(|at| self.node(&at).cloned());
            if node.is_some_and(|node| node.kind == NodeKind::Directory) {
                return Err(format!("mount /{path}: not a directory: a file onto a directory"));
            }
        }
        Ok(())
    }
}

fn may(node: &RootfsNode, wanted: u32) -> bool {
    let bits = match node {
        node if node.uid == QEMU => node.mode >> 6,
        node if node.gid == QEMU => node.mode >> 3,
        node => node.mode,
    };
    bits & wanted == wanted
}
