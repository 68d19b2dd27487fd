//! The *digest of a recipe* stands for all that goes into an image beside the disk itself: when it is
//! another one, the image is made anew though the disk is the same.

use std::io::{self, Read};

use serde_json::{Value, json};

use super::{SyncError, SyncJob, SyncTools};
use crate::engine::layer::compression::FORMAT_VERSION;
use crate::frontend::spec::{CatalogueEntry, CataloguePlatform};
use crate::oci::hashing::HashingReader;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::to_canonical_json;
use crate::recipe::{LayerEntryKind, SourceLocation, SourceRecipe};

/// Returns the digest of what one platform's image is made of, beside its disk.
pub(super) fn of_platform(
    platform: &CataloguePlatform,
    job: &SyncJob<'_>,
    sync: &SyncTools<'_>,
) -> Result<Digest, SyncError> {
    let mut files = Vec::new();
    for entry in platform.rest.layers().flat_map(|layer| &layer.entries) {
        let content = match &entry.kind {
            LayerEntryKind::File(source) => content(source, job)?,
            _ => Value::Null,
        };
        files.push(json!([entry.path, entry.mode, entry.owner.uid, entry.owner.gid, content]));
    }
    Ok(of(&json!({
        "format": FORMAT_VERSION,
        "compression": sync.workers.compression().to_string(),
        "created": sync.created.seconds(),
        "config": platform.rest.config.clone().finish(sync.created),
        "annotations": job.entry.annotations,
        "files": files,
    })))
}

/// Returns the digest of what an index says beside its platforms' images.
pub(super) fn of_index(entry: &CatalogueEntry) -> Digest {
    let tags: Vec<String> = entry.tags.iter().map(ToString::to_string).collect();
    let platforms: Vec<String> =
        entry.platforms.iter().map(|platform| platform.platform.to_string()).collect();
    of(&json!({ "tags": tags, "platforms": platforms, "annotations": entry.annotations }))
}

fn of(value: &Value) -> Digest {
    // A value that was just made can be written.
    Digest::of_bytes(&to_canonical_json(value).unwrap_or_default())
}

/// Returns what tells the content of a file from any other: of a file on this machine it is read.
fn content(source: &SourceRecipe, job: &SyncJob<'_>) -> Result<Value, SyncError> {
    let packing = source.compression.map(|packing| packing.to_string());
    let SourceLocation::File(file) = &source.location else {
        let checksum = source.checksum.as_ref().map(ToString::to_string);
        return Ok(json!([packing, source.location.to_string(), checksum]));
    };
    let digest = job
        .inputs
        .open(file)
        .and_then(digest)
        .map_err(|source| SyncError::File { place: file.path.display().to_string(), source });
    Ok(json!([packing, digest?]))
}

fn digest(file: impl Read) -> io::Result<String> {
    let mut file = HashingReader::new(file);
    io::copy(&mut file, &mut io::sink())?;
    Ok(file.digest().to_hex())
}
