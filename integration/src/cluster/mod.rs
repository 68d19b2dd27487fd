//! A **cluster** is where an image is used: KubeVirt's lookup and the two ways of CDI's importer,
//! implemented a second time and independently of the program. An image that the program calls good
//! must be accepted by all of them.

mod access;
mod blob;
mod cdi;
pub mod handmade;
mod hook;
mod kubevirt;
mod labels;
mod qemu;
mod rootfs;
mod store;
mod url;

use std::collections::BTreeMap;

pub use self::cdi::{WantedArchitecture, node_pull, pod_pull};
pub use self::hook::check_built_images;
pub use self::kubevirt::{find_in_container, find_in_image_volume};
pub use self::labels::label_of_variable;
pub use self::store::LayoutStore;

/// The user that virtual machines run as.
const QEMU: u64 = 107;

/// A disk that a reader found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundDisk {
    /// Name of the file, without directories.
    pub name: String,
    /// What `qemu-img info` calls its format.
    pub format: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Result of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The disk.
    pub disk: FoundDisk,
    /// Labels of the claim.
    pub labels: BTreeMap<String, String>,
}

/// Returns the result of each reader for an architecture, by name: the disk, or an error.
pub fn read_with_all(
    store: &LayoutStore,
    tag: &str,
    architecture: &str,
) -> [(&'static str, Result<FoundDisk, String>); 4] {
    let pod =
        pod_pull(store, tag, architecture, WantedArchitecture::Named).map(|import| import.disk);
    let node = node_pull(store, tag, architecture).map(|import| import.disk);
    [
        ("pod", pod),
        ("node", node),
        ("classic", find_in_container(store, tag, architecture)),
        ("volume", find_in_image_volume(store, tag, architecture)),
    ]
}
