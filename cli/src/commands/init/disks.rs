//! The *disks* of a directory, and their platforms.

use std::io;
use std::path::Path;

use diskette_builder::compression::CompressionFormat;
use diskette_builder::disk::{self, DiskInfo};
use diskette_builder::oci::image::platform::Platform;
use walkdir::WalkDir;

use crate::error::{CommandError, cannot};
use crate::files::disk_file::{DiskFile, has_disk_name};

/// Names of architectures in file names, besides Go's.
const ARCHITECTURES: [(&str, &str); 10] = [
    ("x86_64", "amd64"),
    ("x86-64", "amd64"),
    ("amd64", "amd64"),
    ("aarch64", "arm64"),
    ("arm64", "arm64"),
    ("s390x", "s390x"),
    ("ppc64le", "ppc64le"),
    ("ppc64el", "ppc64le"),
    ("riscv64", "riscv64"),
    ("i686", "386"),
];

/// Preferences of KubeVirt's common-instancetypes by words in file names; the first match counts
/// (<https://github.com/kubevirt/common-instancetypes>).
const PREFERENCES: [(&[&str], &str); 22] = [
    (&["fedora", "coreos"], "fedora"),
    (&["fedora"], "fedora"),
    (&["centos", "stream", "10"], "centos.stream10"),
    (&["centos", "stream", "9"], "centos.stream9"),
    (&["centos", "stream", "8"], "centos.stream8"),
    (&["centos", "7"], "centos.7"),
    (&["rhel", "10"], "rhel.10"),
    (&["rhel", "9"], "rhel.9"),
    (&["rhel", "8"], "rhel.8"),
    (&["rhel", "7"], "rhel.7"),
    (&["alma", "10"], "rhel.10"),
    (&["alma", "9"], "rhel.9"),
    (&["alma", "8"], "rhel.8"),
    (&["rocky", "9"], "rhel.9"),
    (&["ubuntu"], "ubuntu"),
    (&["debian"], "debian"),
    (&["leap"], "opensuse.leap"),
    (&["tumbleweed"], "opensuse.tumbleweed"),
    (&["alpine"], "alpine"),
    (&["cirros"], "cirros"),
    (&["win", "2022"], "windows.2k22"),
    (&["win", "11"], "windows.11"),
];

/// A disk of the directory.
pub(super) struct FoundDisk {
    /// Path of the file, relative to the directory.
    pub(super) name: String,
    /// Properties of the disk, unless the file is compressed.
    pub(super) info: Option<DiskInfo>,
    pub(super) compression: Option<CompressionFormat>,
    pub(super) platform: Platform,
    /// How the platform was found.
    pub(super) known_by: KnownBy,
}

/// How the platform of a disk was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KnownBy {
    BootLoader,
    Name,
    /// Not found; the platform of this machine is assumed.
    Nothing,
}

impl FoundDisk {
    /// Returns the preference for the operating system in the file's name.
    pub(super) fn preference(&self) -> Option<&'static str> {
        let name = self.name.to_lowercase();
        let fits = |words: &[&str]| words.iter().all(|word| name.contains(word));
        PREFERENCES.iter().find(|(words, _)| fits(words)).map(|(_, preference)| *preference)
    }

    /// Returns whether KubeVirt can boot the disk without conversion.
    pub(super) fn is_bootable(&self) -> bool {
        use disk::DiskFormat::{Iso, Qcow2, Raw};
        self.info.as_ref().is_none_or(|info| matches!(info.format, Qcow2 | Raw | Iso))
    }
}

/// Finds the disks of a directory, in the order of their names.
pub(super) fn find_disks(directory: &Path) -> Result<Vec<FoundDisk>, CommandError> {
    let mut disks = Vec::new();
    for found in WalkDir::new(directory).min_depth(1).max_depth(1).sort_by_file_name() {
        let found = found.map_err(cannot("list", directory.display()))?;
        let Some(name) = found.file_name().to_str() else { continue };
        let compression = CompressionFormat::from_name(name);
        if !found.path().is_file() || !has_disk_name(name) {
            continue;
        }
        let info = match compression {
            Some(_) => None,
            None => {
                Some(examine_file(found.path()).map_err(cannot("read", found.path().display()))?)
            }
        };
        let (platform, known_by) = guess_platform(name, info.as_ref());
        disks.push(FoundDisk { name: name.to_owned(), info, compression, platform, known_by });
    }
    // A compressed file beside its uncompressed one is the same disk.
    let plain: Vec<String> = disks.iter().map(|disk| disk.name.clone()).collect();
    disks.retain(|disk| {
        let plain_name =
            disk.compression.map(|compression| compression.strip_suffix(&disk.name).to_owned());
        plain_name.is_none_or(|plain_name| !plain.contains(&plain_name))
    });
    Ok(disks)
}

fn guess_platform(name: &str, info: Option<&DiskInfo>) -> (Platform, KnownBy) {
    let of = |architecture: &str| Platform {
        os: "linux".into(),
        architecture: architecture.into(),
        variant: None,
    };
    if let Some(architecture) = info.and_then(|info| info.boot.first()) {
        // A 32-bit boot loader starts on amd64 too, the only x86 architecture of KubeVirt.
        let architecture = if *architecture == "386" { "amd64" } else { architecture };
        return (of(architecture), KnownBy::BootLoader);
    }
    let name = name.to_lowercase();
    match ARCHITECTURES.iter().find(|(word, _)| name.contains(word)) {
        Some((_, architecture)) => (of(architecture), KnownBy::Name),
        None => (Platform::host(), KnownBy::Nothing),
    }
}

fn examine_file(path: &Path) -> io::Result<DiskInfo> {
    disk::examine_disk(&DiskFile::open(path)?)
}
