//! Judges the disk itself.

use crate::cluster::contract::facts::ImageFacts;
use crate::cluster::contract::rules::DISK_ARCHITECTURE;
use crate::cluster::contract::view::SeenMember;
use crate::cluster::contract::{Findings, flaw_rule};

pub(super) fn judge_disk(facts: &ImageFacts, seen: SeenMember<'_>, findings: &mut Findings) {
    let Some(disk) = facts.layers.get(seen.layer).and_then(|layer| layer.disks.get(&seen.member))
    else {
        return;
    };
    let subject = format!("/{}", seen.entry.path.escape_debug());
    for flaw in &disk.info.flaws {
        findings.add(flaw_rule(flaw.kind), &subject, flaw.to_string());
    }
    let architecture = facts.config.architecture.as_str();
    if !architecture.is_empty() && !disk.info.boots_on(architecture) {
        let architecture = architecture.escape_debug();
        let machines = disk.info.boot.join(" and ");
        let detail = format!("its boot loader is for {machines}, not {architecture}");
        findings.add(&DISK_ARCHITECTURE, &subject, detail);
    }
}
