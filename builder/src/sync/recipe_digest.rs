//! The *digest of a recipe* covers all inputs of an image except the disk: if it changes, the image is
//! built again even if the disk is the same.

use std::io::{self, Read};

use serde_json::{Value, json};

use super::{SyncError, SyncJob, SyncTools};
use crate::engine::layer::compression::FORMAT_VERSION;
use crate::frontend::spec::{CatalogueEntry, CataloguePlatform};
use crate::oci::hashing::HashingReader;
use crate::oci::image::digest::Digest;
use crate::oci::image::json::to_canonical_json;
use crate::recipe::{ConfigRecipe, LayerEntryKind, LayerRecipe, SourceLocation, SourceRecipe};

/// Returns the digest of the inputs of one platform's image, except its disk.
pub(super) fn platform_recipe_digest(
    platform: &CataloguePlatform,
    job: &SyncJob<'_>,
    sync: &SyncTools<'_>,
) -> Result<Digest, SyncError> {
    let mut files = Vec::new();
    for entry in platform.recipe_without_disk.layers().flat_map(LayerRecipe::entries) {
        let content = match &entry.kind {
            LayerEntryKind::File(source) => describe_content(source, job)?,
            _ => Value::Null,
        };
        files.push(json!([entry.path, entry.mode, entry.owner.uid, entry.owner.gid, content]));
    }
    Ok(digest_json(&json!({
        "format": FORMAT_VERSION,
        "compression": platform.recipe_without_disk.compression.to_string(),
        "created": sync.created.seconds(),
        "config": describe_config(&platform.recipe_without_disk.config, sync),
        "annotations": job.entry.annotations,
        "files": files,
    })))
}

/// Returns the digest of the contents of an index, except its platforms' images.
pub(super) fn index_recipe_digest(entry: &CatalogueEntry) -> Digest {
    let tags: Vec<String> = entry.tags.iter().map(ToString::to_string).collect();
    let platforms: Vec<String> =
        entry.platforms.iter().map(|platform| platform.platform.to_string()).collect();
    let mut described =
        json!({ "tags": tags, "platforms": platforms, "annotations": entry.annotations });
    if let Some(artifact_type) = entry.artifact_type() {
        described["artifactType"] = json!(artifact_type);
    }
    digest_json(&described)
}

fn describe_config(config: &ConfigRecipe, sync: &SyncTools<'_>) -> Value {
    match config {
        ConfigRecipe::Image(config) => json!(config.clone().finish(sync.created)),
        ConfigRecipe::Artifact(artifact) => {
            let digest = Digest::of_bytes(&artifact.bytes).to_string();
            json!([artifact.artifact_type, artifact.media_type, digest])
        }
    }
}

fn digest_json(value: &Value) -> Digest {
    // Serializing a JSON value does not fail.
    Digest::of_bytes(&to_canonical_json(value).unwrap_or_default())
}

/// Returns a description that changes with the content of a file: for local files, a digest of it.
fn describe_content(source: &SourceRecipe, job: &SyncJob<'_>) -> Result<Value, SyncError> {
    let compression = source.compression.map(|compression| compression.to_string());
    let SourceLocation::File(file) = &source.location else {
        let checksum = source.checksum.as_ref().map(ToString::to_string);
        return Ok(json!([compression, source.location.to_string(), checksum]));
    };
    let digest = job
        .inputs
        .open(file)
        .and_then(hash_file)
        .map_err(|source| SyncError::File { path: file.path.display().to_string(), source });
    Ok(json!([compression, digest?]))
}

fn hash_file(file: impl Read) -> io::Result<String> {
    let mut file = HashingReader::new(file);
    io::copy(&mut file, &mut io::sink())?;
    Ok(file.digest().to_hex())
}
