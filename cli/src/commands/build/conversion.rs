//! `--convert`, and the compression of the clusters of its result.

use clap::ValueEnum;
use diskette_builder::disk::convert::{ClusterCompression, Conversion};
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::error::CommandError;

/// A value of `--convert`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ConvertKind {
    /// qcow2 without zeros, from raw, qcow2, VMDK, VHD, VHDX or VDI
    Qcow2,
    /// Raw disk image
    Raw,
}

/// A value of `--convert-compress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ConvertCompression {
    /// No compression: larger on the node, faster for the virtual machine
    None,
    /// Deflate, supported by every version of QEMU
    Zlib,
    /// Zstandard, supported by QEMU 5.1 and later
    Zstd,
}

/// Returns the conversion of disks, if one is selected.
pub(super) fn conversion(
    kind: Option<ConvertKind>,
    compression: ConvertCompression,
) -> Result<Option<Conversion>, CommandError> {
    let clusters = match compression {
        ConvertCompression::None => ClusterCompression::None,
        ConvertCompression::Zlib => ClusterCompression::Zlib,
        ConvertCompression::Zstd => ClusterCompression::Zstd,
    };
    match (kind, clusters) {
        (Some(ConvertKind::Qcow2), clusters) => Ok(Some(Conversion::Qcow2(clusters))),
        (Some(ConvertKind::Raw), ClusterCompression::None) => Ok(Some(Conversion::Raw)),
        (None, ClusterCompression::None) => Ok(None),
        _ => {
            let message = "`--convert-compress` is for disks that are converted to qcow2";
            let help = "use `--convert qcow2` too; layers are compressed anyway";
            Err(CommandError::Usage(Diagnostic::new(message).help(help)))
        }
    }
}
