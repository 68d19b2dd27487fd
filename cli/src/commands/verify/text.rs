//! The findings of `verify` as text.

use std::collections::BTreeSet;

use diskette_builder::cluster::contract::{Finding, Severity, all_rules};
use diskette_builder::inspect::verify::VerifiedImage;
use diskette_builder::inspect::vm::SeenMachineDisk;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::signature::check::AcceptedSignature;
use indicatif::HumanBytes;

use super::{JudgedImage, attested, count_findings};
use crate::boot::BootOutcome;

/// Returns the report: findings about the index, then about each platform.
pub(super) fn report_text(name: &str, judged: &JudgedImage) -> String {
    let JudgedImage { report, signatures, attestations, boots } = judged;
    let mut text = ReportText::default();
    text.line(&format!("{name}  {}", report.root));
    for AcceptedSignature { subject, identity } in signatures {
        text.line(&format!("signed: {subject}, for the name {}", identity.escape_debug()));
    }
    for line in attestations.iter().flat_map(attested::text_lines) {
        text.line(&line);
    }
    text.findings(&report.findings, None);
    for image in &report.images {
        text.image(image);
        text.findings(&report.findings, image.platform.as_ref());
    }
    if !boots.is_empty() {
        text.line("");
        text.written.extend(boots.iter().map(BootOutcome::to_text));
    }
    text.line("");
    text.line(&summary(&report.findings));
    text.written
}

/// Returns all rules as text.
pub(super) fn rules_text() -> String {
    let mut text = ReportText::default();
    for rule in all_rules() {
        text.line(&format!("{} ({})", rule.id, rule.severity));
        text.line(&format!("  {}", rule.summary));
        text.line(&format!("  else: {}", rule.why));
        text.line(&format!("  from: {}", rule.source));
        text.line(&format!("  fix:  {}", rule.fix));
    }
    text.written
}

#[derive(Default)]
struct ReportText {
    written: String,
    /// Reasons and fixes that have been written, by the ids of their rules.
    explained: BTreeSet<(&'static str, &'static str)>,
}

impl ReportText {
    fn line(&mut self, line: &str) {
        self.written.push_str(line);
        self.written.push('\n');
    }

    fn image(&mut self, image: &VerifiedImage) {
        let platform = platform(image.platform.as_ref());
        self.line("");
        self.line(&match (image.disk(), image.machine()) {
            (_, Some(machine)) => {
                let disk = |disk: &SeenMachineDisk| {
                    let size = disk.size.map(|size| format!(", {}", HumanBytes(size)));
                    format!("; {}{}", disk.label(), size.unwrap_or_default())
                };
                let disks: String = machine.disks.iter().map(disk).collect();
                format!("{platform}: {machine}{disks}")
            }
            (Some(disk), None) => {
                let size = HumanBytes(disk.info.virtual_size);
                let path = disk.path.escape_debug();
                format!("{platform}: /{path}, {}, {size}", disk.info.format)
            }
            (None, None) => format!("{platform}:"),
        });
    }

    fn findings(&mut self, all: &[Finding], platform: Option<&Platform>) {
        let own = all.iter().filter(|finding| finding.platform.as_ref() == platform);
        for finding in own {
            let rule = finding.rule;
            self.line(&format!("  {}[{}]: {finding}", rule.severity, rule.id));
            if self.explained.insert((rule.id, rule.why)) {
                self.line(&format!("    why: {}", rule.why));
            }
            if self.explained.insert((rule.id, finding.fix)) {
                self.line(&format!("    fix: {}", finding.fix));
            }
        }
    }
}

fn platform(platform: Option<&Platform>) -> String {
    match platform {
        Some(platform) => platform.to_string().escape_debug().to_string(),
        None => "for no platform".into(),
    }
}

fn summary(findings: &[Finding]) -> String {
    let kinds = [Severity::Error, Severity::Warning, Severity::Note];
    let counts = kinds.iter().filter_map(|severity| match count_findings(findings, *severity) {
        0 => None,
        1 => Some(format!("1 {severity}")),
        count => Some(format!("{count} {severity}s")),
    });
    let counts: Vec<String> = counts.collect();
    if counts.is_empty() { "no problems found".into() } else { counts.join(", ") }
}
