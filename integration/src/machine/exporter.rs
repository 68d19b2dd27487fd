//! Writes archives as KubeVirt's exporter does: `oci-layout`, `index.json`, which is the index of the
//! artifact itself, the manifests, the configs, and a blob for each disk.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use tar::{Builder, Header};

use super::{DISK, INDEX, MANIFEST, NAME, SIZE, TYPES};
use crate::disk::sha256;

/// One manifest of an artifact.
#[derive(Debug, Clone)]
pub struct Export {
    /// Architecture of the platform.
    pub architecture: &'static str,
    /// Whether it is a template.
    pub is_template: bool,
    /// The object.
    pub config: Value,
    /// Names of volumes, and the bytes of their disks.
    pub disks: Vec<(&'static str, Vec<u8>)>,
}

/// A blob, and its name in the archive.
struct Blob {
    digest: String,
    bytes: Vec<u8>,
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        Self { digest: format!("sha256:{}", sha256(&bytes)), bytes }
    }

    fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// Writes an archive.
pub fn write_archive(exports: &[Export], path: &Path) {
    let mut blobs = Vec::new();
    let mut entries = Vec::new();
    for export in exports {
        let (manifest, rest) = manifest_of(export);
        let mut entry = manifest.descriptor(MANIFEST);
        entry["platform"] = json!({ "architecture": export.architecture, "os": "linux" });
        entries.push(entry);
        blobs.push(manifest);
        blobs.extend(rest);
    }
    let (artifact_type, _) = TYPES[usize::from(exports[0].is_template)];
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "artifactType": artifact_type,
        "manifests": entries,
        "annotations": { "org.opencontainers.image.created": "2026-10-01T12:00:00Z" },
    });
    let mut tar = Builder::new(std::fs::File::create(path).unwrap());
    append(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    append(&mut tar, "index.json", index.to_string().as_bytes());
    for blob in &blobs {
        append(&mut tar, &format!("blobs/{}", blob.digest.replace(':', "/")), &blob.bytes);
    }
    tar.into_inner().unwrap().flush().unwrap();
}

/// Returns the manifest, and then its config and its disks.
fn manifest_of(export: &Export) -> (Blob, Vec<Blob>) {
    let (artifact_type, config_type) = TYPES[usize::from(export.is_template)];
    let config = Blob::new(export.config.to_string().into_bytes());
    let mut layers = Vec::new();
    let mut blobs = Vec::new();
    for (name, disk) in &export.disks {
        let blob = Blob::new(zstd::encode_all(&disk[..], 3).unwrap());
        let mut layer = blob.descriptor(DISK);
        layer["annotations"] = json!({
            NAME: name,
            SIZE: binary_quantity(disk.len()),
            "org.opencontainers.image.title": format!("{name}.raw.zst"),
        });
        layers.push(layer);
        blobs.push(blob);
    }
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": artifact_type,
        "config": config.descriptor(config_type),
        "layers": layers,
    });
    blobs.insert(0, config);
    (Blob::new(manifest.to_string().into_bytes()), blobs)
}

/// Returns a number of bytes as Go's `resource.Quantity` of format `BinarySI` writes it.
fn binary_quantity(mut count: usize) -> String {
    let mut suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].into_iter();
    let mut suffix = suffixes.next().unwrap();
    while count > 0 && count.is_multiple_of(1024) {
        count /= 1024;
        suffix = suffixes.next().unwrap();
    }
    format!("{count}{suffix}")
}

fn append(tar: &mut Builder<std::fs::File>, name: &str, content: &[u8]) {
    let mut header = Header::new_ustar();
    header.set_path(name).unwrap();
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    tar.append(&header, content).unwrap();
}
