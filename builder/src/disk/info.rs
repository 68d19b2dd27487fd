//! What is found out about a disk.

use serde::Serialize;

use super::{Flaw, Format};

/// What a disk is, as far as the bytes tell that could be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Info {
    /// What kind of file it is.
    pub format: Format,
    /// Of the disk that a virtual machine sees, in bytes.
    pub virtual_size: u64,
    /// Of the file, in bytes.
    pub file_size: u64,
    /// How many bytes of the virtual disk the file's own tables say that it holds data for. Nothing
    /// where the format has no such tables, or they could not be had.
    pub allocated: Option<u64>,
    /// How the format packs its clusters, as the format calls it (`zlib`, `zstd`, `deflate`);
    /// nothing where they lie plain, or nothing is known of it.
    pub cluster_compression: Option<&'static str>,
    /// `gpt`, `mbr` or nothing, as the virtual machine sees it.
    pub partitions: Option<&'static str>,
    /// GOARCH names of the machines that the boot loaders on it are for, where they can be seen.
    pub boot: Vec<&'static str>,
    /// What is wrong with it, in the order in which it was found.
    pub flaws: Vec<Flaw>,
}

impl Info {
    /// Tells whether the boot loaders on it are for a machine of this GOARCH, as far as any are seen;
    /// PCs of 64 bits start what is for 32.
    pub(crate) fn boots_on(&self, architecture: &str) -> bool {
        let fits = |machine: &&str| {
            *machine == architecture || (*machine, architecture) == ("386", "amd64")
        };
        self.boot.is_empty() || self.boot.iter().any(fits)
    }
}
