//! *Locates* the disk in the layers of an image, where it can be read in parts.

use std::io;
use std::sync::Arc;

use super::chunked::ChunkedFile;
use super::cursor::Cursor;
use super::ranged::RangedBlob;
use super::{DiskContext, OpenedDisk, PartReading, Traffic};
use crate::cluster::contract::{LAYERS_MAX, cdi_takes, is_relevant};
use crate::compression::{CompressionFormat, MAGIC_LEN};
use crate::disk::{ReadAt, byte_ranges};
use crate::inspect::chunked::read_chunked_layer;
use crate::inspect::extract::{DiskChoice, ExtractError, choose_layer, disk_path};
use crate::inspect::facts::ContentKind;
use crate::oci::hashing::BlobProblem;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image_documents::PlatformImage;
use crate::oci::tar::{self, TarEntry, TarEntryKind, TarReader};

/// Largest layer that is read as a whole to see that it has no disk.
const SMALL_LAYER: u64 = 16 << 20;

/// The entries of a layer that say where the disk is.
struct LayerEntries<'a> {
    entries: Vec<TarEntry>,
    /// The file in `/disk`, if it can be read in parts.
    disk: Option<Arc<dyn ReadAt + 'a>>,
}

/// Returns the disk of an image; `None` if it cannot be read in parts, or it is not clear which file it is.
pub(super) fn locate_disk<'a>(
    image: &'a PlatformImage,
    context: &DiskContext<'a>,
) -> Result<Option<OpenedDisk<'a>>, ExtractError> {
    let total = image.layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
    let traffic = Traffic::new(total);
    match ContentKind::of(image) {
        ContentKind::Machine(_) | ContentKind::Disk if context.parts == PartReading::Checked => {
            Ok(None)
        }
        ContentKind::Machine(_) | ContentKind::Disk => {
            let (number, layer) = choose_layer(image, context.disk)?;
            let blob = RangedBlob::new(context.images, layer, traffic.clone());
            let path = disk_path(image, layer);
            let found = compression(&blob).map_err(|error| unread(number, layer, error))?;
            let file: Arc<dyn ReadAt + 'a> = Arc::new(blob);
            Ok(found.is_none().then_some(OpenedDisk { file, path, traffic }))
        }
        ContentKind::Image if context.disk.is_some() => Err(ExtractError::NamedDisk),
        ContentKind::Image if image.layers.len() > LAYERS_MAX => Ok(None),
        ContentKind::Image => locate_in_layers(image, context, &traffic),
    }
}

fn locate_in_layers<'a>(
    image: &'a PlatformImage,
    context: &DiskContext<'a>,
    traffic: &Traffic,
) -> Result<Option<OpenedDisk<'a>>, ExtractError> {
    let mut choice = DiskChoice::default();
    let mut found = None;
    for (number, layer) in image.layers.iter().enumerate() {
        let read = read_layer(layer, context, traffic);
        let read = read.map_err(|error| unread(number, layer, error))?;
        let Some(LayerEntries { entries, disk }) = read else { return Ok(None) };
        for entry in entries {
            if cdi_takes(&entry) {
                let path = format!("/{}", entry.path);
                // A second one would have to be compared with the first.
                if found.replace((path, disk.clone())).is_some() {
                    return Ok(None);
                }
            }
            choice.keep(number, entry)?;
        }
    }
    match found {
        Some((path, Some(file))) if choice.check_agreement().is_ok() => {
            Ok(Some(OpenedDisk { file, path, traffic: traffic.clone() }))
        }
        _ => Ok(None),
    }
}

/// Returns the error for a layer that cannot be read.
fn unread(number: usize, layer: &Descriptor, error: io::Error) -> ExtractError {
    let (number, digest) = (number + 1, layer.digest);
    ExtractError::Layer { number, digest, problem: BlobProblem::Read(error).into() }
}

/// Reads the entries of a layer; `None` if it would have to be read as a whole, and is large.
fn read_layer<'a>(
    layer: &'a Descriptor,
    context: &DiskContext<'a>,
    traffic: &Traffic,
) -> io::Result<Option<LayerEntries<'a>>> {
    let blob: Arc<dyn ReadAt + 'a> =
        Arc::new(RangedBlob::new(context.images, layer, traffic.clone()));
    if let Some(found) = read_chunked_layer(context.images, layer) {
        traffic.count(found.toc_len);
        let disk = found.disk.map(|file| ChunkedFile::new(Arc::clone(&blob), file));
        let disk = disk.map(|file| Arc::new(file) as Arc<dyn ReadAt + 'a>);
        return Ok(Some(LayerEntries { entries: found.entries, disk }));
    }
    if context.parts == PartReading::Checked {
        return Ok(None);
    }
    if compression(&*blob)?.is_none() {
        return Ok(read_tar(&blob, context));
    }
    if layer.size > SMALL_LAYER {
        return Ok(None);
    }
    let Ok((compression, tar)) = tar::decompress(Cursor::new(&*blob)) else { return Ok(None) };
    let reader = TarReader::new(tar, compression, context.limits).with_sparse_files();
    let mut entries = Vec::new();
    for entry in reader {
        match entry {
            Ok(entry) if is_relevant(&entry.path) => entries.push(entry),
            Ok(_) => {}
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(LayerEntries { entries, disk: None }))
}

/// Returns how a blob is compressed.
fn compression(blob: &dyn ReadAt) -> io::Result<Option<CompressionFormat>> {
    let mut start = vec![0; usize::try_from(blob.len().min(MAGIC_LEN)).unwrap_or(0)];
    blob.read_exact_at(&mut start, 0)?;
    Ok(CompressionFormat::detect(&start))
}

/// Reads the headers of a tar that is not compressed.
fn read_tar<'a>(
    blob: &Arc<dyn ReadAt + 'a>,
    context: &DiskContext<'_>,
) -> Option<LayerEntries<'a>> {
    let mut reader = TarReader::new(Cursor::new(&**blob), None, context.limits);
    let (mut entries, mut disk) = (Vec::new(), None);
    while let Some(entry) = reader.next() {
        let entry = entry.ok()?;
        if entry.offset.checked_add(entry.size)? > blob.len() {
            return None;
        }
        reader.seek_over().ok()?;
        if !is_relevant(&entry.path) {
            continue;
        }
        if cdi_takes(&entry) && entry.kind == TarEntryKind::File {
            let range = byte_ranges(blob, &[(entry.offset, entry.size)]);
            disk = Some(Arc::new(range) as Arc<dyn ReadAt + 'a>);
        }
        entries.push(entry);
    }
    Some(LayerEntries { entries, disk })
}
