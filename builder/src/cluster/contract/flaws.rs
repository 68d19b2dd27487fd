//! What the *flaws* of a disk mean for KubeVirt and CDI: each breaks a rule.

use std::io;

use super::rules::{
    ContractRule, DISK_BACKING_FILE, DISK_BLANK, DISK_CDI_ONLY, DISK_CORRUPT, DISK_DATA_FILE,
    DISK_DIRTY, DISK_ENCRYPTED, DISK_MALFORMED, DISK_MISNAMED, DISK_OUTSIDE_FILE, DISK_PACKED,
    DISK_SECTOR_SIZE, DISK_SNAPSHOTS, DISK_TRUNCATED, DISK_UNKNOWN_FEATURE, DISK_UNSUPPORTED,
};
use crate::disk::{self, DiskInfo, FlawKind, ReadAt};

/// Returns the rule that a disk with such a flaw breaks.
pub fn flaw_rule(kind: FlawKind) -> &'static ContractRule {
    match kind {
        FlawKind::Blank => &DISK_BLANK,
        FlawKind::Compressed => &DISK_PACKED,
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
        FlawKind::SectorSize => &DISK_SECTOR_SIZE,
        FlawKind::Misnamed => &DISK_MISNAMED,
        FlawKind::Dirty => &DISK_DIRTY,
        FlawKind::Snapshots => &DISK_SNAPSHOTS,
    }
}

/// Examines a disk as [`disk::examine_disk`] does, and sorts its flaws by the severity of the rules that
/// they break, worst first. Among errors, a format that only CDI takes comes last: it can be allowed.
pub fn examine_disk_by_rules(bytes: &dyn ReadAt) -> io::Result<DiskInfo> {
    let mut info = disk::examine_disk(bytes)?;
    sort_flaws(&mut info);
    Ok(info)
}

/// Sorts the flaws of a disk by the severity of the rules that they break.
pub(crate) fn sort_flaws(info: &mut DiskInfo) {
    let rank = |kind| (flaw_rule(kind).severity, kind == FlawKind::CdiOnly);
    info.flaws.sort_by_key(|flaw| rank(flaw.kind));
}
