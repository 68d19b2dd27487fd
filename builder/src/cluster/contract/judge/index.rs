//! Judges an index by its entries.

use crate::cluster::contract::facts::{EntryFacts, IndexFacts};
use crate::cluster::contract::rules::{
    INDEX_EMPTY, INDEX_TWICE, INDEX_UNKNOWN, INDEX_UNTOLD, INDEX_VARIANT,
};
use crate::cluster::contract::{Finding, Findings};
use crate::oci::image::platform::Platform;

/// Judges an index.
pub(crate) fn judge_index(index: &IndexFacts) -> Vec<Finding> {
    let mut findings = Findings::new(None);
    let is_unknown =
        |entry: &&EntryFacts| entry.declared.as_ref().is_some_and(Platform::is_unknown);
    match index.entries.iter().filter(is_unknown).count() {
        0 => {}
        1 => findings.add(&INDEX_UNKNOWN, "index", "an entry is for `unknown/unknown`"),
        count => {
            let detail = format!("{count} entries are for `unknown/unknown`");
            findings.add(&INDEX_UNKNOWN, "index", detail);
        }
    }
    let images: Vec<&EntryFacts> =
        index.entries.iter().filter(|entry| !is_unknown(entry)).collect();
    if images.is_empty() {
        findings.add(&INDEX_EMPTY, "index", "it has no image");
    }
    judge_undeclared(index.is_docker, &images, &mut findings);
    judge_platforms(&images, &mut findings);
    findings.into_sorted()
}

/// Finds entries without a platform that readers cannot choose: all of a Docker list, all but the
/// first of an OCI index.
fn judge_undeclared(is_docker: bool, images: &[&EntryFacts], findings: &mut Findings) {
    let undeclared = images.iter().filter(|entry| entry.declared.is_none());
    for (number, entry) in undeclared.enumerate() {
        let manifest = entry.manifest;
        if is_docker {
            let detail = format!("it does not say what {manifest} is for");
            findings.add(&INDEX_UNTOLD, "index", detail);
        } else if number > 0 {
            let detail =
                format!("it does not say what {manifest} is for, nor what one before it is for");
            findings.add(&INDEX_UNTOLD, "index", detail);
        }
    }
}

fn judge_platforms(images: &[&EntryFacts], findings: &mut Findings) {
    for (number, entry) in images.iter().enumerate() {
        let Some(offered) = entry.offered() else { continue };
        if images[..number].iter().any(|other| other.offered() == Some(offered)) {
            let detail = format!("{} is for {offered}, as one before it", entry.manifest);
            findings.add(&INDEX_TWICE, "index", detail);
        }
        let is_same = |other: &Platform| {
            (&other.os, &other.architecture) == (&offered.os, &offered.architecture)
        };
        let mut others = images.iter().filter_map(|entry| entry.offered());
        if !is_found(offered) && !others.any(|other| is_same(other) && is_found(other)) {
            let detail = format!("it has {offered}, and nothing for any {}", offered.architecture);
            findings.add(&INDEX_VARIANT, "index", detail.escape_debug().to_string());
        }
    }
}

/// Returns whether a reader that asks for an architecture, and no variant, finds an entry for this
/// platform: `compatibility` in containers/image `internal/pkg/platform/platform_matcher.go`.
fn is_found(platform: &Platform) -> bool {
    match (platform.architecture.as_str(), platform.variant.as_deref()) {
        (_, None | Some("")) | ("arm64", Some("v8")) => true,
        ("arm", Some(variant)) => ["v5", "v6", "v7", "v8"].contains(&variant),
        _ => false,
    }
}
