//! Judges what manifest and config declare.

use crate::cluster::contract::Findings;
use crate::cluster::contract::facts::{ConfigFacts, ImageFacts};
use crate::cluster::contract::rules::{
    BOOTC_LABEL, HISTORY, LAYER_COUNT, PLATFORM_ARCHITECTURE, PLATFORM_DIFFERS, PLATFORM_MISSING,
    PLATFORM_OS, PLATFORM_VARIANT,
};
use crate::oci::image::platform::{Platform, PlatformError};

/// Labels by which CDI recognizes a bootable container: `checkBootcImage` in its
/// `pkg/importer/transport.go`.
const BOOTC_LABELS: [&str; 2] = ["containers.bootc", "ostree.bootable"];

pub(super) fn judge_documents(facts: &ImageFacts, findings: &mut Findings) {
    judge_platform(facts, findings);
    judge_variant(facts, findings);
    let (layers, config) = (facts.layers.len(), &facts.config);
    if config.diff_ids.len() != layers {
        let count = config.diff_ids.len();
        let detail = format!("the manifest has {layers} layers, the config {count} diff IDs");
        findings.add(&LAYER_COUNT, "config", detail);
    }
    if config.history != layers {
        let detail = format!("its history speaks of {} layers, of {layers}", config.history);
        findings.add(&HISTORY, "config", detail);
    }
    judge_bootc_labels(config, findings);
}

/// Finds labels that mark the image as a bootable container.
pub(super) fn judge_bootc_labels(config: &ConfigFacts, findings: &mut Findings) {
    for label in BOOTC_LABELS {
        if config.labels.get(label).is_some_and(|value| value == "1") {
            findings.add(&BOOTC_LABEL, "config", format!("it has the label `{label}=1`"));
        }
    }
}

fn judge_platform(facts: &ImageFacts, findings: &mut Findings) {
    let config = &facts.config;
    let missing = [("architecture", &config.architecture), ("operating system", &config.os)];
    let missing = missing.iter().filter(|(_, text)| text.is_empty()).map(|(name, _)| *name);
    let missing: Vec<&str> = missing.collect();
    if !missing.is_empty() {
        let detail = format!("it says no {}", missing.join(" and no "));
        findings.add(&PLATFORM_MISSING, "config", detail);
        return;
    }
    let (os, architecture) = (config.os.escape_debug(), config.architecture.escape_debug());
    if config.os != "linux" {
        let detail = format!("the operating system is `{os}`");
        findings.add(&PLATFORM_OS, "config", detail);
    }
    match format!("linux/{}", config.architecture).parse::<Platform>() {
        Ok(_) => {}
        Err(PlatformError::UnameArchitecture { goarch, .. }) => {
            let detail = format!("it says `{architecture}`, which is called `{goarch}`");
            findings.add(&PLATFORM_ARCHITECTURE, "config", detail);
        }
        Err(_) => {
            let detail = format!("`{architecture}` is no architecture");
            findings.add(&PLATFORM_ARCHITECTURE, "config", detail);
        }
    }
    if let Some(declared) = &facts.declared
        && (&declared.os, &declared.architecture) != (&config.os, &config.architecture)
    {
        let declared = declared.to_string();
        let declared = declared.escape_debug();
        let detail = format!("the index says {declared}, the config {os}/{architecture}");
        findings.add(&PLATFORM_DIFFERS, "config", detail);
    }
}

fn judge_variant(facts: &ImageFacts, findings: &mut Findings) {
    let config = &facts.config;
    let declared = facts.declared.as_ref().and_then(|platform| platform.variant.as_deref());
    let own = config.variant.as_deref();
    let is_usual = |variant: &str| {
        matches!((config.architecture.as_str(), variant), ("arm64", "v8") | ("arm", "v7"))
    };
    if let Some(variant) = declared.or(own).filter(|variant| !is_usual(variant)) {
        let (architecture, variant) = (config.architecture.escape_debug(), variant.escape_debug());
        let detail = format!("it is for {architecture} of the variant `{variant}` alone");
        findings.add(&PLATFORM_VARIANT, "config", detail);
    } else if let Some((declared, own)) = declared.zip(own).filter(|(one, other)| one != other) {
        let (declared, own) = (declared.escape_debug(), own.escape_debug());
        let detail = format!("the index says the variant `{declared}`, the config `{own}`");
        findings.add(&PLATFORM_VARIANT, "config", detail);
    }
}
