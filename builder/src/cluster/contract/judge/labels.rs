//! Judges the environment variables that CDI makes labels from.

use std::collections::BTreeMap;

use crate::cluster::contract::Findings;
use crate::cluster::contract::facts::ConfigFacts;
use crate::cluster::contract::labels::{
    REPORT_LEN_MAX, check_key, check_value, is_copied_to_volume, is_reserved, label_for_env,
    report_len,
};
use crate::cluster::contract::rules::{
    LABEL_DROPPED, LABEL_KEY, LABEL_REPORT, LABEL_RESERVED, LABEL_TWICE, LABEL_VALUE,
};

pub(super) fn judge_labels(config: &ConfigFacts, findings: &mut Findings) {
    let mut labels: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    for (name, value) in &config.env {
        let Some(label) = label_for_env(name) else { continue };
        let subject = format!("variable {}", name.escape_debug());
        if let Err(error) = check_key(&label) {
            findings.add(&LABEL_KEY, &subject, error.to_string());
        } else if is_reserved(&label) {
            findings.add(&LABEL_RESERVED, &subject, format!("it makes the label `{label}`"));
        } else if !is_copied_to_volume(&label) {
            findings.add(&LABEL_DROPPED, &subject, format!("it makes the label `{label}`"));
        }
        if let Err(error) = check_value(value) {
            findings.add(&LABEL_VALUE, &subject, error.to_string().escape_debug().to_string());
        }
        if let Some((other, _)) = labels.insert(label.clone(), (name, value))
            && other != name
        {
            let other = other.escape_debug();
            let detail = format!("it makes the label `{label}`, as {other} does");
            findings.add(&LABEL_TWICE, &subject, detail);
        }
    }
    let size = report_len(labels.iter().map(|(label, (_, value))| (label.as_str(), *value)));
    if size > REPORT_LEN_MAX {
        let detail = format!("with its labels CDI's report has {size} bytes of {REPORT_LEN_MAX}");
        findings.add(&LABEL_REPORT, "config", detail);
    }
}
