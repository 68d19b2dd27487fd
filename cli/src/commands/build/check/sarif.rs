//! What a check finds as SARIF.

use diskette_builder::cluster::contract::all_rules;
use diskette_builder::recipe::diagnostic::{Diagnostic, Span};
use serde_json::{Value, json};

use super::SeverityAndFinding;
use super::json::lint_rule;
use crate::sarif::{document, percent_encoded};
use crate::ui::redact::redact;

/// Rule of findings that break no rule with a name.
const BUILD_RULE: &str = "build";

/// Returns the findings as SARIF.
pub(super) fn report_sarif(found: &[SeverityAndFinding<'_>]) -> String {
    let mut names: Vec<&str> = found.iter().map(|(_, finding)| rule_name(finding)).collect();
    names.sort_unstable();
    names.dedup();
    let rules = names.iter().map(|name| {
        let mut finding = found.iter().filter(|(_, finding)| rule_name(finding) == *name);
        finding.next().map_or(Value::Null, |(_, finding)| descriptor(finding))
    });
    let results = found.iter().map(|(severity, finding)| {
        let index = names.iter().position(|name| *name == rule_name(finding));
        let lines = std::iter::once(&finding.message).chain(&finding.help);
        let text = lines.map(String::as_str).collect::<Vec<_>>().join("\n");
        let locations: Vec<Value> = finding.span.iter().map(location).collect();
        json!({
            "ruleId": rule_name(finding), "ruleIndex": index, "level": severity.word(),
            "message": { "text": redact(&text) }, "locations": locations,
        })
    });
    document(&rules.collect::<Vec<_>>(), &[], &results.collect::<Vec<_>>())
}

fn rule_name(finding: &Diagnostic) -> &'static str {
    finding.rule.unwrap_or(BUILD_RULE)
}

fn descriptor(finding: &Diagnostic) -> Value {
    let name = rule_name(finding);
    if let Some(rule) = lint_rule(finding) {
        let mut value = json!({
            "id": name, "shortDescription": { "text": rule.summary },
            "help": { "text": rule.help },
        });
        if let Some(url) = rule.url() {
            value["helpUri"] = json!(url);
        }
        return value;
    }
    let summary = all_rules().find(|rule| rule.id == name).map(|rule| rule.summary);
    let summary = summary.unwrap_or("The image can be built");
    json!({ "id": name, "shortDescription": { "text": summary } })
}

fn location(span: &Span) -> Value {
    let end = Span::new(&span.source, span.range.end..span.range.end);
    let ((line, column), (end_line, end_column)) = (span.line_column(), end.line_column());
    let name = span.source.name.strip_prefix("./").unwrap_or(&span.source.name);
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": percent_encoded(name) },
        "region": {
            "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column,
        },
    } })
}
