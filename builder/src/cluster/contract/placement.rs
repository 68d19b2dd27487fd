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

/// Parses the absolute path of a file in an image, as `containerDisk.path` of a virtual machine names
/// one: KubeVirt's webhook refuses relative parts (`ValidatePath`, `pkg/storage/admitters/disks.go`).
pub fn parse_disk_path(text: &str) -> Result<String, &'static str> {
    let parts = text.strip_prefix('/').map(|path| path.split('/'));
    if parts.is_some_and(|mut parts| parts.all(|part| !matches!(part, "" | "." | ".."))) {
        return Ok(text.to_owned());
    }
    Err("write it like `/images/disk.qcow2`: no `.`, no `..`, no slash doubled or at the end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute_and_plain() {
        let check = |text: &str, expected: bool| {
            assert_eq!(parse_disk_path(text).is_ok(), expected, "{text:?}");
        };
        check("/a", true);
        check("/images/my disk..qcow2", true);
        for wrong in ["", "/", "a", "./a", "//a", "/a/", "/a//b", "/./a", "/a/..", "/.."] {
            check(wrong, false);
        }
    }
}
