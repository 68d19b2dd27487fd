//! **Image volumes**, as CRI-O mounts artifacts and KubeVirt finds the disk in them, implemented a second
//! time and independently of the program: CRI-O `internal/ociartifact/store.go`, KubeVirt
//! `pkg/virt-launcher/virtwrap/manager.go` (`findDiskFileInImageVolume`).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::disk::sha256;

/// Artifact type of the disks that the program builds.
const DISK: &str = "application/vnd.kubevirt.disk.v1";

/// Returns the architectures of a disk artifact that a layout names; nothing if it is something else.
pub fn architectures(layout: &Path, digest: &str) -> Option<Vec<String>> {
    let root = read_json(layout, digest);
    let name = |entry: &Value| entry["platform"]["architecture"].as_str().map(str::to_owned);
    let entries = root["manifests"].as_array().into_iter().flatten();
    (root["artifactType"] == DISK).then(|| entries.filter_map(name).collect())
}

/// Returns the name and the content of the disk that KubeVirt finds in the artifact that `digest` names.
pub fn mounted_disk(layout: &Path, digest: &str, architecture: &str) -> (String, Vec<u8>) {
    let volume = layout.parent().unwrap().join(format!("volume-{architecture}"));
    mount_artifact(layout, digest, architecture, &volume);
    let disk = find_disk(&volume).unwrap();
    let content = fs::read(&disk).unwrap();
    fs::remove_dir_all(&volume).unwrap();
    (disk.file_name().unwrap().to_string_lossy().into_owned(), content)
}

/// Mounts the artifact that `digest` names in a layout: its blobs become files in `volume`.
fn mount_artifact(layout: &Path, digest: &str, architecture: &str, volume: &Path) {
    let root = read_json(layout, digest);
    let manifest = match root["manifests"].as_array() {
        None => root,
        Some(entries) => {
            let is_own = |entry: &&Value| {
                entry["platform"]["architecture"] == architecture
                    && entry["platform"]["os"] == "linux"
            };
            let entry = entries.iter().find(is_own).expect("no manifest for the platform");
            read_json(layout, entry["digest"].as_str().unwrap())
        }
    };
    let config = manifest["config"]["mediaType"].as_str().unwrap();
    let has_type = manifest["artifactType"].as_str().is_some_and(|own| !own.is_empty());
    assert!(has_type, "CRI-O takes the manifest for one of an image");
    assert_ne!(config, "application/vnd.oci.image.config.v1+json");
    fs::create_dir(volume).unwrap();
    for layer in manifest["layers"].as_array().unwrap() {
        let title = layer["annotations"]["org.opencontainers.image.title"].as_str();
        let title = title.filter(|title| !title.is_empty()).expect("a layer has no title");
        assert!(!title.contains('/'), "CRI-O refuses the title {title}");
        let blob = read_blob(layout, layer["digest"].as_str().unwrap());
        assert_eq!(layer["size"], blob.len());
        fs::write(volume.join(title), blob).unwrap();
    }
}

/// Returns the disk that KubeVirt finds in a mounted volume: the only file at its root, else the only one in
/// `/disk`.
fn find_disk(volume: &Path) -> Result<PathBuf, String> {
    if let [only] = &list(volume)[..]
        && only.is_file()
    {
        return Ok(only.clone());
    }
    match &list(&volume.join("disk"))[..] {
        [only] if only.is_file() => Ok(only.clone()),
        found => Err(format!("{} files in /disk", found.len())),
    }
}

fn list(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn read_json(layout: &Path, digest: &str) -> Value {
    serde_json::from_slice(&read_blob(layout, digest)).unwrap()
}

fn read_blob(layout: &Path, digest: &str) -> Vec<u8> {
    let hex = digest.strip_prefix("sha256:").unwrap();
    let bytes = fs::read(layout.join("blobs/sha256").join(hex)).unwrap();
    assert_eq!(sha256(&bytes), hex, "a blob is damaged");
    bytes
}
