//! The *formats* of disk files.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::compression::CompressionFormat;

/// The format of a disk file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFormat {
    /// The bytes of the disk without any header. QEMU treats every file that it does not recognize
    /// as raw.
    Raw,
    /// A raw disk with an ISO 9660 file system; QEMU calls it `raw`.
    Iso,
    /// QEMU's qcow, version 2 or 3.
    Qcow2,
    /// QEMU's qcow, version 1.
    Qcow,
    /// QEMU's enhanced disk.
    Qed,
    /// VMware's VMDK, in any of its variants.
    Vmdk,
    /// VHD of Virtual PC and Azure; QEMU calls it `vpc`.
    Vhd,
    /// Hyper-V's VHDX.
    Vhdx,
    /// VirtualBox's VDI.
    Vdi,
    /// An encrypted LUKS volume, version 1.
    Luks,
    /// The format of Parallels.
    Parallels,
    /// The format of Bochs, or of cloop; QEMU reads both.
    Bochs,
    /// A file that is compressed as a whole; the disk in it is only known after decompression.
    Compressed(CompressionFormat),
}

impl DiskFormat {
    /// Returns the name that `qemu-img info` gives the format.
    pub fn qemu_name(self) -> &'static str {
        match self {
            Self::Raw | Self::Iso | Self::Compressed(_) => "raw",
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

impl fmt::Display for DiskFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iso => f.write_str("iso"),
            Self::Vhd => f.write_str("vhd"),
            Self::Compressed(compression) => compression.fmt(f),
            _ => f.write_str(self.qemu_name()),
        }
    }
}

impl Serialize for DiskFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
