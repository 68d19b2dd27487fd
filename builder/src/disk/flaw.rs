//! *Flaws* are what keeps a disk from being used, or makes it doubtful.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong with a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flaw {
    /// What it is.
    pub kind: FlawKind,
    /// The same in words, with the numbers that tell: a phrase in lower case without a period.
    pub detail: String,
}

impl Flaw {
    pub(super) fn new(kind: FlawKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// What can be wrong with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlawKind {
    /// There is no byte, or there are only zeros.
    Blank,
    /// It has been packed as a whole with gzip, xz, zstd or bzip2.
    Compressed,
    /// It ends before all is there that its own header or partition table speaks of.
    Truncated,
    /// A table of it lies outside the file, or over another.
    OutsideFile,
    /// Its header contradicts itself, or has a value that the format does not allow.
    Malformed,
    /// It says itself that it is corrupt.
    Corrupt,
    /// It needs a feature that nobody knows.
    UnknownFeature,
    /// It needs another file for what is not in it.
    BackingFile,
    /// Its data is in another file.
    DataFile,
    /// It is encrypted.
    Encrypted,
    /// Its format is one that CDI converts and KubeVirt refuses.
    CdiOnly,
    /// Its format is one that neither KubeVirt nor CDI takes.
    Unsupported,
    /// Its name says another format than it has.
    Misnamed,
    /// It was not closed properly: its reference counts may be wrong.
    Dirty,
    /// It has internal snapshots, which nobody sees.
    Snapshots,
}

impl FlawKind {
    /// Tells whether what a virtual machine would see cannot be read.
    pub(super) fn prevents_reading(self) -> bool {
        match self {
            Self::Dirty | Self::Snapshots | Self::CdiOnly | Self::Misnamed | Self::Corrupt => false,
            Self::Blank
            | Self::Compressed
            | Self::Truncated
            | Self::OutsideFile
            | Self::Malformed
            | Self::UnknownFeature
            | Self::BackingFile
            | Self::DataFile
            | Self::Encrypted
            | Self::Unsupported => true,
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
