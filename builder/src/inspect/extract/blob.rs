//! Extracts a disk of an *artifact*: a layer that is the disk itself, in no tar.

use std::io::{self, Read};
use std::thread;

use super::copy::{STEP, write_sparse};
use super::{DiskOutput, ExtractContext, ExtractError, ExtractedDisk, SeedUse, UnusedSeed};
use crate::disk::without_compression;
use crate::inspect::facts::ContentKind;
use crate::inspect::vm::{disk_name, disk_size};
use crate::oci::hashing::BlobProblem;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image_documents::PlatformImage;
use crate::oci::layer_tar::{ExpectedBlob, LayerProblem, LayerTar};
use crate::oci::progress::ProgressEvent;

/// Extracts the disk that the context names, or the only one.
pub(super) fn extract_blob(
    image: &PlatformImage,
    output: &mut dyn DiskOutput,
    context: &ExtractContext<'_>,
) -> Result<ExtractedDisk, ExtractError> {
    let (number, blob) = choose_layer(image, context.disk)?;
    let path = disk_path(image, blob);
    let declared = match ContentKind::of(image) {
        ContentKind::Machine(_) => disk_size(blob),
        _ => Some(blob.size),
    };
    let (progress, digest, len) = (context.progress, blob.digest, blob.size);
    let wrong = |problem: LayerProblem| ExtractError::Layer { number: number + 1, digest, problem };
    let unread = |error| wrong(BlobProblem::Read(error).into());
    let reader = context.images.open_blob(digest, len, 0)?;
    progress.report(ProgressEvent::Reading { blob: number, digest, len });
    let expected = ExpectedBlob { digest, size: len, progress, number: Some(number) };
    output.begin(&path, declared.unwrap_or_default()).map_err(ExtractError::Output)?;
    let size = thread::scope(|scope| {
        let mut disk = LayerTar::new_ahead(reader, expected, scope).map_err(unread)?;
        let copied = copy_all(&mut disk, output);
        if let Err(CopyFailure::Write(error)) = copied {
            return Err(ExtractError::Output(error));
        }
        // A wrong digest or size is reported rather than what follows from it.
        disk.finish().map_err(|problem| wrong(problem.into()))?;
        match copied {
            Ok(size) => Ok(size),
            Err(CopyFailure::Read(error) | CopyFailure::Write(error)) => Err(unread(error)),
        }
    })?;
    progress.report(ProgressEvent::Read { blob: number, digest, len });
    output.finish().map_err(ExtractError::Output)?;
    let seeds = match context.seeds {
        [] => SeedUse::None,
        _ => SeedUse::Unused(UnusedSeed::NotChunked),
    };
    Ok(ExtractedDisk { path, size, seeds })
}

/// Returns the layer with the disk, and its number.
pub(in crate::inspect) fn choose_layer<'i>(
    image: &'i PlatformImage,
    name: Option<&str>,
) -> Result<(usize, &'i Descriptor), ExtractError> {
    let layers: Vec<(usize, &Descriptor)> = image.layers.iter().enumerate().collect();
    let known = || {
        let names = layers.iter().map(|(_, layer)| name_of(layer).escape_debug().to_string());
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    match (name, &layers[..]) {
        (_, []) => Err(ExtractError::NoLayers),
        (None, [only]) => Ok(*only),
        (None, _) => Err(ExtractError::WhichDisk(known())),
        (Some(name), _) => layers
            .iter()
            .find(|(_, layer)| name_of(layer) == name)
            .copied()
            .ok_or_else(|| ExtractError::UnknownDisk { name: name.to_owned(), known: known() }),
    }
}

/// Returns the name of the file of a disk. Those of VM artifacts have names of their own, and are compressed.
pub(in crate::inspect) fn disk_path(image: &PlatformImage, blob: &Descriptor) -> String {
    match ContentKind::of(image) {
        ContentKind::Machine(_) => format!("{}.raw", disk_name(blob)),
        _ => without_compression(name_of(blob)).to_owned(),
    }
}

/// Returns the name of a disk: that of its volume in a VM artifact, else that of the file.
fn name_of(layer: &Descriptor) -> &str {
    match disk_name(layer) {
        "" => layer.title().unwrap_or_default(),
        name => name,
    }
}

/// Why a disk was not copied to its end.
enum CopyFailure {
    Read(io::Error),
    Write(io::Error),
}

/// Copies a disk, and returns its length in bytes.
fn copy_all(disk: &mut impl Read, output: &mut dyn DiskOutput) -> Result<u64, CopyFailure> {
    let mut space = vec![0; STEP];
    let mut size = 0;
    loop {
        // Whole steps, so that zeros are found in whole blocks.
        let mut filled = 0;
        while filled < space.len() {
            match disk.read(&mut space[filled..]).map_err(CopyFailure::Read)? {
                0 => break,
                count => filled += count,
            }
        }
        if filled == 0 {
            return Ok(size);
        }
        size += filled as u64;
        write_sparse(&space[..filled], output).map_err(CopyFailure::Write)?;
    }
}
