//! The *facts* that are found out about a disk.

use serde::Serialize;

use super::{DiskFormat, Flaw};

/// Facts about a disk, as far as the available bytes show them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiskInfo {
    /// Format of the file.
    pub format: DiskFormat,
    /// Size in bytes of the disk that a virtual machine sees.
    pub virtual_size: u64,
    /// Size of the file in bytes.
    pub file_size: u64,
    /// Number of bytes of the virtual disk that are allocated according to the file's tables. `None`
    /// if the format has no such tables, or they are not available.
    pub allocated: Option<u64>,
    /// Compression of the clusters, by the format's name for it (`zlib`, `zstd`, `deflate`); `None` if
    /// they are not compressed, or it is not known.
    pub cluster_compression: Option<&'static str>,
    /// Kind of the partition table, `gpt` or `mbr`, if there is one.
    pub partitions: Option<&'static str>,
    /// GOARCH names of the machines that the disk's boot loaders are for, if any are found.
    pub boot: Vec<&'static str>,
    /// Flaws in the order in which they were found.
    pub flaws: Vec<Flaw>,
}

impl DiskInfo {
    /// Returns whether the disk's boot loaders are for a machine of this GOARCH, or none was found.
    /// 64-bit PCs start 32-bit loaders, too.
    pub(crate) fn boots_on(&self, architecture: &str) -> bool {
        let fits = |machine: &&str| {
            *machine == architecture || (*machine, architecture) == ("386", "amd64")
        };
        self.boot.is_empty() || self.boot.iter().any(fits)
    }
}
