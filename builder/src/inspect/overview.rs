//! An *overview* of a finished image has what its documents declare and the first bytes of its
//! layers show, as far as they are needed to see the disk. Layers are neither read to their end nor
//! checked.

mod artifact;
#[cfg(test)]
mod tests;

use std::io::Read;

use self::artifact::{inspect_disk_artifact, inspect_machine};
use crate::cluster::contract::facts::{ConfigFacts, DiskFacts, LayerFacts};
use crate::cluster::contract::labels::{check_key, is_copied_to_volume, label_for_env};
use crate::cluster::contract::{
    Finding, NEED_ALL_MEMBERS, cdi_takes, examine_disk_by_rules, is_relevant, judge_image,
};
use crate::compression::CompressionFormat;
use crate::disk;
use crate::inspect::facts::{ContentKind, image_facts};
use crate::inspect::vm::SeenMachine;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image_documents::PlatformImage;
use crate::oci::images::Images;
use crate::oci::tar::{self, TarEntry, TarEntryKind, TarLimits, TarReadError, TarReader};

/// Number of a layer's first bytes that are read.
pub const LAYER_START_LEN: u64 = 4 << 20;

/// Maximum number of bytes of a layer's tar that are read: a few compressed bytes can become very
/// many.
const TAR_LEN_MAX: u64 = 256 << 20;

/// Maximum number of layers that are read: the largest ones.
const LAYERS_MAX: usize = 8;

/// Maximum number of members that are examined in the first bytes of a layer. Nearly all are
/// irrelevant.
const MEMBERS_MAX: usize = 1000;

/// What was seen of an image.
#[derive(Debug, Clone)]
pub struct ImageOverview {
    /// The disk, if it was seen.
    pub disk: Option<SeenDisk>,
    /// The virtual machine, if this is a VM artifact.
    pub machine: Option<SeenMachine>,
    /// Compression of the layers, lowest first.
    pub compressions: Vec<SeenCompression>,
    /// Labels that CDI will set on the volume, and their values.
    pub labels: Vec<(String, String)>,
    /// Findings, as far as the first bytes show them.
    pub findings: Vec<Finding>,
    /// Why layers could not be read.
    pub problems: Vec<String>,
}

/// How a layer is compressed, as its first bytes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenCompression {
    /// It was not read.
    NotRead,
    /// It is not compressed.
    None,
    /// It is compressed in this format.
    Format(CompressionFormat),
}

impl From<Option<CompressionFormat>> for SeenCompression {
    fn from(compression: Option<CompressionFormat>) -> Self {
        compression.map_or(Self::None, Self::Format)
    }
}

/// A disk that was seen.
#[derive(Debug, Clone)]
pub struct SeenDisk {
    /// Number of its layer, lowest first, from 0.
    pub layer: usize,
    /// Path in the image, without a slash in front; name of the file in a disk artifact.
    pub path: String,
    /// The tar entry of the file; none in a disk artifact.
    pub entry: Option<TarEntry>,
    /// Format and flaws, as far as its first bytes show them.
    pub info: disk::DiskInfo,
}

/// Returns the overview of an image.
pub fn inspect_image(image: &PlatformImage, images: &dyn Images) -> ImageOverview {
    match ContentKind::of(image) {
        ContentKind::Image => {}
        ContentKind::Machine(kind) => return inspect_machine(image, kind, images),
        ContentKind::Disk => return inspect_disk_artifact(image, images),
    }
    let mut facts = image_facts(image, |_| LayerFacts::default());
    let mut overview = ImageOverview {
        disk: None,
        machine: None,
        compressions: vec![SeenCompression::NotRead; image.layers.len()],
        labels: cdi_labels(&facts.config),
        findings: Vec::new(),
        problems: Vec::new(),
    };
    if facts.config.foreign.is_none() {
        overview.find_disk(image, images, &mut facts.layers);
    }
    overview.findings = judge_image(image.platform().as_ref(), &facts);
    let is_whole = overview.disk.is_some() && image.layers.len() == 1;
    overview.findings.retain(|finding| is_whole || !NEED_ALL_MEMBERS.contains(&finding.rule));
    overview
}

/// Returns the labels that CDI makes from the environment and copies to the volume.
fn cdi_labels(config: &ConfigFacts) -> Vec<(String, String)> {
    let label = |(name, value): &(String, String)| Some((label_for_env(name)?, value.clone()));
    let labels = config.env.iter().filter_map(label);
    labels.filter(|(key, _)| check_key(key).is_ok() && is_copied_to_volume(key)).collect()
}

impl ImageOverview {
    /// Looks for the disk in the largest layers first: a disk is large, and so is its layer.
    fn find_disk(&mut self, image: &PlatformImage, images: &dyn Images, facts: &mut [LayerFacts]) {
        let mut order: Vec<usize> = (0..image.layers.len()).collect();
        order.sort_by_key(|number| std::cmp::Reverse(image.layers[*number].size));
        for number in order.into_iter().take(LAYERS_MAX) {
            let (Some(blob), Some(facts)) = (image.layers.get(number), facts.get_mut(number))
            else {
                continue;
            };
            let compressed = self.compressions.get_mut(number);
            match read_layer_start(blob, images, facts, compressed) {
                Ok(Some((found, info))) => {
                    let (path, entry) = (found.path.clone(), Some(found));
                    self.disk = Some(SeenDisk { layer: number, path, entry, info });
                    return;
                }
                Ok(None) => {}
                Err(problem) => self.problems.push(format!("layer {}: {problem}", number + 1)),
            }
        }
    }
}

/// Reads the start of a layer, to see how it is compressed and whether it has a disk.
fn read_layer_start(
    blob: &Descriptor,
    images: &dyn Images,
    facts: &mut LayerFacts,
    compressed: Option<&mut SeenCompression>,
) -> Result<Option<(TarEntry, disk::DiskInfo)>, String> {
    let reach = LAYER_START_LEN.min(blob.size);
    let reader = images.open_blob_part(blob.digest, blob.size, 0..reach);
    let reader = reader.map_err(|error| error.full_message())?;
    let unpacked = tar::decompress(reader.take(reach));
    let (compression, tar) = unpacked.map_err(|error| error.to_string())?;
    if let Some(compressed) = compressed {
        *compressed = compression.into();
    }
    let tar = TarReader::new(tar.take(TAR_LEN_MAX), compression, TarLimits::default());
    let mut tar = tar.with_sparse_files();
    let found = find_member(&mut tar, facts);
    let is_whole = reach == blob.size && tar.into_inner().limit() > 0;
    match found {
        Ok(disk) => Ok(disk),
        // The layer was not read to its end.
        Err(_) if !is_whole => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn find_member(
    tar: &mut TarReader<impl Read>,
    facts: &mut LayerFacts,
) -> Result<Option<(TarEntry, disk::DiskInfo)>, TarReadError> {
    for _ in 0..MEMBERS_MAX {
        let Some(found) = tar.next().transpose()? else { return Ok(None) };
        if !is_relevant(&found.path) {
            continue;
        }
        facts.members.push(found.clone());
        if found.kind == TarEntryKind::File && cdi_takes(&found) {
            let start = read_disk_start(tar)?;
            let examined =
                examine_disk_by_rules(&disk::DiskStart { bytes: &start, len: found.size });
            let Ok(info) = examined else { return Ok(None) };
            let seen = DiskFacts { info: info.clone(), mark: (Digest::of_bytes(&start), 0) };
            facts.disks.insert(facts.members.len() - 1, seen);
            return Ok(Some((found, info)));
        }
    }
    Ok(None)
}

/// Returns as much of a disk's start as has been read.
fn read_disk_start(tar: &mut TarReader<impl Read>) -> Result<Vec<u8>, TarReadError> {
    const STEP: usize = 16 * 1024;
    let mut start = Vec::new();
    let mut space = vec![0; STEP];
    while start.len() < disk::START_LEN {
        match tar.read_content(&mut space) {
            Ok(0) => break,
            Ok(count) => start.extend_from_slice(space.get(..count).unwrap_or_default()),
            Err(_) if !start.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(start)
}
