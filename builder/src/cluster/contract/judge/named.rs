//! Judges an image whose disk is at a path that the virtual machine names, by `containerDisk.path`.
//! KubeVirt alone finds it: CDI looks in `/disk`.

use super::{disk, layers, mounts};
use crate::cluster::contract::Findings;
use crate::cluster::contract::facts::{ImageFacts, LayerFacts};
use crate::cluster::contract::rules::{DISK_CLOSED, DISK_PATH, DISK_UNREADABLE};
use crate::cluster::contract::view::{Rootfs, SeenMember, allows_qemu, show_ownership};
use crate::oci::tar::TarEntryKind;

const READ: u32 = 0o4;
const ENTER: u32 = 0o1;

/// Judges the layers, and the file at a path: `GetImage` in KubeVirt's
/// `pkg/container-disk/container-disk.go`.
pub(super) fn judge_named(
    facts: &ImageFacts,
    rootfs: &Rootfs<'_>,
    path: &str,
    findings: &mut Findings,
) {
    layers::judge_layers(facts, None, findings);
    mounts::judge_mounts(&facts.layers, rootfs, findings);
    let subject = format!("/{}", path.escape_debug());
    let Some(seen) = rootfs.get(path) else {
        let is_directory = rootfs.below(path).next().is_some();
        if is_directory {
            findings.add(&DISK_PATH, subject, "it is a directory");
        } else if facts.layers.iter().all(LayerFacts::is_whole) {
            findings.add(&DISK_PATH, subject, "there is no such file");
        }
        return;
    };
    if seen.entry.kind != TarEntryKind::File {
        let detail = format!("it is {}", seen.entry.kind.noun());
        findings.add(&DISK_PATH, subject, detail);
        return;
    }
    judge_permissions(rootfs, seen, &subject, findings);
    disk::judge_disk(facts, seen, findings);
}

fn judge_permissions(
    rootfs: &Rootfs<'_>,
    disk: SeenMember<'_>,
    subject: &str,
    findings: &mut Findings,
) {
    let path = disk.entry.path.as_str();
    for (end, _) in path.match_indices('/') {
        let Some(directory) = rootfs.get(&path[..end]) else { continue };
        if directory.entry.kind == TarEntryKind::Directory && !allows_qemu(directory.entry, ENTER) {
            let subject = format!("/{}", path[..end].escape_debug());
            findings.add(&DISK_CLOSED, subject, show_ownership(directory));
        }
    }
    if !allows_qemu(disk.entry, READ) {
        findings.add(&DISK_UNREADABLE, subject, show_ownership(disk));
    }
}
