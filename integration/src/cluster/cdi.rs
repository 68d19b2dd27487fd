//! **CDI's importer**, by both of its ways: a pod that pulls the image itself, and a server that runs
//! in the image after a node has pulled it.

use std::io::Read as _;

use super::access::FoundFile;
use super::rootfs::{NodeKind, Rootfs, clean};
use super::store::{ChosenImage, LayoutStore};
use super::url::GoUrl;
use super::{FoundDisk, Import, blob, labels, qemu};

const FORMATS: [&str; 6] = ["raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx"];

/// How the architecture is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedArchitecture {
    /// `platform.architecture` of the source.
    Named,
    /// It is that of the node.
    Node,
}

/// The file in the scratch space.
struct ScratchFile {
    /// Path of the entry.
    path: String,
    bytes: Vec<u8>,
}

/// Imports by a pod: the first entry that fits, of the lowest layer that has one.
pub fn pod_pull(
    store: &LayoutStore,
    tag: &str,
    architecture: &str,
    asked: WantedArchitecture,
) -> Result<Import, String> {
    let image = store.choose_image(tag, architecture)?;
    check_image(&image)?;
    let own = image.config["architecture"].as_str().unwrap_or_default();
    if asked == WantedArchitecture::Named && own != architecture {
        return Err(format!(
            "manifest image architecture: {own:?} doesn't match requested architecture: \
             {architecture:?}"
        ));
    }
    let scratch = find_scratch_file(&image)?;
    let name = file_name(&clean(&scratch.path))?;
    check_scratch_path(&name)?;
    let disk = check_disk(&name, scratch.bytes)?;
    Ok(Import { disk, labels: labels::import_labels(&image.env())? })
}

/// What the importer refuses before it reads a layer.
fn check_image(image: &ChosenImage) -> Result<(), String> {
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
fn find_scratch_file(image: &ChosenImage) -> Result<ScratchFile, String> {
    for layer in &image.layers {
        let Ok(blob) = &layer.blob else { continue };
        match blob::decompress_as_cdi(blob) {
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
fn first_match(tar: &[u8]) -> std::io::Result<Option<ScratchFile>> {
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
        return Ok(Some(ScratchFile { path, bytes }));
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

/// Refuses a file that the importer cannot reach: it takes the path for a URL, whose parts it encodes
/// where they are not. What is no URL crashes it.
fn check_scratch_path(name: &str) -> Result<(), String> {
    let path = format!("/scratch/disk/{name}");
    let url = GoUrl::parse(&path).map_err(|error| format!("panic: nil pointer: {error}"))?;
    if url.text() == path {
        return Ok(());
    }
    Err(format!("qemu-img: Could not open '{}': No such file or directory", url.text()))
}

/// Refuses a file that the server does not serve by its name, and one of which the importer cannot
/// read the 512 bytes by which it knows a format.
fn check_served(name: &str, bytes: &[u8]) -> Result<(), String> {
    let path = format!("/{name}");
    let url = GoUrl::parse(&path).map_err(|error| format!("unable to parse endpoint: {error}"))?;
    // The server has another answer at `/info`, and sends a client from `/index.html` to `/`.
    if url.path != path.as_bytes() || ["info", "index.html"].contains(&name) {
        return Err(format!("GET {}: not the disk", url.text()));
    }
    if bytes.len() < 512 {
        return Err("could not process image header: unexpected EOF".into());
    }
    Ok(())
}

/// Imports by way of a server in the image, which runs as the user of virtual machines.
pub fn node_pull(store: &LayoutStore, tag: &str, architecture: &str) -> Result<Import, String> {
    let image = store.choose_image(tag, architecture)?;
    let rootfs = Rootfs::unpack(&image)?;
    rootfs.check_mountable("shared")?;
    rootfs.check_files_mountable()?;
    for name in ["sysroot", "ostree"] {
        let at = rootfs.follow(name);
        let node = at.as_ref().and_then(|at| rootfs.node(at));
        if node.is_some_and(|node| node.kind == NodeKind::Directory) {
            return Err("bootc image detected".into());
        }
    }
    let found = only_file(&rootfs)?;
    let NodeKind::File(bytes) = &found.node.kind else {
        return Err("Invalid container image: the entry is no file".into());
    };
    check_served(found.name, bytes)?;
    let disk = check_disk(found.name, bytes.clone())?;
    Ok(Import { disk, labels: labels::import_labels(&image.env())? })
}

fn only_file(rootfs: &Rootfs) -> Result<FoundFile<'_>, String> {
    let invalid = |why: &str| format!("Invalid container image: {why}");
    let (at, names) = rootfs.read_dir("disk").map_err(|error| invalid(&error))?;
    rootfs.check_traversable(&at)?;
    let [name] = names[..] else { return Err(invalid("not exactly one entry in /disk")) };
    let path = format!("{at}/{name}");
    let node = rootfs.open(&path)?;
    if node.kind == NodeKind::Directory {
        return Err(invalid("a directory in /disk"));
    }
    Rootfs::check_readable(&path, node)?;
    Ok(FoundFile { name, node })
}

/// Judges what is to be converted. That nothing is in it does not keep CDI from being content, but
/// it is no disk.
fn check_disk(name: &str, bytes: Vec<u8>) -> Result<FoundDisk, String> {
    if bytes.is_empty() {
        return Err("imported, and empty".into());
    }
    let qemu::QemuInfo { format, backing } = qemu::qemu_info(&bytes)?;
    if !FORMATS.contains(&&*format) {
        return Err(format!("Invalid format {format} for image"));
    }
    if let Some(backing) = backing {
        return Err(format!("invalid backing file: {backing}"));
    }
    Ok(FoundDisk { name: name.into(), format, bytes })
}
