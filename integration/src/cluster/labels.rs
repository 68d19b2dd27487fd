//! **Labels** are made by CDI from the environment variables of an image, for the claim that it imports
//! into.

use std::collections::BTreeMap;

use serde_json::json;

const MARK: &str = "KUBEVIRT_IO_";

/// Maximum length of a container's termination message in bytes, which the kubelet enforces.
const MESSAGE_MAX: usize = 4096;

/// Returns the label that CDI makes from a variable `K=V`, if any.
pub fn label_of_variable(variable: &str) -> Option<(String, String)> {
    let (name, value) = variable.split_once('=')?;
    let (before, after) = name.split_once(MARK)?;
    let before = before.strip_suffix('_').unwrap_or(before);
    let prefix = if before.is_empty() { String::new() } else { before.replace('_', ".") + "." };
    let label = format!("{prefix}kubevirt.io/{}", after.replace('_', "-"));
    Some((label.to_lowercase(), value.to_owned()))
}

/// Returns the labels of an import. It fails if the message in which the importer reports them is too
/// long, or if the API server would refuse one in the update of the claim.
pub(super) fn import_labels(variables: &[&str]) -> Result<BTreeMap<String, String>, String> {
    let labels: BTreeMap<_, _> =
        variables.iter().filter_map(|text| label_of_variable(text)).collect();
    let len = report(&labels).len();
    if len > MESSAGE_MAX {
        return Err(format!(
            "Termination message length {len} exceeds maximum length of {MESSAGE_MAX} bytes"
        ));
    }
    for (key, value) in &labels {
        if !is_key(key) || !(value.is_empty() || is_name(value)) {
            return Err(format!("metadata.labels: Invalid value: {key}: {value:?}"));
        }
    }
    Ok(labels)
}

/// Returns the termination message of the importer: the fields that it always sets, and the labels if
/// there are any, in JSON as Go writes it.
fn report(labels: &BTreeMap<String, String>) -> String {
    let labels = if labels.is_empty() {
        String::new()
    } else {
        format!("\"labels\":{},", go_json(&json!(labels).to_string()))
    };
    format!(
        "{{\"scratchSpaceRequired\":false,\"preallocationApplied\":false,{labels}\
         \"message\":\"Import Complete\"}}"
    )
}

/// Escapes three characters in JSON, as Go does.
fn go_json(json: &str) -> String {
    json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

/// Returns whether a key is a qualified name of Kubernetes: a DNS subdomain, a slash, a name.
fn is_key(key: &str) -> bool {
    let Some((prefix, name)) = key.split_once('/') else { return false };
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        let ends = [part.bytes().next(), part.bytes().last()];
        ends.iter().all(|end| end.is_some_and(is_inner))
            && part.bytes().all(|byte| is_inner(byte) || byte == b'-')
    };
    prefix.len() <= 253 && prefix.split('.').all(is_part) && is_name(name)
}

/// Returns whether a text is valid as the name of a label, or as a value that is not empty.
fn is_name(text: &str) -> bool {
    let ends = [text.bytes().next(), text.bytes().last()];
    text.len() <= 63
        && ends.iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
