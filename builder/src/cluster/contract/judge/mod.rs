//! Judges facts by the rules.

mod disk;
mod documents;
mod index;
mod labels;
mod layers;
mod mounts;
mod named;
mod paths;

pub(crate) use self::index::judge_index;
use super::facts::{ConfigFacts, ImageFacts, LayerFacts};
use super::placement::DISK_DIRECTORY;
use super::rules::{ARTIFACT, LAYER_LIMIT};
use super::view::{Rootfs, cdi_disks};
use super::{Finding, Findings};
use crate::oci::image::platform::Platform;

/// Maximum number of layers that Linux mounts one over the other: `OVL_MAX_STACK` in its
/// fs/overlayfs/params.h.
pub(crate) const LAYERS_MAX: usize = 500;

/// Judges one platform's image; `platform` is the one that the findings name.
pub(crate) fn judge_image(platform: Option<&Platform>, facts: &ImageFacts) -> Vec<Finding> {
    let mut findings = Findings::new(platform.cloned());
    if let Some(media_type) = &facts.config.foreign {
        let media_type = media_type.escape_debug();
        findings.add(&ARTIFACT, "manifest", format!("its config is of type `{media_type}`"));
        return findings.into_sorted();
    }
    if let Some(artifact_type) = &facts.artifact_type {
        let artifact_type = artifact_type.escape_debug();
        findings.add(&ARTIFACT, "manifest", format!("it has the artifact type `{artifact_type}`"));
    }
    let count = facts.layers.len();
    if count > LAYERS_MAX {
        findings.add(&LAYER_LIMIT, "manifest", format!("it has {count} layers"));
        return findings.into_sorted();
    }
    let rootfs = Rootfs::new(&facts.layers);
    documents::judge_documents(facts, &mut findings);
    if let Some(path) = &facts.disk_path {
        named::judge_named(facts, &rootfs, path, &mut findings);
        return findings.into_sorted();
    }
    let taken = cdi_disks(&facts.layers).next();
    labels::judge_labels(&facts.config, &mut findings);
    layers::judge_layers(facts, taken, &mut findings);
    mounts::judge_mounts(&facts.layers, &rootfs, &mut findings);
    let seen = paths::judge_paths(&facts.layers, &rootfs, taken, &mut findings);
    if let Some(seen) = seen.or(taken) {
        disk::judge_disk(facts, seen, &mut findings);
    }
    findings.into_sorted()
}

/// Judges a planned image by its config and the members of its layers. An image without anything in
/// `/disk` is not a containerDisk, and is not judged.
pub(crate) fn judge_plan(config: &ConfigFacts, layers: &[LayerFacts]) -> Vec<Finding> {
    let mut findings = Findings::new(None);
    let rootfs = Rootfs::new(layers);
    if rootfs.children(DISK_DIRECTORY).is_empty() {
        return findings.into_sorted();
    }
    documents::judge_bootc_labels(config, &mut findings);
    labels::judge_labels(config, &mut findings);
    mounts::judge_mounts(layers, &rootfs, &mut findings);
    paths::judge_paths(layers, &rootfs, cdi_disks(layers).next(), &mut findings);
    findings.into_sorted()
}
