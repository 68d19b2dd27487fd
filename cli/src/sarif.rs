//! SARIF 2.1.0 (Static Analysis Results Interchange Format, OASIS).

use serde_json::{Value, json};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Returns a document with one run of this program.
pub(crate) fn document(rules: &[Value], artifacts: &[Value], results: &[Value]) -> String {
    let driver = json!({
        "name": "diskette",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": rules,
    });
    let mut run = json!({ "tool": { "driver": driver }, "results": results });
    if !artifacts.is_empty() {
        run["artifacts"] = json!(artifacts);
    }
    let value = json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] });
    format!("{value:#}\n")
}

/// Percent-encodes everything except characters that are safe in all parts of a URI.
pub(crate) fn percent_encoded(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let escape = |byte: u8| {
        if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(escape).collect()
}
