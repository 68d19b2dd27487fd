//! The *formats* of disk files.

use std::fmt;

use serde::Serialize;

use crate::compression::CompressionFormat;

/// What kind of file a disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The disk itself, byte for byte; QEMU takes for this whatever it does not know.
    Raw,
    /// The same, with an ISO 9660 file system: `raw` for QEMU.
    Iso,
    /// QEMU's, version 2 or 3.
    Qcow2,
    /// QEMU's, version 1.
    Qcow,
    /// QEMU's enhanced disk.
    Qed,
    /// VMware's, in any of its kinds.
    Vmdk,
    /// Virtual PC's and Azure's: VHD. QEMU calls it `vpc`.
    Vhd,
    /// Hyper-V's.
    Vhdx,
    /// VirtualBox's.
    Vdi,
    /// An encrypted volume, version 1.
    Luks,
    /// Parallels'.
    Parallels,
    /// Bochs' or cloop's, which QEMU reads.
    Bochs,
    /// A disk that has been packed as a whole, and would have to be unpacked.
    #[serde(untagged)]
    Packed(#[serde(serialize_with = "packing")] CompressionFormat),
}

impl Format {
    /// Returns what `qemu-img info` calls it.
    pub fn qemu_name(self) -> &'static str {
        match self {
            Self::Raw | Self::Iso | Self::Packed(_) => "raw",
            Self::Qcow2 => "qcow2",
            Self::Qcow => "qcow",
            Self::Qed => "qed",
            Self::Vmdk => "vmdk",
            Self::Vhd => "vpc",
            Self::Vhdx => "vhdx",
            Self::Vdi => "vdi",
            Self::Luks => "luks",
            Self::Parallels => "parallels",
            Self::Bochs => "bochs",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iso => f.write_str("iso"),
            Self::Vhd => f.write_str("vhd"),
            Self::Packed(packing) => packing.fmt(f),
            _ => f.write_str(self.qemu_name()),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn packing<S: serde::Serializer>(
    packing: &CompressionFormat,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(packing)
}
