//! *Disks* that are found in a directory or named, their platforms, and the spec for them.

pub(crate) mod text;

use std::io;
use std::path::Path;
use std::sync::Arc;

use diskette_builder::compression::CompressionFormat;
use diskette_builder::disk::{self, DiskInfo, ReadAt};
use diskette_builder::engine::source::find_disk_member;
use diskette_builder::oci::image::platform::Platform;
use diskette_builder::recipe::ArchivedDisk;
use walkdir::WalkDir;

use crate::error::{CommandError, cannot};
use crate::files::disk_file::{DiskFile, has_disk_name, is_tar};

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
pub(crate) struct FoundDisk {
    /// Path of the file, relative to the directory.
    pub(crate) name: String,
    /// Properties of the disk, unless it is compressed.
    pub(crate) info: Option<DiskInfo>,
    pub(crate) compression: Option<CompressionFormat>,
    pub(crate) platform: Platform,
    /// How the platform was found.
    pub(crate) known_by: KnownBy,
}

/// How the platform of a disk was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnownBy {
    BootLoader,
    Name,
    /// Given by the user.
    User,
    /// Not found; the platform of this machine is assumed.
    Nothing,
}

impl FoundDisk {
    /// Reads the properties of a disk. `name` is its path in the spec.
    pub(crate) fn read(path: &Path, name: &str) -> Result<Self, CommandError> {
        let compression = CompressionFormat::from_name(name);
        let info = match compression {
            Some(_) => None,
            None => examine_file(path).map_err(cannot("read", path.display()))?,
        };
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let (platform, known_by) = guess_platform(&file, info.as_ref());
        Ok(Self { name: name.to_owned(), info, compression, platform, known_by })
    }

    /// Returns the preference for the operating system in the file's name.
    pub(crate) fn preference(&self) -> Option<&'static str> {
        let name = self.name.rsplit('/').next().unwrap_or_default().to_lowercase();
        let fits = |words: &[&str]| words.iter().all(|word| name.contains(word));
        PREFERENCES.iter().find(|(words, _)| fits(words)).map(|(_, preference)| *preference)
    }

    /// Returns whether KubeVirt can boot the disk without conversion.
    pub(crate) fn is_bootable(&self) -> bool {
        use disk::DiskFormat::{Iso, Qcow2, Raw};
        self.info.as_ref().is_none_or(|info| matches!(info.format, Qcow2 | Raw | Iso))
    }
}

/// Finds the disks of a directory, in the order of their names.
pub(crate) fn find_disks(directory: &Path) -> Result<Vec<FoundDisk>, CommandError> {
    let mut disks = Vec::new();
    for found in WalkDir::new(directory).min_depth(1).max_depth(1).sort_by_file_name() {
        let found = found.map_err(cannot("list", directory.display()))?;
        let Some(name) = found.file_name().to_str() else { continue };
        if found.path().is_file() && has_disk_name(name) {
            disks.push(FoundDisk::read(found.path(), name)?);
        }
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
    let of = |architecture: &str| Platform::new("linux", architecture, None);
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

/// Returns the properties of the disk in a file; none if it is in a compressed archive, or compressed
/// in one.
fn examine_file(path: &Path) -> io::Result<Option<DiskInfo>> {
    let file = DiskFile::open(path)?;
    if disk::archived_disk_name(&path.to_string_lossy()).is_none() {
        return disk::examine_disk(&file).map(Some);
    }
    if !is_tar(path) {
        return Ok(None);
    }
    let archive: Arc<dyn ReadAt> = Arc::new(file);
    let member = find_disk_member(&archive, &ArchivedDisk::Default).map_err(io::Error::other)?;
    match member.compression {
        Some(_) => Ok(None),
        None => disk::examine_disk(&member.bytes(&archive)).map(Some),
    }
}
