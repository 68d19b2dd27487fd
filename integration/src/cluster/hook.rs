//! Every image that a test has the program build is judged, wherever the test looks itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::{Disk, Store, blob, readers};

/// Larger layers are not judged: each is unpacked several times. In bytes.
const LAYERS_MAX: u64 = 8 << 20;

/// The images that were judged in this process.
static JUDGED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Judges what a command has built into a layout; panics unless all accept it, with the same disk.
///
/// Images without anything in `/disk` are for other purposes, and passed over.
pub fn judge(command: &Command) {
    let Some(layout) = output(command) else { return };
    if !layout.join("index.json").is_file() {
        return;
    }
    let store = Store::new(&layout);
    for (tag, root) in store.tags() {
        let digest = root["digest"].as_str().unwrap_or_default().to_owned();
        if JUDGED.lock().unwrap_or_else(PoisonError::into_inner).insert(digest) {
            let architectures = store.architectures(&tag).unwrap();
            for architecture in architectures {
                judge_image(&store, &tag, &architecture);
            }
        }
    }
}

fn judge_image(store: &Store, tag: &str, architecture: &str) {
    if store.weight(tag, architecture).unwrap() > LAYERS_MAX {
        return;
    }
    let readers = readers(store, tag, architecture);
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
    let disks: Vec<&Disk> = disks.collect();
    let first = disks.first().unwrap();
    assert!(disks.iter().all(|disk| disk == first), "{tag}, {architecture}: not one disk for all");
}

/// Returns the layout that a build wrote to, if it is one.
fn output(command: &Command) -> Option<PathBuf> {
    let args: Vec<&str> = command.get_args().filter_map(|arg| arg.to_str()).collect();
    if !args.contains(&"build") {
        return None;
    }
    let at = args.iter().rposition(|arg| ["-o", "--output"].contains(arg))?;
    let destination = args.get(at + 1)?;
    let path = destination.strip_prefix("oci:").unwrap_or(destination);
    Some(command.get_current_dir().unwrap_or(Path::new("")).join(path))
}
