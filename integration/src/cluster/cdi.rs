//! **CDI's importer**, by both of its ways: a pod that pulls the image itself, and a server that runs
//! in the image after a node has pulled it.

use std::io::Read as _;

use super::access::Found;
use super::rootfs::{Kind, Rootfs};
use super::store::{Choice, Origin, Store};
use super::{Disk, Import, blob, labels, qemu};

const FORMATS: [&str; 6] = ["raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx"];

/// Who says which architecture is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// `platform.architecture` of the source.
    Named,
    /// Nobody; it is that of the node.
    Node,
}

/// What is left in the scratch space.
struct Scratch {
    /// As the entry was called.
    path: String,
    bytes: Vec<u8>,
}

/// Imports by a pod: the first entry that fits, of the lowest layer that has one.
pub fn pod_pull(
    store: &Store,
    tag: &str,
    architecture: &str,
    asked: Asked,
) -> Result<Import, String> {
    let image = store.choose(tag, architecture)?;
    check(&image)?;
    let own = image.config["architecture"].as_str().unwrap_or_default();
    if image.origin == Origin::Manifest && asked == Asked::Named && own != architecture {
        return Err(format!(
            "manifest image architecture: {own:?} doesn't match requested architecture: \
             {architecture:?}"
        ));
    }
    let scratch = find(&image)?;
    let disk = disk(&file_name(&scratch.path)?, scratch.bytes)?;
    Ok(Import { disk, labels: labels::labels(&image.env())? })
}

/// What the importer refuses before it reads a layer.
fn check(image: &Choice) -> Result<(), String> {
    let is_image = [
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    ]
    .contains(&&*image.config_type);
    if !is_image {
        return Err(format!("unsupported image-specific operation on {}", image.config_type));
    }
    let labels = &image.config["config"]["Labels"];
    let is_set = |name: &str| labels[name] == "1";
    if is_set("containers.bootc") || is_set("ostree.bootable") {
        return Err("bootc image detected".into());
    }
    Ok(())
}

/// Returns the first match of the lowest layer that has one. A layer that is broken is passed over.
fn find(image: &Choice) -> Result<Scratch, String> {
    for layer in &image.layers {
        let Ok(blob) = &layer.blob else { continue };
        match blob::sniffed(blob) {
            Err(error) if error == blob::TOO_LARGE => return Err(error),
            Err(_) => {}
            Ok(tar) => {
                if let Ok(Some(scratch)) = first_match(&tar) {
                    return Ok(scratch);
                }
            }
        }
    }
    Err("Failed to find VM disk image file in the container image".into())
}

/// Returns the first entry whose name begins with `disk`; links are entries without content.
fn first_match(tar: &[u8]) -> std::io::Result<Option<Scratch>> {
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = path.rsplit('/').next().unwrap_or_default();
        let fits = path.starts_with("disk") || path.starts_with("./disk");
        if !fits || name.starts_with(".wh.") || entry.header().entry_type().is_dir() {
            continue;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < entry.size() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        return Ok(Some(Scratch { path, bytes }));
    }
    Ok(None)
}

/// Returns the name of the one file in the scratch space's directory `disk`.
fn file_name(path: &str) -> Result<String, String> {
    let path = path.strip_prefix("./").unwrap_or(path);
    match path.split_once('/') {
        None if path == "disk" => Err("image file does not exist in image directory".into()),
        Some(("disk", rest)) if rest.contains('/') => {
            Err("image directory contains another directory".into())
        }
        Some(("disk", name)) => Ok(name.to_owned()),
        _ => Err("image directory does not exist".into()),
    }
}

/// Imports by way of a server in the image, which runs as the user of virtual machines.
pub fn node_pull(store: &Store, tag: &str, architecture: &str) -> Result<Import, String> {
    let image = store.choose(tag, architecture)?;
    let rootfs = Rootfs::unpack(&image)?;
    rootfs.mountable("shared")?;
    for name in ["sysroot", "ostree"] {
        if rootfs.node(name).is_some_and(|node| node.kind == Kind::Directory) {
            return Err("bootc image detected".into());
        }
    }
    let found = only_file(&rootfs)?;
    let Kind::File(bytes) = &found.node.kind else {
        return Err("Invalid container image: the entry is no file".into());
    };
    let disk = disk(found.name, bytes.clone())?;
    Ok(Import { disk, labels: labels::labels(&image.env())? })
}

fn only_file(rootfs: &Rootfs) -> Result<Found<'_>, String> {
    let invalid = |why: &str| format!("Invalid container image: {why}");
    let (at, names) = rootfs.read_dir("disk").map_err(|error| invalid(&error))?;
    rootfs.traversable(&at)?;
    let [name] = names[..] else { return Err(invalid("not exactly one entry in /disk")) };
    let path = format!("{at}/{name}");
    let node = rootfs.open(&path)?;
    if node.kind == Kind::Directory {
        return Err(invalid("a directory in /disk"));
    }
    Rootfs::readable(&path, node)?;
    Ok(Found { name, node })
}

/// Judges what is to be converted. That nothing is in it does not keep CDI from being content, but
/// it is no disk.
fn disk(name: &str, bytes: Vec<u8>) -> Result<Disk, String> {
    if bytes.is_empty() {
        return Err("imported, and empty".into());
    }
    let qemu::Opinion { format, backing } = qemu::opinion(&bytes)?;
    if !FORMATS.contains(&&*format) {
        return Err(format!("Invalid format {format} for image"));
    }
    if let Some(backing) = backing {
        return Err(format!("invalid backing file: {backing}"));
    }
    Ok(Disk { name: name.into(), format, bytes })
}
