//! Two *views* of an image's layers: KubeVirt sees what a container sees, all layers one over the
//! other; CDI reads the layers one by one, lowest first, and takes the first disk that it finds.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;

use crate::cluster::contract::facts::{DiskFacts, LayerFacts};
use crate::cluster::contract::mounts::{BOOTC_DIRECTORIES, MOUNTED_FILES, mount_below};
use crate::cluster::contract::placement::{DISK_DIRECTORY, QEMU_OWNER};
use crate::oci::image::whiteout;
use crate::oci::tar::{NamePrefix, TarEntry, TarEntryKind};
use crate::recipe::path::{is_below, join, split};

/// Directory of kernels for `kernelBoot`.
pub(crate) const KERNEL_DIRECTORY: &str = "boot";

/// Returns whether any rule needs a member.
pub(crate) fn is_relevant(path: &str) -> bool {
    let (dir, name) = split(path);
    let hidden;
    let path = match name.strip_prefix(whiteout::PREFIX) {
        _ if name == whiteout::OPAQUE => dir,
        Some(name) => {
            hidden = join(dir, name);
            &hidden
        }
        None => path,
    };
    path.is_empty()
        || path.starts_with(DISK_DIRECTORY)
        || path == KERNEL_DIRECTORY
        || is_below(path, KERNEL_DIRECTORY)
        || BOOTC_DIRECTORIES.contains(&path)
        || MOUNTED_FILES.iter().any(|file| path == *file || is_below(path, file))
        || mount_below(path).is_some()
}

/// Returns whether a member decides what is at a path: it is there, on the way, or removes it.
pub(crate) fn is_on_way(member: &str, path: &str) -> bool {
    let (dir, name) = split(member);
    let meant = match name.strip_prefix(whiteout::PREFIX) {
        _ if name == whiteout::OPAQUE => dir.to_owned(),
        Some(hidden) => join(dir, hidden),
        None => member.to_owned(),
    };
    meant == path || is_below(path, &meant) || is_below(&meant, path)
}

/// Returns whether CDI takes a member for a disk: `hasPrefix`, `isWhiteout` and `isDir` in its
/// `pkg/importer/transport.go`.
pub(crate) fn cdi_takes(found: &TarEntry) -> bool {
    matches!(found.lead, NamePrefix::Plain | NamePrefix::Dot)
        && found.path.starts_with(DISK_DIRECTORY)
        && !split(&found.path).1.starts_with(whiteout::PREFIX)
        && found.kind != TarEntryKind::Directory
}

/// Returns whether a file at this path is a disk for virtual machines.
pub(crate) fn is_disk(path: &str) -> bool {
    split(path).0 == DISK_DIRECTORY
}

/// Returns the path and the facts of the disk, if KubeVirt and CDI take the same file.
pub(crate) fn agreed_disk(layers: &[LayerFacts]) -> Option<(String, &DiskFacts)> {
    let taken = cdi_disks(layers).next()?;
    let children = Rootfs::new(layers).children(DISK_DIRECTORY);
    let mut seen = children.into_values();
    if seen.next().flatten() != Some(taken) || seen.next().is_some() {
        return None;
    }
    let disk = layers.get(taken.layer)?.disks.get(&taken.member)?;
    Some((taken.entry.path.clone(), disk))
}

/// Returns the path and the facts of the disk that a virtual machine names by its path.
pub(crate) fn named_disk<'l>(
    layers: &'l [LayerFacts],
    path: &str,
) -> Option<(String, &'l DiskFacts)> {
    let seen = Rootfs::new(layers).get(path)?;
    let disk = layers.get(seen.layer)?.disks.get(&seen.member)?;
    Some((path.to_owned(), disk))
}

/// A member of a layer, with the index of the layer and its own index there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeenMember<'a> {
    pub(crate) entry: &'a TarEntry,
    pub(crate) layer: usize,
    pub(crate) member: usize,
}

/// Returns all members of all layers, lowest layer first.
fn all_members(layers: &[LayerFacts]) -> impl Iterator<Item = SeenMember<'_>> {
    layers.iter().enumerate().flat_map(|(layer, facts)| {
        let numbered = facts.members.iter().enumerate();
        numbered.map(move |(member, found)| SeenMember { entry: found, layer, member })
    })
}

/// Returns the members that CDI takes for disks, in the order in which it reads them; it imports
/// the first.
pub(crate) fn cdi_disks(layers: &[LayerFacts]) -> impl Iterator<Item = SeenMember<'_>> {
    all_members(layers).filter(|seen| cdi_takes(seen.entry))
}

/// The files that a container of the image sees, as far as rules need them.
#[derive(Debug, Default)]
pub(crate) struct Rootfs<'a> {
    nodes: BTreeMap<&'a str, SeenMember<'a>>,
    /// Paths that were hidden already, each with the layer below which.
    hidden: HashSet<(String, usize)>,
}

impl<'a> Rootfs<'a> {
    /// Puts the layers one over the other, as containerd does (`pkg/archive/tar.go`).
    pub(crate) fn new(layers: &'a [LayerFacts]) -> Self {
        let mut rootfs = Self::default();
        for seen in all_members(layers) {
            rootfs.add(seen);
        }
        rootfs
    }

    fn add(&mut self, seen: SeenMember<'a>) {
        let path = seen.entry.path.as_str();
        let (dir, name) = split(path);
        match name.strip_prefix(whiteout::PREFIX) {
            _ if name == whiteout::OPAQUE => self.hide_below(dir, seen.layer),
            Some(name) => {
                let path = join(dir, name);
                self.hide_below(&path, seen.layer);
                if self.nodes.get(path.as_str()).is_some_and(|node| node.layer < seen.layer) {
                    self.nodes.remove(path.as_str());
                }
            }
            None => {
                if seen.entry.kind != TarEntryKind::Directory {
                    self.hide_below(path, seen.layer + 1);
                }
                self.nodes.insert(path, seen);
            }
        }
    }

    /// Removes what the layers under `layer` have below a path.
    fn hide_below(&mut self, path: &str, layer: usize) {
        if !self.hidden.insert((path.to_owned(), layer)) {
            return;
        }
        let hidden = self.below(path).filter(|node| node.layer < layer);
        let hidden: Vec<&str> = hidden.map(|node| node.entry.path.as_str()).collect();
        for path in hidden {
            self.nodes.remove(path);
        }
    }

    /// Returns the member at a path; nothing for a directory that has no entry of its own.
    pub(crate) fn get(&self, path: &str) -> Option<SeenMember<'a>> {
        self.nodes.get(path).copied()
    }

    /// Returns all members.
    pub(crate) fn all(&self) -> impl Iterator<Item = SeenMember<'a>> {
        self.nodes.values().copied()
    }

    /// Returns the members below a path, at any depth.
    pub(crate) fn below(&self, path: &str) -> impl Iterator<Item = SeenMember<'a>> + use<'a, '_> {
        let front = if path.is_empty() { String::new() } else { format!("{path}/") };
        let from = self.nodes.range::<str, _>((Bound::Included(front.as_str()), Bound::Unbounded));
        let below = from.map(|(_, seen)| *seen);
        below
            .take_while(move |seen| seen.entry.path.starts_with(&front))
            .filter(|seen| !seen.entry.path.is_empty())
    }

    /// Returns the names in a directory and their members. A directory that has no entry of its own
    /// is included, without a member.
    pub(crate) fn children(&self, dir: &str) -> BTreeMap<&'a str, Option<SeenMember<'a>>> {
        let mut children = BTreeMap::new();
        for seen in self.below(dir) {
            let rest = &seen.entry.path[dir.len()..];
            let rest = rest.strip_prefix('/').unwrap_or(rest);
            match rest.split_once('/') {
                Some((name, _)) => drop(children.entry(name).or_insert(None)),
                None => drop(children.insert(rest, Some(seen))),
            }
        }
        children
    }
}

/// Returns owner and mode of a member, as a finding says them.
pub(crate) fn show_ownership(seen: SeenMember<'_>) -> String {
    let found = seen.entry;
    format!("it belongs to {}:{} and has the mode {:04o}", found.uid, found.gid, found.mode)
}

/// Returns whether QEMU's user has all of `bits`: the owner's bits apply if it owns the file, else
/// the group's, else those of others.
pub(crate) fn allows_qemu(found: &TarEntry, bits: u32) -> bool {
    let shift = match found.owner() {
        owner if owner.uid == QEMU_OWNER.uid => 6,
        owner if owner.gid == QEMU_OWNER.gid => 3,
        _ => 0,
    };
    (found.mode >> shift) & bits == bits
}
