//! *Flaws* keep a disk from being used, or are worth a warning.

use std::fmt;

use serde::Serialize;

/// A flaw of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flaw {
    /// Kind of the flaw.
    pub kind: FlawKind,
    /// Description with the relevant numbers: a phrase in lower case without a period.
    pub detail: String,
}

impl Flaw {
    pub(super) fn new(kind: FlawKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// Kinds of flaws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlawKind {
    /// The file is empty, or has only zeros.
    Blank,
    /// The file is compressed as a whole with gzip, xz, zstd or bzip2.
    Compressed,
    /// The file is shorter than its own header or partition table declares.
    Truncated,
    /// A table is outside the file, or overlaps another.
    OutsideFile,
    /// The header contradicts itself, or has a value that the format does not allow.
    Malformed,
    /// The file is marked as corrupt.
    Corrupt,
    /// The file requires an unknown feature.
    UnknownFeature,
    /// The disk has a backing file.
    BackingFile,
    /// The data is in another file.
    DataFile,
    /// The disk is encrypted.
    Encrypted,
    /// CDI converts the format, and KubeVirt refuses it.
    CdiOnly,
    /// Neither KubeVirt nor CDI accepts the format.
    Unsupported,
    /// The suffix of the name is that of another format.
    Misnamed,
    /// The file was not closed properly: its reference counts may be wrong.
    Dirty,
    /// The file has internal snapshots, which are not used.
    Snapshots,
}

impl FlawKind {
    /// Returns whether the flaw prevents reading the disk as its virtual machine would.
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
