//! *VM artifacts*: specs of `kind: vm` are lowered to manifests with a virtual machine as their config,
//! and a layer for each of its disks.

use std::collections::BTreeMap;

use super::compression::{LayerCompressionSpec, lower_compression};
use super::content::PlatformSpec;
use super::located::{Located, LocatedText, UserMapping};
use super::machine::{LocatedMachine, MachineSpec, load_machine};
use super::source::{SourceSpec, lower_raw_disk};
use super::types::{Spec, SpecKind};
use crate::cluster::vm::{DISK_MEDIA_TYPE, DISK_SIZE, disk_annotations, disk_title};
use crate::compression::{LayerCompression, LayerCompressionKind, ZstdLevel};
use crate::engine::source::InputFiles;
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{
    ArtifactConfig, BlobRecipe, ConfigRecipe, LayerContent, LayerRecipe, PlatformRecipe,
    RecipeStep, SourceRecipe,
};

/// What the manifests of a spec have.
pub(super) enum SpecContent {
    /// Files, among them a disk.
    Image,
    /// A disk alone.
    Disk,
    /// A virtual machine and its disks; none if a problem was reported.
    Machine(Option<LocatedMachine>),
}

impl SpecContent {
    /// Returns what the manifests of a spec have; reports keys that are for the other kind.
    pub(super) fn load(
        spec: &Spec,
        files: &dyn InputFiles,
        problems: &mut Vec<Diagnostic>,
    ) -> Self {
        let Some(kind) = spec.kind.as_ref().filter(|kind| kind.value == SpecKind::Vm) else {
            problems.extend(spec.for_machines.iter().cloned());
            if !spec.is_disk_artifact() {
                return Self::Image;
            }
            problems.extend(spec.for_containers.iter().cloned());
            problems.extend(spec.check_compressed(&spec.for_compressed).iter().cloned());
            return Self::Disk;
        };
        problems.extend(spec.for_images.iter().cloned());
        let Some(machine) = &spec.vm else {
            // A value that cannot be read was reported already.
            if spec.for_machines.is_empty() {
                problems.push(
                    Diagnostic::new("the spec has no `vm`")
                        .at(kind.span.clone())
                        .help("add `vm:` with the path of a VirtualMachine"),
                );
            }
            return Self::Machine(None);
        };
        Self::Machine(load_machine(machine, files, problems))
    }
}

/// Returns the manifest of a platform; nothing if a problem was reported.
pub(super) fn lower_machine_platform(
    platform: Option<Platform>,
    key: &LocatedText,
    spec: &Spec,
    own: &PlatformSpec,
    machine: Option<&LocatedMachine>,
    problems: &mut Vec<Diagnostic>,
) -> Option<PlatformRecipe> {
    problems.extend(own.for_images.iter().cloned());
    let compression = lower_disk_compression(spec, own, problems);
    let described = machine.and_then(|machine| machine.described.as_ref());
    let sources = match (&own.disks, described) {
        (None, Some(described)) => described.clone(),
        (disks, described) => {
            // The disk of an image was reported already.
            let is_ova = matches!(spec.vm, Some(MachineSpec::Ova(_)));
            let missing = own.without_disks.clone();
            problems.extend(missing.filter(|_| own.for_images.is_empty() && !is_ova));
            let disks = disks.as_ref()?;
            let mut sources = described.cloned().unwrap_or_default();
            sources.extend(lower_disks(disks, platform.as_ref(), problems));
            machine?.check_disks(disks, problems);
            sources
        }
    };
    let machine = machine?;
    let platform = platform?;
    machine.check_platform(&platform, key, problems);
    let layers = machine.disk_volumes().filter_map(|volume| {
        let source = sources.get(&volume)?.clone();
        Some(RecipeStep::Layer(layer_of_volume(&volume, source)))
    });
    let document = machine.document.clone().exported(&platform.architecture);
    Some(PlatformRecipe {
        base: None,
        steps: layers.collect(),
        config: ConfigRecipe::Artifact(ArtifactConfig {
            artifact_type: document.kind.artifact_type().to_owned(),
            media_type: document.kind.config_media_type().to_owned(),
            bytes: document.to_json().into(),
        }),
        platform,
        annotations: BTreeMap::new(),
        entry_annotations: BTreeMap::new(),
        compression,
    })
}

/// Returns the sources of disks by the names of their volumes.
fn lower_disks(
    disks: &Located<UserMapping<SourceSpec>>,
    platform: Option<&Platform>,
    problems: &mut Vec<Diagnostic>,
) -> BTreeMap<String, SourceRecipe> {
    // The rest is checked even if the platform is invalid.
    let platform = platform.cloned().unwrap_or_else(Platform::host);
    let disks = disks.value.0.iter();
    let lower = |(volume, source): &(LocatedText, SourceSpec)| {
        Some((volume.value.clone(), lower_raw_disk(source, &platform, problems)?))
    };
    disks.filter_map(lower).collect()
}

/// Returns the layer with the disk of a volume.
fn layer_of_volume(volume: &str, source: SourceRecipe) -> LayerRecipe {
    let content = LayerContent::Blob(BlobRecipe {
        source,
        media_type: DISK_MEDIA_TYPE.to_owned(),
        annotations: disk_annotations(volume),
        size_annotation: Some(DISK_SIZE),
    });
    LayerRecipe { history: disk_title(volume), content }
}

/// Returns the compression of the disks, which is always zstd.
fn lower_disk_compression(
    spec: &Spec,
    own: &PlatformSpec,
    problems: &mut Vec<Diagnostic>,
) -> LayerCompression {
    let default = LayerCompression::Zstd(ZstdLevel::default());
    let Some(given) = own.compression.as_ref().or(spec.compression.as_ref()) else {
        return default;
    };
    // Other problems of the one at the top are reported once, by `check_compression`.
    let mut own_problems = Vec::new();
    let compression = lower_compression(given, &mut own_problems);
    if own.compression.is_some() {
        problems.append(&mut own_problems);
    }
    if compression.kind() == LayerCompressionKind::Zstd || !own_problems.is_empty() {
        return compression;
    }
    let span = match given {
        LayerCompressionSpec::Type(kind) => Some(&kind.span),
        LayerCompressionSpec::Detailed(details) => details.kind.as_ref().map(|kind| &kind.span),
    };
    problems.extend(span.map(|span| {
        Diagnostic::new("the disks of virtual machines are compressed with zstd")
            .at(span.clone())
            .help("write `compression: zstd`, or remove it")
    }));
    default
}
