//! Judges what is where something is mounted, and what makes CDI refuse an image as bootable.

use crate::cluster::contract::Findings;
use crate::cluster::contract::facts::{LayerFacts, ShallowEntry};
use crate::cluster::contract::mounts::{BOOTC_DIRECTORIES, MOUNTED_FILES, mount_below};
use crate::cluster::contract::rules::{BOOTC_DIRECTORY, MOUNT_FILE, MOUNT_POINT};
use crate::cluster::contract::view::{Rootfs, SeenMember};
use crate::oci::image::whiteout;
use crate::oci::tar::TarEntryKind;
use crate::recipe::path::{join, split};

/// Maximum number of links that are followed, as in Linux.
const LINKS_MAX: usize = 40;

pub(super) fn judge_mounts(layers: &[LayerFacts], rootfs: &Rootfs<'_>, findings: &mut Findings) {
    for seen in rootfs.all() {
        let Some(reason) = mount_below(&seen.entry.path) else { continue };
        if !matches!(seen.entry.kind, TarEntryKind::Directory | TarEntryKind::Symlink(_)) {
            let detail = format!("it is {}, and {reason}", seen.entry.kind.noun());
            findings.add(&MOUNT_POINT, show_path(seen), detail);
        }
    }
    for path in MOUNTED_FILES {
        if is_directory(layers, rootfs, path) {
            findings.add(&MOUNT_FILE, format!("/{path}"), "it is a directory");
        }
    }
    for path in BOOTC_DIRECTORIES {
        if !is_directory(layers, rootfs, path) {
            continue;
        }
        let detail = match rootfs.get(path).map(|seen| &seen.entry.kind) {
            Some(TarEntryKind::Symlink(target)) => {
                format!("it is a link to the directory `{}`", target.escape_debug())
            }
            _ => "it is a directory".into(),
        };
        findings.add(&BOOTC_DIRECTORY, format!("/{path}"), detail);
    }
}

/// Returns whether a path leads to a directory, over links.
fn is_directory(layers: &[LayerFacts], rootfs: &Rootfs<'_>, path: &str) -> bool {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        if rootfs.below(&path).next().is_some() {
            return true;
        }
        let link = match rootfs.get(&path).map(|seen| &seen.entry.kind) {
            Some(TarEntryKind::Directory) => return true,
            Some(TarEntryKind::Symlink(target)) => target,
            Some(_) => return false,
            // Of what no other rule needs, only the directories and links near the root are known.
            None => match find_shallow(layers, &path) {
                Some(ShallowEntry::Link(target)) => target,
                Some(ShallowEntry::Directory) => return true,
                None => return path.is_empty(),
            },
        };
        path = resolve_link(&path, link);
    }
    false
}

/// Returns the directory or link at a path near the root, unless the layer that has it is below one
/// that removes it.
fn find_shallow<'l>(layers: &'l [LayerFacts], path: &str) -> Option<&'l ShallowEntry> {
    let (directory, name) = split(path);
    let whiteout = join(directory, &format!("{}{name}", whiteout::PREFIX));
    for layer in layers.iter().rev() {
        let found = layer.shallow.get(path);
        if found.is_some() || layer.members.iter().any(|member| member.path == whiteout) {
            return found;
        }
    }
    None
}

/// Returns the path that the target of a link means, inside the root.
fn resolve_link(link: &str, target: &str) -> String {
    let start = if target.starts_with('/') { "" } else { split(link).0 };
    target.split('/').fold(start.to_owned(), |path, part| match part {
        "" | "." => path,
        ".." => split(&path).0.to_owned(),
        part => join(&path, part),
    })
}

fn show_path(seen: SeenMember<'_>) -> String {
    format!("/{}", seen.entry.path.escape_debug())
}
