//! The *choice* of a disk: the manifest for a platform, then the layer.

use std::collections::BTreeSet;
use std::convert::Infallible;

use super::ImageDiskError;
use crate::cluster::contract::LAYERS_MAX;
use crate::cluster::kubernetes::Quantity;
use crate::cluster::vm::{DISK_NAME, DISK_SIZE};
use crate::compression::CompressionFormat;
use crate::compression::decode::size_hint;
use crate::disk::{has_disk_extension, without_compression};
use crate::engine::source::SourceErrorKind;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::format::is_image_config;
use crate::oci::image::json::Document;
use crate::oci::image::nearest::find_nearest;
use crate::oci::image::platform::Platform;
use crate::oci::images::Images;
use crate::oci::walk::{DocumentLimits, DocumentWalk, NestedIndexes, WalkError};
use crate::recipe::ImageDisk;

/// Annotation of an index entry with the hypervisor that a disk of podman machine is for.
const DISK_TYPE: &str = "disktype";

/// The hypervisor whose disks of podman machine are qcow2.
const QEMU: &str = "qemu";

/// What a disk is in an image.
#[derive(Debug)]
pub(super) enum ChosenDisk {
    /// A file in one of these layers, which are tars.
    Container(Vec<ContainerLayer>),
    /// A layer that is the disk.
    Layer(DiskLayer),
}

/// A layer of a containerDisk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ContainerLayer {
    pub(super) digest: Digest,
    /// Length of the blob in bytes.
    pub(super) size: u64,
    /// Digest of the decompressed tar, as the config has it.
    pub(super) diff_id: String,
}

/// A layer that is a disk.
#[derive(Debug)]
pub(super) struct DiskLayer {
    pub(super) digest: Digest,
    /// Length of the blob in bytes.
    pub(super) size: u64,
    pub(super) compression: Option<CompressionFormat>,
    /// Length of the decompressed disk in bytes, as far as it is declared.
    pub(super) declared: Option<u64>,
}

/// Chooses the disk of an image.
pub(super) fn choose_disk(
    images: &dyn Images,
    root: &Document,
    wanted: &ImageDisk,
) -> Result<ChosenDisk, SourceErrorKind> {
    let mut walk = DocumentWalk::new(&images, DocumentLimits::default());
    let by_type = choose_by_disk_type(&mut walk, root, wanted)?;
    // The disk type is the name of a disk where there is one.
    let name = wanted.disk.as_deref().filter(|_| by_type.is_none());
    let document = match by_type {
        Some(document) => document,
        None => choose_by_platform(&mut walk, root, wanted)?,
    };
    let manifest = walk.parse_manifest(&document)?;
    let config = manifest.config.as_ref().filter(|it| is_image_config(&it.media_type));
    match config.filter(|_| manifest.layers.iter().all(is_tar)) {
        Some(config) => {
            let fields = serde_json::from_slice(&walk.read_config(config)?).unwrap_or_default();
            Ok(ChosenDisk::Container(container_layers(&fields, manifest.layers)?))
        }
        None => choose_layer(images, manifest.layers, name).map(ChosenDisk::Layer),
    }
}

fn choose_by_platform(
    walk: &mut DocumentWalk<'_>,
    root: &Document,
    wanted: &ImageDisk,
) -> Result<Document, SourceErrorKind> {
    let name = wanted.location.to_string();
    let chosen = walk.choose_platform(root, &wanted.platform, &name)?;
    Ok((*chosen.map_err(ImageDiskError::from)?).clone())
}

/// Chooses a manifest of podman machine; `None` if the image is another one.
fn choose_by_disk_type(
    walk: &mut DocumentWalk<'_>,
    root: &Document,
    wanted: &ImageDisk,
) -> Result<Option<Document>, SourceErrorKind> {
    let mut entries = walk.list_images(root, NestedIndexes::ByEntry)?;
    entries.retain(|entry| entry.descriptor.annotations.contains_key(DISK_TYPE));
    if entries.is_empty() {
        return Ok(None);
    }
    let disk_type = wanted.disk.as_deref().unwrap_or(QEMU);
    let types: BTreeSet<String> =
        entries.iter().filter_map(|it| it.descriptor.annotations.get(DISK_TYPE).cloned()).collect();
    if !types.contains(disk_type) {
        let names = types.into_iter().collect();
        return Err(ImageDiskError::Unknown { wanted: disk_type.to_owned(), names }.into());
    }
    entries.retain(|it| it.descriptor.annotations.get(DISK_TYPE).is_some_and(|it| it == disk_type));
    let platforms = entries.iter().map(|it| {
        Ok::<_, Infallible>(it.descriptor.platform.clone().map(Platform::with_go_architecture))
    });
    let name = wanted.location.to_string();
    let Ok(number) = find_nearest(&name, &wanted.platform, platforms);
    let entry = entries.swap_remove(number.map_err(ImageDiskError::from)?);
    Ok(Some((*walk.read_document(entry.parent, &entry.descriptor)?).clone()))
}

/// Returns whether a layer is a tar, in OCI's or in Docker's family.
fn is_tar(layer: &Descriptor) -> bool {
    let families = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];
    families.iter().any(|family| layer.media_type.starts_with(family))
}

/// Returns the layers of a containerDisk, each once: the same layer again has the same disk.
fn container_layers(
    config: &serde_json::Value,
    layers: Vec<Descriptor>,
) -> Result<Vec<ContainerLayer>, ImageDiskError> {
    let diff_ids = config.pointer("/rootfs/diff_ids").and_then(serde_json::Value::as_array);
    let diff_ids: Vec<_> = diff_ids.into_iter().flatten().collect();
    if diff_ids.len() != layers.len() || layers.len() > LAYERS_MAX {
        let (layers, diff_ids) = (layers.len(), diff_ids.len());
        return Err(ImageDiskError::LayerCount { layers, diff_ids });
    }
    let mut known = BTreeSet::new();
    let layers = layers.into_iter().zip(diff_ids).map(|(layer, diff_id)| ContainerLayer {
        digest: layer.digest,
        size: layer.size,
        diff_id: diff_id.as_str().unwrap_or_default().to_owned(),
    });
    Ok(layers.filter(|layer| known.insert(layer.clone())).collect())
}

/// Chooses a layer that is a disk: one with a name of its own, else one whose file is named as disks are, else the only
/// one.
fn choose_layer(
    images: &dyn Images,
    layers: Vec<Descriptor>,
    name: Option<&str>,
) -> Result<DiskLayer, SourceErrorKind> {
    let is_named = |layer: &Descriptor| layer.annotations.contains_key(DISK_NAME);
    let is_disk = |layer: &Descriptor| {
        layer.title().is_some_and(|title| has_disk_extension(without_compression(title)))
    };
    let mut disks = layers;
    for is_meant in [&is_named as &dyn Fn(&Descriptor) -> bool, &is_disk] {
        if disks.iter().any(is_meant) {
            disks.retain(is_meant);
            break;
        }
    }
    let names = || disks.iter().map(layer_name).collect();
    let number = match name {
        Some(name) => {
            let is_meant = |layer: &Descriptor| {
                let titles = layer.title().map(|title| [title, without_compression(title)]);
                layer_name(layer) == name || titles.is_some_and(|titles| titles.contains(&name))
            };
            let unknown = || ImageDiskError::Unknown { wanted: name.to_owned(), names: names() };
            disks.iter().position(is_meant).ok_or_else(unknown)?
        }
        None if disks.is_empty() => return Err(ImageDiskError::NoDisk.into()),
        None if disks.len() > 1 => return Err(ImageDiskError::Several(names()).into()),
        None => 0,
    };
    let layer = disks.swap_remove(number);
    let compression = find_compression(&layer);
    let declared = declared_size(images, &layer, compression);
    let Descriptor { digest, size, .. } = layer;
    Ok(DiskLayer { digest, size, compression, declared })
}

/// Returns the name of a disk for users: that of the volume in a VM artifact, else that of the file.
fn layer_name(layer: &Descriptor) -> String {
    let named = layer.annotations.get(DISK_NAME).map(String::as_str);
    named.or_else(|| layer.title()).map_or_else(|| layer.digest.to_string(), str::to_owned)
}

/// Returns how a disk is compressed, by its media type or the name of its file.
fn find_compression(layer: &Descriptor) -> Option<CompressionFormat> {
    match layer.media_type.rsplit_once('+') {
        Some((_, "gzip")) => Some(CompressionFormat::Gzip),
        Some((_, "zstd")) => Some(CompressionFormat::Zstd),
        _ => layer.title().and_then(CompressionFormat::from_name),
    }
}

/// Returns the length of the decompressed disk as an annotation or the compressed bytes declare it.
fn declared_size(
    images: &dyn Images,
    layer: &Descriptor,
    compression: Option<CompressionFormat>,
) -> Option<u64> {
    let Some(compression) = compression else { return Some(layer.size) };
    let annotated = layer.annotations.get(DISK_SIZE).and_then(|size| size.parse::<Quantity>().ok());
    if let Some(size) = annotated {
        return Some(size.bytes());
    }
    let (digest, size) = (layer.digest, layer.size);
    let read_at = |space: &mut [u8], at: u64| {
        let end = at.saturating_add(space.len() as u64);
        let part = images.open_blob_part(digest, size, at..end).map_err(std::io::Error::other)?;
        { part }.read_exact(space)
    };
    size_hint(compression, size, &read_at)
}

impl From<WalkError> for SourceErrorKind {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Storage(error) => Self::Image(error),
            error => ImageDiskError::Documents(error).into(),
        }
    }
}
