//! *Judges* VM artifacts by the rules of their importers.

use std::collections::BTreeSet;

use serde_json::Value;

use super::clean::has_cluster_fields;
use super::{
    DEFAULT_ARCHITECTURE, DISK_MEDIA_TYPE, DISK_NAME, DISK_SIZE, MachineDocument, MachineKind, OS,
    VolumeSource,
};
use crate::cluster::contract::{
    DiskBlobFacts, Finding, Findings, VM_CLUSTER, VM_CONFIG, VM_DISK_FORMAT, VM_DISK_NAME,
    VM_DISK_SIZE, VM_DISK_VOLUME, VM_LAYER, VM_PLATFORM, VM_TYPE,
};
use crate::cluster::kubernetes::Quantity;
use crate::disk::DiskFormat;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::platform::Platform;

/// What is known of one manifest of a VM artifact.
#[derive(Debug, Clone)]
pub(crate) struct MachineFacts<'a> {
    /// Platform that the index declares.
    pub(crate) declared: Option<&'a Platform>,
    /// Artifact type of the index; none if there is no index.
    pub(crate) index_type: Option<&'a str>,
    /// Kind of object that the artifact type of the manifest is of.
    pub(crate) kind: MachineKind,
    /// Media type of the config.
    pub(crate) config_type: &'a str,
    /// The config; null if it is not JSON.
    pub(crate) config: &'a Value,
    /// The layers, in order.
    pub(crate) layers: Vec<DiskLayerFacts<'a>>,
}

/// What is known of a layer of a VM artifact.
#[derive(Debug, Clone)]
pub(crate) struct DiskLayerFacts<'a> {
    /// What the manifest declares of the blob.
    pub(crate) declared: &'a Descriptor,
    /// What was seen of the blob; none if it was not read.
    pub(crate) blob: Option<DiskBlobFacts>,
}

/// Judges one manifest of a VM artifact; `platform` is the one that the findings name.
pub(crate) fn judge_machine(platform: Option<&Platform>, facts: &MachineFacts<'_>) -> Vec<Finding> {
    let mut findings = Findings::new(platform.cloned());
    judge_types(facts, &mut findings);
    for (number, layer) in facts.layers.iter().enumerate() {
        judge_layer(layer, &format!("layer {}", number + 1), &mut findings);
    }
    judge_names(&facts.layers, &mut findings);
    match MachineDocument::new(facts.config.clone()) {
        Some(document) if document.kind == facts.kind => {
            judge_document(&document, facts, &mut findings);
        }
        _ => {
            let kind = facts.kind.object_kind();
            findings.add(&VM_CONFIG, "config", format!("it is not a {kind}"));
        }
    }
    findings.into_sorted()
}

fn judge_types(facts: &MachineFacts<'_>, findings: &mut Findings) {
    let own = facts.kind.artifact_type();
    if let Some(index) = facts.index_type.filter(|index| *index != own) {
        let detail = match index {
            "" => format!("it has no artifact type, the manifest has `{own}`"),
            index => format!("its type is `{}`, the manifest's `{own}`", index.escape_debug()),
        };
        findings.add(&VM_TYPE, "index", detail);
    }
    if facts.config_type != facts.kind.config_media_type() {
        let detail = format!("its type is `{}`", facts.config_type.escape_debug());
        findings.add(&VM_TYPE, "config", detail);
    }
}

fn judge_layer(layer: &DiskLayerFacts<'_>, subject: &str, findings: &mut Findings) {
    let Descriptor { media_type, annotations, .. } = layer.declared;
    if media_type != DISK_MEDIA_TYPE {
        findings.add(&VM_LAYER, subject, format!("its type is `{}`", media_type.escape_debug()));
    }
    let size = match annotations.get(DISK_SIZE) {
        None => {
            findings.add(&VM_DISK_SIZE, subject, format!("it has no `{DISK_SIZE}`"));
            None
        }
        Some(text) => {
            let size = text.parse::<Quantity>();
            if let Err(error) = &size {
                let detail = format!("its size is `{}`: {error}", text.escape_debug());
                findings.add(&VM_DISK_SIZE, subject, detail);
            }
            size.ok()
        }
    };
    match &layer.blob {
        None => {}
        Some(DiskBlobFacts::Broken { rule, detail }) => findings.add(rule, subject, detail),
        Some(DiskBlobFacts::Compression(why)) => findings.add(&VM_LAYER, subject, why),
        Some(DiskBlobFacts::Sound(info)) => {
            if let Some(size) = size.filter(|size| size.bytes() < info.file_size) {
                let detail = format!(
                    "the disk has more than {} bytes, and its size is `{size}`",
                    size.bytes()
                );
                findings.add(&VM_DISK_SIZE, subject, detail);
            }
            // A raw disk may be encrypted by its guest.
            if !matches!(info.format, DiskFormat::Raw | DiskFormat::Iso | DiskFormat::Luks) {
                findings.add(&VM_DISK_FORMAT, subject, format!("the disk is {}", info.format));
            }
        }
    }
}

fn judge_names(layers: &[DiskLayerFacts<'_>], findings: &mut Findings) {
    let mut names = BTreeSet::new();
    for (number, layer) in layers.iter().enumerate() {
        let subject = format!("layer {}", number + 1);
        match disk_name(layer) {
            None => findings.add(&VM_DISK_NAME, subject, format!("it has no `{DISK_NAME}`")),
            Some(name) if !names.insert(name) => {
                let detail = format!("another layer is named `{}` too", name.escape_debug());
                findings.add(&VM_DISK_NAME, subject, detail);
            }
            Some(_) => {}
        }
    }
}

fn judge_document(document: &MachineDocument, facts: &MachineFacts<'_>, findings: &mut Findings) {
    if document.name().is_empty() {
        findings.add(&VM_CONFIG, "config", "the object has no name");
    }
    if has_cluster_fields(&document.object) {
        findings.add(&VM_CLUSTER, "config", "it has fields that a cluster sets");
    }
    if let Some(declared) = facts.declared {
        let own = document.architecture();
        let own = own.as_deref().unwrap_or(DEFAULT_ARCHITECTURE);
        if declared.os != OS || declared.architecture != own {
            let declared = declared.to_string();
            let (declared, own) = (declared.escape_debug(), own.escape_debug());
            let detail = format!("the index says {declared}, the virtual machine is for {own}");
            findings.add(&VM_PLATFORM, "config", detail);
        }
    }
    judge_volumes(document, &facts.layers, findings);
}

/// Judges the volumes of a virtual machine, and whether they fit the disks.
fn judge_volumes(
    document: &MachineDocument,
    layers: &[DiskLayerFacts<'_>],
    findings: &mut Findings,
) {
    let names: Vec<&str> = layers.iter().filter_map(disk_name).collect();
    let volumes = document.volumes();
    let mut known = BTreeSet::new();
    for volume in &volumes {
        let name = volume.name.escape_debug();
        if !known.insert(volume.name) {
            findings.add(&VM_CONFIG, "config", format!("several volumes are named `{name}`"));
            continue;
        }
        match volume.source {
            VolumeSource::DataVolume(_) if document.kind == MachineKind::Machine => {
                findings.add(&VM_CONFIG, "config", format!("the volume `{name}` is a DataVolume"));
            }
            _ if volume.is_disk() && !names.contains(&volume.name) => {
                let detail = format!("no layer has the disk of the volume `{name}`");
                findings.add(&VM_DISK_VOLUME, "config", detail);
            }
            _ => {}
        }
    }
    for (number, layer) in layers.iter().enumerate() {
        let has_volume = |name: &str| volumes.iter().any(|it| it.is_disk() && it.name == name);
        if let Some(name) = disk_name(layer).filter(|name| !has_volume(name)) {
            let detail = format!("no volume is a claim with the name `{}`", name.escape_debug());
            findings.add(&VM_DISK_VOLUME, format!("layer {}", number + 1), detail);
        }
    }
}

fn disk_name<'a>(layer: &DiskLayerFacts<'a>) -> Option<&'a str> {
    let name = layer.declared.annotations.get(DISK_NAME)?;
    Some(name.as_str()).filter(|name| !name.is_empty())
}

/// Judges the platforms of an index of VM artifacts: importers choose by architecture alone.
pub(crate) fn judge_machine_index(platforms: &[Option<Platform>]) -> Vec<Finding> {
    let mut findings = Findings::new(None);
    let mut known = BTreeSet::new();
    for platform in platforms {
        match platform {
            None => findings.add(&VM_PLATFORM, "index", "it has a manifest without a platform"),
            Some(platform) if !known.insert(platform.architecture.as_str()) => {
                let architecture = platform.architecture.escape_debug();
                let detail = format!("it has several manifests for `{architecture}`");
                findings.add(&VM_PLATFORM, "index", detail);
            }
            Some(_) => {}
        }
    }
    findings.into_sorted()
}
