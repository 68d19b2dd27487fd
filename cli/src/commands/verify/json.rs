//! What was found, for programs. Fields are added now and then, and not renamed.

use diskette_builder::cluster::contract::{Finding, Severity, rules as all_rules};
use diskette_builder::inspect::verify::{VerifiedImage, VerifyReport};
use serde_json::{Value, json};

use super::count;
use crate::boot::Boot;

/// Writes what was found.
pub(super) fn report(name: &str, report: &VerifyReport, boots: &[Boot]) -> String {
    let findings = &report.findings;
    let mut value = json!({
        "image": name,
        "digest": report.root.to_string(),
        "errors": count(findings, Severity::Error),
        "warnings": count(findings, Severity::Warning),
        "notes": count(findings, Severity::Note),
        "platforms": report.images.iter().map(image).collect::<Vec<_>>(),
        "findings": findings.iter().map(finding).collect::<Vec<_>>(),
    });
    if !boots.is_empty() {
        value["boots"] = boots.iter().map(Boot::json).collect();
    }
    format!("{value:#}\n")
}

/// Writes all rules.
pub(super) fn rules() -> String {
    format!("{:#}\n", json!(all_rules().collect::<Vec<_>>()))
}

fn image(image: &VerifiedImage) -> Value {
    let disk = image.disk.as_ref().map(|disk| {
        json!({
            "path": format!("/{}", disk.path),
            "size": disk.info.file_size,
            "format": disk.info.format,
            "virtual_size": disk.info.virtual_size,
        })
    });
    json!({
        "platform": image.platform.as_ref().map(ToString::to_string),
        "digest": image.manifest.to_string(),
        "disk": disk,
    })
}

fn finding(finding: &Finding) -> Value {
    let rule = finding.rule;
    json!({
        "rule": rule.id,
        "severity": rule.severity,
        "platform": finding.platform.as_ref().map(ToString::to_string),
        "subject": finding.subject,
        "detail": finding.detail,
        "why": rule.why,
        "source": rule.source,
        "fix": rule.fix,
    })
}
