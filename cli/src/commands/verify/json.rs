//! The findings of `verify` as JSON. Fields may be added, and are not renamed.

use diskette_builder::cluster::contract::{Finding, Severity, all_rules};
use diskette_builder::inspect::verify::VerifiedImage;
use diskette_builder::inspect::vm::SeenMachineDisk;
use diskette_builder::signature::check::AcceptedSignature;
use serde_json::{Value, json};

use super::{JudgedImage, attested, count_findings};
use crate::boot::BootOutcome;

/// Returns the report as JSON.
pub(super) fn report_json(name: &str, judged: &JudgedImage) -> String {
    let JudgedImage { report, signatures, attestations, boots } = judged;
    let findings = &report.findings;
    let mut value = json!({
        "image": name,
        "digest": report.root.to_string(),
        "errors": count_findings(findings, Severity::Error),
        "warnings": count_findings(findings, Severity::Warning),
        "notes": count_findings(findings, Severity::Note),
        "platforms": report.images.iter().map(image_json).collect::<Vec<_>>(),
        "findings": findings.iter().map(finding_json).collect::<Vec<_>>(),
    });
    if !signatures.is_empty() {
        let signature = |AcceptedSignature { subject, identity }: &AcceptedSignature| {
            let platform = subject.platform.as_ref().map(ToString::to_string);
            json!({ "digest": subject.digest.to_string(), "platform": platform, "identity": identity })
        };
        value["signatures"] = signatures.iter().map(signature).collect();
    }
    if !attestations.is_empty() {
        value["attestations"] = attestations.iter().map(attested::to_json).collect();
    }
    if !boots.is_empty() {
        value["boots"] = boots.iter().map(BootOutcome::to_json).collect();
    }
    format!("{value:#}\n")
}

/// Returns all rules as JSON.
pub(super) fn rules_json() -> String {
    format!("{:#}\n", json!(all_rules().collect::<Vec<_>>()))
}

fn image_json(image: &VerifiedImage) -> Value {
    let disk = image.disk().map(|disk| {
        json!({
            "path": format!("/{}", disk.path),
            "size": disk.info.file_size,
            "format": disk.info.format,
            "virtual_size": disk.info.virtual_size,
        })
    });
    let machine = image.machine().map(|machine| {
        let disk = |disk: &SeenMachineDisk| json!({ "name": disk.name, "size": disk.size });
        let disks: Vec<Value> = machine.disks.iter().map(disk).collect();
        json!({ "kind": machine.kind, "name": machine.name, "disks": disks })
    });
    let mut value = json!({
        "platform": image.platform.as_ref().map(ToString::to_string),
        "digest": image.manifest.to_string(),
        "disk": disk,
    });
    if machine.is_some() {
        value["machine"] = json!(machine);
    }
    value
}

fn finding_json(finding: &Finding) -> Value {
    let rule = finding.rule;
    json!({
        "rule": rule.id,
        "severity": rule.severity,
        "platform": finding.platform.as_ref().map(ToString::to_string),
        "subject": finding.subject,
        "detail": finding.detail,
        "why": rule.why,
        "source": rule.source,
        "fix": finding.fix,
    })
}
