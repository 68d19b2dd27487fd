//! The *placement* of the disk in an image: its directory, owner and modes.

use crate::oci::tar::Owner;

/// QEMU's user and group, which KubeVirt and CDI read an image as; KubeVirt user guide,
/// "containerDisk": "readable for the user with the UID 107 (qemu)".
pub(crate) const QEMU_OWNER: Owner = Owner { uid: 107, gid: 107 };

/// Directory in which KubeVirt and CDI look for the disk.
pub(crate) const DISK_DIRECTORY: &str = "disk";

/// Modes that let every user read and no user write, as in kubevirt/containerdisks
/// `pkg/build/tar.go`.
pub(crate) const DISK_DIRECTORY_MODE: u32 = 0o555;
pub(crate) const DISK_FILE_MODE: u32 = 0o444;
