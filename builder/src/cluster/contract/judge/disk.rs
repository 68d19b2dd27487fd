//! Judges the disk itself.

use crate::cluster::contract::Findings;
use crate::cluster::contract::facts::ImageFacts;
use crate::cluster::contract::rules::{
    self, DISK_ARCHITECTURE, DISK_BACKING_FILE, DISK_BLANK, DISK_CDI_ONLY, DISK_CORRUPT,
    DISK_DATA_FILE, DISK_DIRTY, DISK_ENCRYPTED, DISK_MALFORMED, DISK_MISNAMED, DISK_OUTSIDE_FILE,
    DISK_PACKED, DISK_SNAPSHOTS, DISK_TRUNCATED, DISK_UNKNOWN_FEATURE, DISK_UNSUPPORTED,
};
use crate::cluster::contract::view::Seen;
use crate::disk::FlawKind;

/// Returns the rule that a disk with such a flaw breaks.
fn rule(kind: FlawKind) -> &'static rules::Rule {
    match kind {
        FlawKind::Blank => &DISK_BLANK,
        FlawKind::Packed => &DISK_PACKED,
        FlawKind::Truncated => &DISK_TRUNCATED,
        FlawKind::OutsideFile => &DISK_OUTSIDE_FILE,
        FlawKind::Malformed => &DISK_MALFORMED,
        FlawKind::Corrupt => &DISK_CORRUPT,
        FlawKind::UnknownFeature => &DISK_UNKNOWN_FEATURE,
        FlawKind::BackingFile => &DISK_BACKING_FILE,
        FlawKind::DataFile => &DISK_DATA_FILE,
        FlawKind::Encrypted => &DISK_ENCRYPTED,
        FlawKind::CdiOnly => &DISK_CDI_ONLY,
        FlawKind::Unsupported => &DISK_UNSUPPORTED,
        FlawKind::Misnamed => &DISK_MISNAMED,
        FlawKind::Dirty => &DISK_DIRTY,
        FlawKind::Snapshots => &DISK_SNAPSHOTS,
    }
}

pub(super) fn judge(facts: &ImageFacts, seen: Seen<'_>, findings: &mut Findings) {
    let Some(disk) = facts.layers.get(seen.layer).and_then(|layer| layer.disks.get(&seen.member))
    else {
        return;
    };
    let subject = format!("/{}", seen.found.path.escape_debug());
    for flaw in &disk.info.flaws {
        findings.add(rule(flaw.kind), &subject, flaw.to_string());
    }
    let architecture = facts.config.architecture.as_str();
    if !architecture.is_empty() && !disk.info.boots_on(architecture) {
        let architecture = architecture.escape_debug();
        let machines = disk.info.boot.join(" and ");
        let detail = format!("its boot loader is for {machines}, not {architecture}");
        findings.add(&DISK_ARCHITECTURE, &subject, detail);
    }
}
