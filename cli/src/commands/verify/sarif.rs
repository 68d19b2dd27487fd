//! The findings of `verify` as SARIF.

use diskette_builder::cluster::contract::{ContractRule, Finding, Severity, all_rules};
use diskette_builder::inspect::verify::VerifyReport;
use diskette_builder::oci::image::location::{ImageLocation, LocalImage};
use serde_json::{Value, json};

use crate::sarif::{document, percent_encoded};

/// Returns the report as SARIF.
pub(super) fn report_sarif(location: &ImageLocation, report: &VerifyReport) -> String {
    let rules: Vec<&ContractRule> = all_rules().collect();
    let uri = location_uri(location);
    let results = report.findings.iter().map(|finding| finding_result(&rules, &uri, finding));
    let artifact =
        json!({ "location": { "uri": uri }, "hashes": { "sha-256": report.root.to_hex() } });
    let descriptors: Vec<Value> = rules.iter().map(|rule| rule_descriptor(rule)).collect();
    document(&descriptors, &[artifact], &results.collect::<Vec<_>>())
}

fn rule_descriptor(rule: &ContractRule) -> Value {
    json!({ "id": rule.id, "shortDescription": { "text": rule.summary }, "fullDescription": { "text": rule.why }, "help": { "text": format!("{} ({})", rule.fix, rule.source) }, "defaultConfiguration": { "level": level(rule.severity) }, })
}

fn finding_result(rules: &[&ContractRule], uri: &str, finding: &Finding) -> Value {
    let platform = finding.platform.as_ref().map(ToString::to_string);
    let location = [platform.as_deref(), Some(finding.subject.as_str())];
    let location = location.into_iter().flatten().collect::<Vec<_>>().join(": ");
    // A fix of the rule is in the rule's help.
    let fix =
        if finding.fix == finding.rule.fix { String::new() } else { format!("; {}", finding.fix) };
    json!({ "ruleId": finding.rule.id, "ruleIndex": rules.iter().position(|rule| rule.id == finding.rule.id), "level": level(finding.rule.severity), "message": { "text": format!("{location}: {}{fix}", finding.detail) }, "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri, "index": 0 } }, "logicalLocations": [{ "fullyQualifiedName": location }], }], })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// Returns the image as a URI: `docker://` as in CDI, or a path.
fn location_uri(location: &ImageLocation) -> String {
    match location {
        ImageLocation::Registry(name) => format!("docker://{name}"),
        ImageLocation::Local(LocalImage { path, name, .. }) => {
            let path = path.display().to_string();
            let tag = name.as_ref().map(|name| format!("#{}", percent_encoded(name)));
            format!("{}{}", percent_encoded(&path), tag.unwrap_or_default())
        }
    }
}
