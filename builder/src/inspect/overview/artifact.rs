//! The overview of *artifacts*: of their layers only the first bytes are read.

use std::io::Read;

use super::{ImageOverview, LAYER_START_LEN, SeenCompression, SeenDisk};
use crate::cluster::contract::{DiskBlobFacts, examine_disk_by_rules};
use crate::cluster::disk_artifact::judge_disk_artifact;
use crate::cluster::vm::{MachineKind, judge_machine};
use crate::compression::{CompressionFormat, MAGIC_LEN};
use crate::disk::{DiskInfo, DiskStart};
use crate::inspect::facts::{disk_artifact_facts, machine_facts};
use crate::inspect::vm::SeenMachine;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image_documents::PlatformImage;
use crate::oci::images::Images;

/// Returns the overview of a manifest of a VM artifact.
pub(super) fn inspect_machine(
    image: &PlatformImage,
    kind: MachineKind,
    images: &dyn Images,
) -> ImageOverview {
    let mut overview = overview_of_blobs(image, images);
    let facts = machine_facts(image, kind, None, |_| None);
    overview.machine = Some(SeenMachine::new(image, kind));
    overview.findings = judge_machine(image.platform().as_ref(), &facts);
    overview
}

/// Returns the overview of a manifest of a disk artifact.
pub(super) fn inspect_disk_artifact(image: &PlatformImage, images: &dyn Images) -> ImageOverview {
    let mut overview = overview_of_blobs(image, images);
    let mut blob = None;
    if let ([layer], [compression]) = (&image.layers[..], &overview.compressions[..]) {
        match compression {
            SeenCompression::NotRead => {}
            SeenCompression::Format(format) => {
                let detail = format!("it is compressed with {format}");
                blob = Some(DiskBlobFacts::Compression(detail));
            }
            SeenCompression::None => match read_disk(layer, images) {
                Ok(info) => {
                    let path = layer.title().unwrap_or_default().to_owned();
                    let seen = SeenDisk { layer: 0, path, entry: None, info: info.clone() };
                    overview.disk = Some(seen);
                    blob = Some(DiskBlobFacts::Sound(info));
                }
                Err(problem) => overview.problems.push(format!("layer 1: {problem}")),
            },
        }
    }
    let facts = disk_artifact_facts(image, |_| blob.as_ref());
    overview.findings = judge_disk_artifact(image.platform().as_ref(), &facts);
    overview
}

/// Returns an overview that has the compressions of layers that are in no tar.
fn overview_of_blobs(image: &PlatformImage, images: &dyn Images) -> ImageOverview {
    let mut problems = Vec::new();
    let mut compressions = Vec::new();
    for (number, blob) in image.layers.iter().enumerate() {
        let compression = read_start(blob, MAGIC_LEN, images)
            .map(|start| CompressionFormat::detect(&start).into());
        compressions.push(compression.unwrap_or_else(|problem| {
            problems.push(format!("layer {}: {problem}", number + 1));
            SeenCompression::NotRead
        }));
    }
    ImageOverview {
        disk: None,
        machine: None,
        compressions,
        labels: Vec::new(),
        findings: Vec::new(),
        problems,
    }
}

/// Examines the first bytes of a layer that is a disk.
fn read_disk(blob: &Descriptor, images: &dyn Images) -> Result<DiskInfo, String> {
    let bytes = read_start(blob, LAYER_START_LEN, images)?;
    let start = DiskStart { bytes: &bytes, len: blob.size };
    examine_disk_by_rules(&start).map_err(|error| error.to_string())
}

fn read_start(blob: &Descriptor, len: u64, images: &dyn Images) -> Result<Vec<u8>, String> {
    let reach = len.min(blob.size);
    let reader = images.open_blob_part(blob.digest, blob.size, 0..reach);
    let mut start = Vec::new();
    let reader = reader.map_err(|error| error.full_message())?;
    reader.take(reach).read_to_end(&mut start).map_err(|error| error.to_string())?;
    Ok(start)
}
