//! *Mounts* cover an image's files when a container of it runs: KubeVirt, CDI and container
//! runtimes mount files and directories, and no file can be at such a path, or at a parent of one.

use crate::recipe::path::is_below;

/// Something that is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mount {
    path: &'static str,
    /// What is mounted there, as a message says it.
    reason: &'static str,
    hides: HiddenPart,
}

/// What a mount hides of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HiddenPart {
    /// Everything below it, or so much that nothing should be there.
    All,
    /// Only files with the same name as a mounted one.
    SameName,
}

const PROGRAMS: &str = "KubeVirt mounts its own programs there";
const RUNTIME: &str = "container runtimes mount something there";

const MOUNTS: &[Mount] = &[
    // KubeVirt's pkg/container-disk/container-disk.go.
    Mount { path: "usr/bin", reason: PROGRAMS, hides: HiddenPart::All },
    Mount { path: "var", reason: "KubeVirt mounts its sockets there", hides: HiddenPart::All },
    Mount {
        path: "var/run/kubevirt/container-disks",
        reason: "KubeVirt mounts its sockets there",
        hides: HiddenPart::All,
    },
    Mount { path: "container-disk-binary/usr/bin", reason: PROGRAMS, hides: HiddenPart::All },
    // CDI's pkg/controller/import-controller.go.
    Mount { path: "shared", reason: "CDI mounts its server there", hides: HiddenPart::All },
    // OCI runtime specification, config-linux.md; the kubelet, for /etc/hosts.
    Mount { path: "dev", reason: RUNTIME, hides: HiddenPart::All },
    Mount { path: "etc", reason: RUNTIME, hides: HiddenPart::SameName },
    Mount { path: "proc", reason: RUNTIME, hides: HiddenPart::All },
    Mount { path: "sys", reason: RUNTIME, hides: HiddenPart::All },
];

/// Files that the kubelet and the container runtime mount into every container: the kubelet's
/// `pkg/kubelet/kubelet_pods.go` `makeHostsMount`; containerd's `internal/cri/server`; CRI-O's
/// `server/container_create.go`.
pub(crate) const MOUNTED_FILES: &[&str] = &["etc/hosts", "etc/hostname", "etc/resolv.conf"];

/// Directories by which CDI's server recognizes a bootable container
/// (tools/cdi-containerimage-server).
pub(crate) const BOOTC_DIRECTORIES: &[&str] = &["sysroot", "ostree"];

/// Returns what is mounted at a path or below it, as a message says it.
pub(crate) fn mount_below(path: &str) -> Option<&'static str> {
    let found = MOUNTS.iter().find(|mount| mount.path == path || is_below(mount.path, path));
    found.filter(|_| !path.is_empty()).map(|mount| mount.reason)
}

/// Returns why no file may be at a path.
pub(crate) fn placement_conflict(path: &str) -> Option<&'static str> {
    if BOOTC_DIRECTORIES.iter().any(|directory| *directory == path || is_below(path, directory)) {
        return Some("CDI takes such an image for a bootc image and refuses it");
    }
    if MOUNTED_FILES.iter().any(|file| is_below(path, file)) {
        return Some("container runtimes mount a file there");
    }
    let hides = |mount: &&Mount| mount.hides == HiddenPart::All && is_below(path, mount.path);
    mount_below(path).or_else(|| MOUNTS.iter().find(hides).map(|mount| mount.reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_paths_are_taken() {
        let check = |path: &str, below: bool, is_taken: bool| {
            assert_eq!(
                (mount_below(path).is_some(), placement_conflict(path).is_some()),
                (below, is_taken),
                "{path}"
            );
        };
        check("usr", true, true);
        check("usr/bin", true, true);
        check("usr/bin/a", false, true);
        check("usr/lib", false, false);
        check("var/run", true, true);
        check("var/a", false, true);
        check("etc", true, true);
        check("etc/a", false, false);
        check("etc/hosts", false, false);
        check("etc/hosts/a", false, true);
        check("dev/a", false, true);
        check("proc/a/b", false, true);
        check("sys/a", false, true);
        check("ostree", false, true);
        check("sysroot/a", false, true);
        check("share", false, false);
        check("boot/vmlinuz", false, false);
        check("", false, false);
    }
}
