//! Disks in *images*: the file in `/disk` of a containerDisk, or a layer that is a disk itself, as in VM artifacts of
//! KubeVirt (`pkg/storage/oci` in kubevirt/kubevirt), disk artifacts, and images of podman machine
//! (`pkg/machine/ocipull` in containers/podman).
//!
//! - [`choice`]: the manifest for a platform, and the layer with the disk
//! - [`container`]: a file in a layer's tar
//! - [`open`]: the disk as a source
//! - [`layer`]: what the entries of a layer mean for the disk
//! - [`error`]: why no disk can be taken out of an image

mod choice;
mod container;
mod error;
mod layer;
mod open;
mod roots;
#[cfg(test)]
mod tests;

pub(super) use container::ContainerDisk;
pub(crate) use error::ImageDiskError;
pub(super) use open::open_image_disk;
pub(crate) use roots::ImageRoots;
