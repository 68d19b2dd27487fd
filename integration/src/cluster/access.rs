//! **Access**: which files of a rootfs the user of virtual machines may read, and what can be mounted
//! in it.

use super::QEMU;
use super::rootfs::{NodeKind, Rootfs, RootfsNode};

/// Bit of a mode that allows reading.
const READ: u32 = 4;
/// Bit of a mode that allows access to what is in a directory.
const SEARCH: u32 = 1;

/// Files that the kubelet and the runtime mount into every container.
const MOUNTED_FILES: [&str; 3] = ["etc/hosts", "etc/hostname", "etc/resolv.conf"];

/// The only file of a directory, which KubeVirt and CDI's server look for.
#[derive(Debug)]
pub(super) struct FoundFile<'a> {
    pub(super) name: &'a str,
    pub(super) node: &'a RootfsNode,
}

impl Rootfs {
    /// Returns the resolved path of a directory and the names in it.
    pub(super) fn read_dir(&self, path: &str) -> Result<(String, Vec<&str>), String> {
        let at = self.follow(path).ok_or(format!("open /{path}: no such file or directory"))?;
        if self.node(&at).is_none_or(|node| node.kind != NodeKind::Directory) {
            return Err(format!("readdirent /{path}: not a directory"));
        }
        let names = self.list(&at);
        Ok((at, names))
    }

    /// Returns the node that a path resolves to.
    pub(super) fn open(&self, path: &str) -> Result<&RootfsNode, String> {
        let at = self.follow(path).ok_or(format!("open /{path}: no such file or directory"))?;
        self.node(&at).ok_or(format!("open /{path}: no such file or directory"))
    }

    /// Refuses a file that the user cannot read. Directories above it are not checked.
    pub(super) fn check_readable(path: &str, node: &RootfsNode) -> Result<(), String> {
        if may(node, READ) { Ok(()) } else { Err(format!("open /{path}: permission denied")) }
    }

    /// Refuses a directory that the user cannot list or enter. The mode of the root is not that of the
    /// image: podman ignores it, containerd skips its entry.
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

    /// Refuses a tree in which nothing can be mounted at a path, since something on the way to it is not a
    /// directory.
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
