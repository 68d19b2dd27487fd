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
    /// What to do about it, if that differs from the fix of the rule that the flaw breaks. In a
    /// command, `DISK` stands for the file and `DESCRIPTOR` for the descriptor of a VMDK.
    #[serde(skip)]
    pub remedy: Option<&'static str>,
}

impl Flaw {
    pub(crate) fn new(kind: FlawKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), remedy: None }
    }

    /// Sets what to do about it.
    #[must_use]
    pub(crate) fn with_remedy(self, remedy: &'static str) -> Self {
        Self { remedy: Some(remedy), ..self }
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
    /// The partition table is for longer sectors than those of a virtual machine's disk.
    SectorSize,
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
            Self::Dirty
            | Self::Snapshots
            | Self::CdiOnly
            | Self::Misnamed
            | Self::SectorSize
            | Self::Corrupt => false,
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
