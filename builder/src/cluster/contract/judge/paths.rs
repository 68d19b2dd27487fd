//! Judges the paths of members.

use std::collections::BTreeMap;

use crate::cluster::contract::facts::LayerFacts;
use crate::cluster::contract::placement::DISK_DIRECTORY;
use crate::cluster::contract::rules::{
    DISK_CLOSED, DISK_DIFFERS, DISK_LINK, DISK_MISSING, DISK_NAME, DISK_NESTED, DISK_NOT_DIRECTORY,
    DISK_PREFIX, DISK_REPEATED, DISK_SEVERAL, DISK_SPECIAL, DISK_TAR_NAME, DISK_UNREADABLE,
    DISK_WHITEOUT, KERNEL_ONLY, KERNEL_UNREADABLE,
};
use crate::cluster::contract::view::{
    KERNEL_DIRECTORY, Rootfs, SeenMember, allows_qemu, cdi_disks, cdi_takes, show_ownership,
};
use crate::cluster::contract::{ContractRule, Findings, name_problem};
use crate::oci::image::whiteout;
use crate::oci::tar::{TarEntry, TarEntryKind};
use crate::recipe::path::{is_below, join, split};

/// Maximum number of names that are listed.
const LISTED: usize = 5;

const READ: u32 = 0o4;
const ENTER: u32 = 0o1;

/// Judges the paths. Returns what KubeVirt takes for the disk, if there is exactly one file.
pub(super) fn judge_paths<'a>(
    layers: &'a [LayerFacts],
    rootfs: &Rootfs<'a>,
    taken: Option<SeenMember<'a>>,
    findings: &mut Findings,
) -> Option<SeenMember<'a>> {
    judge_kernels(rootfs, findings);
    let disk = match find_disk(rootfs) {
        Ok(disk) => Some(disk),
        // A missing disk may be in a layer that could not be read.
        Err(NoDisk::Missing { .. }) if !layers.iter().all(LayerFacts::is_whole) => None,
        Err(problem) => {
            let (rule, subject, detail) = problem.finding();
            findings.add(rule, subject, detail);
            None
        }
    };
    if let Some(disk) = disk {
        judge_permissions(rootfs, disk, findings);
        judge_kind(disk, findings);
        if let Some(problem) = name_problem(split(&disk.entry.path).1) {
            findings.add(&DISK_NAME, member_path(disk), problem);
        }
    }
    // Without exactly one disk nothing more can be judged.
    let is_clear = disk.is_some() || rootfs.children(DISK_DIRECTORY).is_empty();
    if is_clear
        && rootfs.get(DISK_DIRECTORY).is_none_or(|dir| dir.entry.kind == TarEntryKind::Directory)
    {
        judge_agreement(layers, disk, taken, findings);
    }
    judge_prefixes(layers, findings);
    judge_whiteouts(layers, rootfs, findings);
    disk.filter(|disk| disk.entry.kind == TarEntryKind::File)
}

/// Why there is not exactly one entry in `/disk`, as KubeVirt sees it.
#[derive(Debug)]
enum NoDisk<'a> {
    /// It is empty, or does not exist; perhaps there is a kernel.
    Missing { has_directory: bool, kernel: Option<&'a str> },
    /// `/disk` is not a directory.
    NotDirectory(&'a TarEntryKind),
    /// It has a directory, which no layer has an entry for.
    Nested(&'a str),
    /// It has more than one entry.
    Several(Vec<&'a str>),
}

/// Finds the entry that KubeVirt takes for the disk, whatever its kind: `GetImage` in its
/// `pkg/container-disk/container-disk.go`.
fn find_disk<'a>(rootfs: &Rootfs<'a>) -> Result<SeenMember<'a>, NoDisk<'a>> {
    let directory = rootfs.get(DISK_DIRECTORY).map(|seen| &seen.entry.kind);
    if let Some(kind) = directory.filter(|kind| **kind != TarEntryKind::Directory) {
        return Err(NoDisk::NotDirectory(kind));
    }
    let children: BTreeMap<&str, Option<SeenMember<'_>>> = rootfs.children(DISK_DIRECTORY);
    let mut entries = children.iter();
    match (entries.next(), entries.next()) {
        (Some((_, Some(seen))), None) => Ok(*seen),
        (Some((name, None)), None) => Err(NoDisk::Nested(name)),
        (Some(_), Some(_)) => Err(NoDisk::Several(children.into_keys().collect())),
        (None, _) => {
            let is_file = |seen: &SeenMember<'_>| seen.entry.kind == TarEntryKind::File;
            let kernel = rootfs.below(KERNEL_DIRECTORY).find(is_file);
            let kernel = kernel.map(|seen| seen.entry.path.as_str());
            Err(NoDisk::Missing { has_directory: directory.is_some(), kernel })
        }
    }
}

impl NoDisk<'_> {
    /// Returns the broken rule, its subject, and what was found.
    fn finding(&self) -> (&'static ContractRule, String, String) {
        let disk = String::from("/disk");
        match self {
            Self::Missing { has_directory: true, .. } => {
                (&DISK_MISSING, disk, "it is empty".into())
            }
            Self::Missing { kernel: Some(kernel), .. } => {
                (&KERNEL_ONLY, format!("/{}", kernel.escape_debug()), "there is no `/disk`".into())
            }
            Self::Missing { .. } => (&DISK_MISSING, disk, "there is no such directory".into()),
            Self::NotDirectory(kind) => {
                (&DISK_NOT_DIRECTORY, disk, format!("it is {}", kind.noun()))
            }
            Self::Nested(name) => {
                let subject = format!("/disk/{}", name.escape_debug());
                (&DISK_NESTED, subject, "it is a directory".into())
            }
            Self::Several(names) => {
                let list = names.iter().take(LISTED).map(|name| name.escape_debug().to_string());
                let list = list.collect::<Vec<_>>().join(", ");
                let more = if names.len() > LISTED { ", …" } else { "" };
                (&DISK_SEVERAL, disk, format!("it holds {}: {list}{more}", names.len()))
            }
        }
    }
}

fn member_path(seen: SeenMember<'_>) -> String {
    format!("/{}", seen.entry.path.escape_debug())
}

fn judge_kind(disk: SeenMember<'_>, findings: &mut Findings) {
    let found = disk.entry;
    let rule = match &found.kind {
        TarEntryKind::File if !cdi_takes(found) => {
            let detail = "its name in the tar begins neither with `disk/` nor with `./disk/`";
            findings.add(&DISK_TAR_NAME, member_path(disk), detail);
            return;
        }
        TarEntryKind::File => return,
        TarEntryKind::Directory => &DISK_NESTED,
        TarEntryKind::Symlink(_) | TarEntryKind::Hardlink(_) => &DISK_LINK,
        TarEntryKind::Character { .. } | TarEntryKind::Block { .. } | TarEntryKind::Fifo => {
            &DISK_SPECIAL
        }
    };
    let target = match &found.kind {
        TarEntryKind::Symlink(target) | TarEntryKind::Hardlink(target) => {
            format!(" to `{}`", target.escape_debug())
        }
        _ => String::new(),
    };
    findings.add(rule, member_path(disk), format!("it is {}{target}", found.kind.noun()));
}

fn judge_permissions(rootfs: &Rootfs<'_>, disk: SeenMember<'_>, findings: &mut Findings) {
    // The mode of the root is not the image's: podman ignores it, containerd skips the entry.
    if let Some(directory) = rootfs.get(DISK_DIRECTORY)
        && directory.entry.kind == TarEntryKind::Directory
        && !allows_qemu(directory.entry, READ | ENTER)
    {
        findings.add(&DISK_CLOSED, member_path(directory), show_ownership(directory));
    }
    if disk.entry.kind == TarEntryKind::File && !allows_qemu(disk.entry, READ) {
        findings.add(&DISK_UNREADABLE, member_path(disk), show_ownership(disk));
    }
}

/// Finds out whether CDI and KubeVirt take different disks.
fn judge_agreement(
    layers: &[LayerFacts],
    disk: Option<SeenMember<'_>>,
    taken: Option<SeenMember<'_>>,
    findings: &mut Findings,
) {
    let Some(taken) = taken else { return };
    let place = |seen: SeenMember<'_>| (seen.layer, seen.member);
    let Some(disk) = disk else {
        let detail = "CDI takes it for the disk, KubeVirt has none";
        findings.add(&DISK_DIFFERS, show_location(taken), detail);
        return;
    };
    let is_plain = disk.entry.kind == TarEntryKind::File && cdi_takes(disk.entry);
    if place(disk) == place(taken) || (!is_plain && taken.layer >= disk.layer) {
        return;
    }
    let look = |seen: SeenMember<'_>| {
        layers.get(seen.layer).and_then(|layer| layer.disks.get(&seen.member)).map(|disk| disk.mark)
    };
    let seems_same = disk.entry.path == taken.entry.path
        && disk.entry.kind == taken.entry.kind
        && disk.entry.size == taken.entry.size
        && look(disk) == look(taken);
    if seems_same {
        let (low, high) = (taken.layer + 1, disk.layer + 1);
        let detail = format!("it is in layer {low} and, as far as can be seen the same, in {high}");
        findings.add(&DISK_REPEATED, member_path(disk), detail);
    } else {
        let detail = format!("CDI takes it for the disk, KubeVirt {}", show_location(disk));
        findings.add(&DISK_DIFFERS, show_location(taken), detail);
    }
}

fn show_location(seen: SeenMember<'_>) -> String {
    format!("{} of layer {}", member_path(seen), seen.layer + 1)
}

/// Finds other members that CDI could take for the disk.
fn judge_prefixes(layers: &[LayerFacts], findings: &mut Findings) {
    let others = cdi_disks(layers).filter(|seen| {
        let path = seen.entry.path.as_str();
        path != DISK_DIRECTORY && !is_below(path, DISK_DIRECTORY)
    });
    for other in others.take(LISTED) {
        findings.add(&DISK_PREFIX, member_path(other), "its path begins with `disk`");
    }
}

/// Finds whiteouts in `/disk` that overlayfs does not hide, since no other layer has the directory.
fn judge_whiteouts(layers: &[LayerFacts], rootfs: &Rootfs<'_>, findings: &mut Findings) {
    let is_inside =
        |entry: &TarEntry| entry.path == DISK_DIRECTORY || is_below(&entry.path, DISK_DIRECTORY);
    let mut having = layers.iter().filter(|layer| layer.members.iter().any(is_inside));
    let (Some(layer), None) = (having.next(), having.next()) else { return };
    for entry in &layer.members {
        let (directory, name) = split(&entry.path);
        let hidden = name.strip_prefix(whiteout::PREFIX).filter(|_| name != whiteout::OPAQUE);
        let Some(hidden) = hidden.filter(|_| directory == DISK_DIRECTORY) else { continue };
        if rootfs.get(&join(directory, hidden)).is_none() {
            let subject = format!("/{}", entry.path.escape_debug());
            findings.add(&DISK_WHITEOUT, subject, "no other layer has anything in `/disk`");
        }
    }
}

fn judge_kernels(rootfs: &Rootfs<'_>, findings: &mut Findings) {
    let closed = |seen: &SeenMember<'_>| match seen.entry.kind {
        TarEntryKind::File => !allows_qemu(seen.entry, READ),
        TarEntryKind::Directory => !allows_qemu(seen.entry, ENTER),
        _ => false,
    };
    let all = rootfs.get(KERNEL_DIRECTORY).into_iter().chain(rootfs.below(KERNEL_DIRECTORY));
    for seen in all.filter(closed).take(LISTED) {
        findings.add(&KERNEL_UNREADABLE, member_path(seen), show_ownership(seen));
    }
}
