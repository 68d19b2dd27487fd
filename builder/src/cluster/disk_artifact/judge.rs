//! *Judges* disk artifacts by the rules of the runtimes that mount them, and the disks by those of KubeVirt.

use crate::cluster::contract::{
    ARTIFACT_CONFIG, ARTIFACT_LAYER, ARTIFACT_TITLE, DISK_ARCHITECTURE, DiskBlobFacts, Finding,
    Findings,
};
use crate::disk::DiskInfo;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::format::EMPTY_CONFIG;
use crate::oci::image::platform::Platform;
use crate::recipe::NAME_MAX;

/// What is known of one manifest of a disk artifact.
#[derive(Debug, Clone)]
pub(crate) struct DiskArtifactFacts<'a> {
    /// Media type of the config.
    pub(crate) config_type: &'a str,
    /// The layers, in order.
    pub(crate) layers: &'a [Descriptor],
    /// What was seen of the only layer; none if there are several, or it was not read.
    pub(crate) blob: Option<&'a DiskBlobFacts>,
}

/// Judges one manifest of a disk artifact; `platform` is the one that it is for.
pub(crate) fn judge_disk_artifact(
    platform: Option<&Platform>,
    facts: &DiskArtifactFacts<'_>,
) -> Vec<Finding> {
    let mut findings = Findings::new(platform.cloned());
    if facts.config_type != EMPTY_CONFIG {
        let detail = format!("its type is `{}`", facts.config_type.escape_debug());
        findings.add(&ARTIFACT_CONFIG, "config", detail);
    }
    let [layer] = facts.layers else {
        let detail = format!("it has {} layers", facts.layers.len());
        findings.add(&ARTIFACT_LAYER, "manifest", detail);
        return findings.into_sorted();
    };
    let title = layer.title().unwrap_or_default();
    if let Some(problem) = title_problem(title) {
        findings.add(&ARTIFACT_TITLE, "layer 1", problem);
    }
    match facts.blob {
        None => {}
        Some(DiskBlobFacts::Broken { rule, detail }) => findings.add(rule, "layer 1", detail),
        Some(DiskBlobFacts::Compression(why)) => findings.add(&ARTIFACT_LAYER, "layer 1", why),
        Some(DiskBlobFacts::Sound(info)) => judge_disk(title, info, platform, &mut findings),
    }
    findings.into_sorted()
}

/// Returns what is wrong with the name of a file.
fn title_problem(title: &str) -> Option<String> {
    match title {
        "" => Some("it has none".into()),
        "." | ".." => Some(format!("it is `{title}`")),
        _ if title.contains(['/', '\0']) => Some(format!("it is `{}`", title.escape_debug())),
        _ if title.len() > NAME_MAX => Some(format!("it is {} bytes long", title.len())),
        _ => None,
    }
}

fn judge_disk(title: &str, info: &DiskInfo, platform: Option<&Platform>, findings: &mut Findings) {
    let subject = title.escape_debug().to_string();
    for flaw in &info.flaws {
        findings.add_flaw(flaw, &subject);
    }
    let Some(platform) = platform else { return };
    if !info.boots_on(&platform.architecture) {
        let machines = info.boot.join(" and ");
        let architecture = platform.architecture.escape_debug();
        let detail = format!("its boot loader is for {machines}, not {architecture}");
        findings.add(&DISK_ARCHITECTURE, subject, detail);
    }
}
