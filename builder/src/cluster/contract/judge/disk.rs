//! Judges the disk itself.

use crate::cluster::contract::Findings;
use crate::cluster::contract::facts::ImageFacts;
use crate::cluster::contract::rules::{DISK_ARCHITECTURE, DISK_SMALL};
use crate::cluster::contract::view::SeenMember;

/// Number of bytes that CDI's node pull reads of a disk to detect its format: `MaxExpectedHdrSize` in
/// its `pkg/image/filefmt.go`.
const SNIFFED_LEN: u64 = 512;

pub(super) fn judge_disk(facts: &ImageFacts, seen: SeenMember<'_>, findings: &mut Findings) {
    let Some(disk) = facts.layers.get(seen.layer).and_then(|layer| layer.disks.get(&seen.member))
    else {
        return;
    };
    let subject = format!("/{}", seen.entry.path.escape_debug());
    for flaw in &disk.info.flaws {
        findings.add_flaw(flaw, &subject);
    }
    if disk.info.file_size < SNIFFED_LEN && facts.disk_path.is_none() {
        findings.add(&DISK_SMALL, &subject, format!("it has {} bytes", disk.info.file_size));
    }
    let architecture = facts.config.architecture.as_str();
    if !architecture.is_empty() && !disk.info.boots_on(architecture) {
        let architecture = architecture.escape_debug();
        let machines = disk.info.boot.join(" and ");
        let detail = format!("its boot loader is for {machines}, not {architecture}");
        findings.add(&DISK_ARCHITECTURE, &subject, detail);
    }
}
