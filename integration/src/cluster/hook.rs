//! Checks every image that a test builds with the program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::{FoundDisk, LayoutStore, blob, read_with_all};
use crate::image_volume;
use crate::machine::importer::ArtifactLayout;

/// Maximum length of layers that are checked, in bytes: each is unpacked several times.
const LAYERS_MAX: u64 = 8 << 20;

/// Images that were checked in this process.
static CHECKED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Checks what a command has built into a layout; panics unless all readers accept it, with the
/// same disk.
///
/// Images without anything in `/disk` are for other purposes, and passed over.
pub fn check_built_images(command: &Command) {
    let Some(layout) = built_layout(command) else { return };
    if !layout.join("index.json").is_file() {
        return;
    }
    let (store, artifacts) = (LayoutStore::new(&layout), ArtifactLayout::new(&layout));
    for (tag, root) in store.tags() {
        let digest = root["digest"].as_str().unwrap_or_default().to_owned();
        if CHECKED.lock().unwrap_or_else(PoisonError::into_inner).insert(digest) {
            if is_attestation(&layout, &root) {
                continue;
            }
            if artifacts.is_artifact(&root) {
                check_artifact(&artifacts, &root);
                continue;
            }
            let digest = root["digest"].as_str().unwrap_or_default();
            if let Some(architectures) = image_volume::architectures(&layout, digest) {
                for architecture in architectures {
                    image_volume::mounted_disk(&layout, digest, &architecture);
                }
                continue;
            }
            // The tag of cosign for the signatures of an image.
            if tag.starts_with("sha256-") {
                continue;
            }
            let architectures = store.architectures(&tag).unwrap();
            for architecture in architectures {
                check_image(&store, &tag, &architecture);
            }
        }
    }
}

/// Returns whether an entry of a layout says something of an image, and is none.
fn is_attestation(layout: &Path, root: &Value) -> bool {
    let digest = root["digest"].as_str().unwrap_or_default().replace(':', "/");
    let bytes = std::fs::read(layout.join("blobs").join(digest)).unwrap_or_default();
    let document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    document["artifactType"] == "application/vnd.in-toto+json"
}

fn check_artifact(artifacts: &ArtifactLayout, root: &Value) {
    for architecture in artifacts.architectures(root) {
        let imported = artifacts.import(root, &architecture);
        imported.unwrap_or_else(|error| panic!("importers refuse it for {architecture}: {error}"));
    }
}

fn check_image(store: &LayoutStore, tag: &str, architecture: &str) {
    if store.layers_len(tag, architecture).unwrap() > LAYERS_MAX {
        return;
    }
    let readers = read_with_all(store, tag, architecture);
    let is_said = |why: &str| {
        let mut errors = readers.iter().filter_map(|(_, found)| found.as_ref().err());
        errors.any(|error| error.contains(why))
    };
    if is_said(blob::TOO_LARGE) {
        return;
    }
    if is_said("Failed to find VM disk image") && is_said("open /disk: no such file") {
        return;
    }
    let disks = readers.iter().map(|(reader, found)| match found {
        Ok(disk) => disk,
        Err(error) => panic!("{reader} refuses {tag} for {architecture}: {error}"),
    });
    let disks: Vec<&FoundDisk> = disks.collect();
    let first = disks.first().unwrap();
    assert!(disks.iter().all(|disk| disk == first), "{tag}, {architecture}: not one disk for all");
}

/// Returns the layout that a build wrote to, if it is one.
fn built_layout(command: &Command) -> Option<PathBuf> {
    let args: Vec<&str> = command.get_args().filter_map(|arg| arg.to_str()).collect();
    if !args.contains(&"build") {
        return None;
    }
    let at = args.iter().rposition(|arg| ["-o", "--output"].contains(arg))?;
    let destination = args.get(at + 1)?;
    let path = destination.strip_prefix("oci:").unwrap_or(destination);
    Some(command.get_current_dir().unwrap_or(Path::new("")).join(path))
}
