//! **KubeVirt's lookup**, by both of its ways: a container that keeps the image mounted, and a volume
//! of Kubernetes that is the image.

use super::rootfs::{Kind, Node, Rootfs};
use super::store::{Origin, Store};
use super::{Disk, qemu};

/// What is mounted in the containers that KubeVirt runs in the image.
const MOUNTS: [&str; 3] = ["usr/bin", "var/run/kubevirt/container-disks", "container-disk-binary"];

/// Finds the disk as virt-handler does, which is root and looks from outside: whatever is in
/// `/disk` counts.
pub fn classic(store: &Store, tag: &str, architecture: &str) -> Result<Disk, String> {
    let rootfs = pull(store, tag, architecture)?;
    for mount in MOUNTS {
        rootfs.mountable(mount)?;
    }
    let (at, names) = rootfs.read_dir("disk")?;
    let name = match names[..] {
        [] => return Err("no file found in folder /disk, no disk present".into()),
        [name] => name,
        _ => {
            return Err("more than one file found in folder /disk, only one disk is allowed".into());
        }
    };
    let path = format!("{at}/{name}");
    disk(&path, name, rootfs.open(&path)?)
}

/// Finds the disk as virt-launcher does, which runs as the user of virtual machines and has the image
/// as a volume: absolute links lead out of it.
pub fn image_volume(store: &Store, tag: &str, architecture: &str) -> Result<Disk, String> {
    let rootfs = pull(store, tag, architecture)?;
    rootfs.mountable("container-disk-binary")?;
    let undecided =
        |why: String| format!("could not determine disk file in image volume root: {why}");
    let (at, names) = rootfs.read_dir("disk").map_err(undecided)?;
    rootfs.traversable(&at)?;
    let [name] = names[..] else {
        return Err(undecided(format!("{} entries in /disk", names.len())));
    };
    let path = format!("{at}/{name}");
    match rootfs.node(&path).map(|node| &node.kind) {
        Some(Kind::Directory) => return Err(undecided("a directory in /disk".into())),
        Some(Kind::Link(target)) if target.starts_with('/') => {
            return Err(format!("open {target}: no such file or directory"));
        }
        _ => {}
    }
    disk(&path, name, rootfs.open(&path)?)
}

/// Pulls as a kubelet does: for its own architecture, if it can be told.
fn pull(store: &Store, tag: &str, architecture: &str) -> Result<Rootfs, String> {
    let image = store.choose(tag, architecture)?;
    let own = image.config["architecture"].as_str().unwrap_or_default();
    if image.origin == Origin::Manifest && own != architecture {
        return Err(format!("no match for platform in manifest: {own:?}"));
    }
    Rootfs::unpack(&image)
}

fn disk(path: &str, name: &str, node: &Node) -> Result<Disk, String> {
    Rootfs::readable(path, node)?;
    let Kind::File(bytes) = &node.kind else {
        return Err(format!("qemu-img: /{path} is not a regular file"));
    };
    if bytes.is_empty() {
        return Err("an empty disk".into());
    }
    let qemu::Opinion { format, backing } = qemu::opinion(bytes)?;
    if !["raw", "qcow2"].contains(&&*format) {
        return Err(format!("unsupported image format {format}"));
    }
    if let Some(backing) = backing {
        return Err(format!("expected no backing file, but found {backing}"));
    }
    Ok(Disk { name: name.into(), format, bytes: bytes.clone() })
}
