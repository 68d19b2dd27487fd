//! What a check finds as JSON, in the form of docker's `build --call=check,format=json`
//! (moby/buildkit `frontend/subrequests/lint`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use diskette_builder::frontend::dockerfile::{LINT_RULES, LintRule};
use diskette_builder::recipe::diagnostic::{Diagnostic, SourceText, Span};
use serde_json::{Value, json};

use super::SeverityAndFinding;
use crate::ui::redact::{redact, redact_source};
use crate::ui::render::MessageSeverity;

/// Returns the findings as JSON.
pub(super) fn report_json(found: &[SeverityAndFinding<'_>]) -> String {
    let mut sources: Vec<&SourceText> = Vec::new();
    let (mut warnings, mut errors) = (Vec::new(), Vec::new());
    for (severity, finding) in found {
        let location = finding.span.as_ref().map(|span| location(span, &mut sources));
        match severity {
            MessageSeverity::Warning => warnings.push(warning(finding, location)),
            MessageSeverity::Error => errors.push(json!({
                "message": redact(&finding.message), "location": location,
            })),
        }
    }
    let sources: Vec<Value> = sources.into_iter().map(source_info).collect();
    let mut report = json!({ "warnings": warnings, "sources": sources });
    if let Some(first) = errors.first() {
        report["buildError"] = first.clone();
    }
    format!("{report:#}\n")
}

/// Returns the rule of a Dockerfile's text that a finding is about.
pub(super) fn lint_rule(finding: &Diagnostic) -> Option<&'static LintRule> {
    LINT_RULES.iter().copied().find(|rule| Some(rule.name) == finding.rule)
}

fn warning(finding: &Diagnostic, location: Option<Value>) -> Value {
    let rule = lint_rule(finding);
    let mut warning = json!({
        "ruleName": finding.rule.unwrap_or_default(),
        "detail": redact(&finding.message),
        "description": rule.map_or_else(|| finding.help.join("\n"), |rule| rule.summary.into()),
    });
    if let Some(url) = rule.and_then(LintRule::url) {
        warning["url"] = json!(url);
    }
    if let Some(location) = location {
        warning["location"] = location;
    }
    warning
}

fn location<'a>(span: &'a Span, sources: &mut Vec<&'a SourceText>) -> Value {
    let source = span.source.as_ref();
    let index = sources.iter().position(|known| *known == source).unwrap_or_else(|| {
        sources.push(source);
        sources.len() - 1
    });
    let end = Span::new(&span.source, span.range.end..span.range.end);
    let position = |span: &Span| {
        let (line, column) = span.line_column();
        json!({ "line": line, "character": column - 1 })
    };
    let range = json!({ "start": position(span), "end": position(&end) });
    json!({ "sourceIndex": index, "ranges": [range] })
}

fn source_info(source: &SourceText) -> Value {
    let data = STANDARD.encode(redact_source(&source.text).as_bytes());
    json!({ "filename": source.name, "language": "Dockerfile", "data": data })
}
