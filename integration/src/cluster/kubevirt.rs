//! **KubeVirt's lookup**, by both of its ways: a container that keeps the image mounted, and a volume
//! of Kubernetes that is the image.

use super::rootfs::{NodeKind, Rootfs, RootfsNode};
use super::store::{ImageOrigin, LayoutStore};
use super::{FoundDisk, qemu};

/// Mount points in the containers that KubeVirt runs in the image.
const MOUNTS: [&str; 3] = ["usr/bin", "var/run/kubevirt/container-disks", "container-disk-binary"];

/// Finds the disk as virt-handler does, which is root and looks from outside: anything in `/disk`
/// counts.
pub fn find_in_container(
    store: &LayoutStore,
    tag: &str,
    architecture: &str,
) -> Result<FoundDisk, String> {
    let rootfs = pull_rootfs(store, tag, architecture)?;
    for mount in MOUNTS {
        rootfs.check_mountable(mount)?;
    }
    rootfs.check_files_mountable()?;
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
pub fn find_in_image_volume(
    store: &LayoutStore,
    tag: &str,
    architecture: &str,
) -> Result<FoundDisk, String> {
    let rootfs = pull_rootfs(store, tag, architecture)?;
    rootfs.check_mountable("container-disk-binary")?;
    rootfs.check_files_mountable()?;
    let undecided =
        |why: String| format!("could not determine disk file in image volume root: {why}");
    let (at, names) = rootfs.read_dir("disk").map_err(undecided)?;
    rootfs.check_traversable(&at)?;
    let [name] = names[..] else {
        return Err(undecided(format!("{} entries in /disk", names.len())));
    };
    let path = format!("{at}/{name}");
    match rootfs.node(&path).map(|node| &node.kind) {
        Some(NodeKind::Directory) => return Err(undecided("a directory in /disk".into())),
        Some(NodeKind::Link(target)) if target.starts_with('/') => {
            return Err(format!("open {target}: no such file or directory"));
        }
        _ => {}
    }
    disk(&path, name, rootfs.open(&path)?)
}

/// Pulls as a kubelet does: for its own architecture, if the image declares one.
fn pull_rootfs(store: &LayoutStore, tag: &str, architecture: &str) -> Result<Rootfs, String> {
    let image = store.choose_image(tag, architecture)?;
    let own = image.config["architecture"].as_str().unwrap_or_default();
    if image.origin == ImageOrigin::Config && own != architecture {
        return Err(format!("no match for platform in manifest: {own:?}"));
    }
    Rootfs::unpack(&image)
}

fn disk(path: &str, name: &str, node: &RootfsNode) -> Result<FoundDisk, String> {
    Rootfs::check_readable(path, node)?;
    let NodeKind::File(bytes) = &node.kind else {
        return Err(format!("qemu-img: /{path} is not a regular file"));
    };
    if bytes.is_empty() {
        return Err("an empty disk".into());
    }
    let qemu::QemuInfo { format, backing } = qemu::qemu_info(bytes)?;
    if !["raw", "qcow2"].contains(&&*format) {
        return Err(format!("unsupported image format {format}"));
    }
    if let Some(backing) = backing {
        return Err(format!("expected no backing file, but found {backing}"));
    }
    Ok(FoundDisk { name: name.into(), format, bytes: bytes.clone() })
}
