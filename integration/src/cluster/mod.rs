//! A **cluster** is where an image is put to use: what KubeVirt's lookup and the two ways of CDI's
//! importer make of it, written a second time from what those do, and from nothing of ours. An image
//! that the program calls good has to be good for all of them.

mod access;
mod blob;
mod cdi;
mod hook;
mod kubevirt;
mod labels;
pub mod made;
mod qemu;
mod rootfs;
mod store;

use std::collections::BTreeMap;

pub use self::cdi::{Asked, node_pull, pod_pull};
pub use self::hook::judge;
pub use self::kubevirt::{classic, image_volume};
pub use self::labels::label;
pub use self::store::Store;

/// The user that virtual machines run as.
const QEMU: u64 = 107;

/// A disk as one of them found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Of the file, without directories.
    pub name: String,
    /// What `qemu-img info` calls its format.
    pub format: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// What an import ends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The disk.
    pub disk: Disk,
    /// What the claim is labelled with.
    pub labels: BTreeMap<String, String>,
}

/// What each of them makes of the image for an architecture, by name: the disk, or its complaint.
pub fn readers(
    store: &Store,
    tag: &str,
    architecture: &str,
) -> [(&'static str, Result<Disk, String>); 4] {
    let pod = pod_pull(store, tag, architecture, Asked::Named).map(|import| import.disk);
    let node = node_pull(store, tag, architecture).map(|import| import.disk);
    [
        ("pod", pod),
        ("node", node),
        ("classic", classic(store, tag, architecture)),
        ("volume", image_volume(store, tag, architecture)),
    ]
}
