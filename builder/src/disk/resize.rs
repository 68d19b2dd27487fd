//! *Resizing* makes a disk larger while it is read: zeros follow its end, and the partition table is
//! moved to the new end. A qcow2 stays as it is except for its header and L1 table, if no byte of the
//! disk in it changes; otherwise it is written anew.

use std::fmt;
use std::io;
use std::sync::Arc;

use thiserror::Error;

use super::convert::{ClusterCompression, Conversion, Guest};
use super::partitions::relocate_gpt;
use super::patched::Patched;
use super::qcow2::{self, Qcow2Compression};
use super::sector::{SECTOR_LEN, round_up};
use super::{DiskFormat, DiskInfo, Fault, Flaw};

/// The size that a disk is to have, in bytes; it is rounded up to whole sectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskSize {
    /// This many bytes.
    Total(u64),
    /// This many bytes more than before.
    Added(u64),
}

impl DiskSize {
    /// Returns the size in bytes of a disk that has `len`.
    pub(crate) fn of_disk(self, len: u64) -> Result<u64, ResizeError> {
        let size = match self {
            Self::Total(size) => size,
            Self::Added(more) => len.saturating_add(more),
        };
        // More cannot be counted by QEMU, whose offsets are signed.
        if size > i64::MAX as u64 - SECTOR_LEN {
            return Err(ResizeError::TooLarge(size));
        }
        match round_up(size) {
            size if size < len => Err(ResizeError::Smaller { len, size }),
            size => Ok(size),
        }
    }
}

/// Written into cache keys: a number of bytes, after `+` if they are added.
impl fmt::Display for DiskSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total(size) => write!(f, "{size}"),
            Self::Added(more) => write!(f, "+{more}"),
        }
    }
}

/// Why a disk cannot get a size.
#[derive(Debug, Error)]
pub enum ResizeError {
    /// The disk is larger.
    #[error("the disk has {len} bytes, and cannot be made smaller, to {size}")]
    Smaller {
        /// Size of the disk in bytes.
        len: u64,
        /// Requested size in bytes.
        size: u64,
    },
    /// The size is more than QEMU can count.
    #[error("a disk cannot have {0} bytes")]
    TooLarge(u64),
    /// The format has no way to change the size.
    #[error("a disk in the format {0} cannot be changed unless it is converted")]
    Format(DiskFormat),
    /// A part of the disk that depends on the size is invalid.
    #[error("{0}")]
    Flaw(Flaw),
    /// The disk cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Fault> for ResizeError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Io(error) => Self::Io(error),
            Fault::Flaw(flaw) => Self::Flaw(flaw),
        }
    }
}

/// A disk that is read with another size.
pub(crate) struct ResizedDisk {
    /// The bytes to convert: the disk, or its file.
    pub(crate) bytes: Guest,
    /// The conversion that yields the resized disk; [`Conversion::Raw`] for bytes that stay as they are.
    pub(crate) conversion: Conversion,
}

/// Makes a disk larger, so that it has `len` bytes. `file` is the file of the disk, in whose format
/// the disk stays unless it is converted.
pub(crate) fn resize_disk(
    file: &Guest,
    guest: &Guest,
    info: &DiskInfo,
    len: u64,
    conversion: Option<Conversion>,
) -> Result<ResizedDisk, ResizeError> {
    let patches = relocate_gpt(guest, len)?;
    if conversion.is_none()
        && info.format == DiskFormat::Qcow2
        && patches.is_empty()
        && let Some(bytes) = enlarge_qcow2(file, len)?
    {
        return Ok(ResizedDisk { bytes, conversion: Conversion::Raw });
    }
    let conversion = match conversion {
        Some(conversion) => conversion,
        None => rewriting_conversion(file, info.format)?,
    };
    Ok(ResizedDisk { bytes: Arc::new(Patched::new(Guest::clone(guest), len, patches)), conversion })
}

/// Returns the conversion that writes a disk anew in the format that it has.
pub(crate) fn rewriting_conversion(
    file: &Guest,
    format: DiskFormat,
) -> Result<Conversion, ResizeError> {
    Ok(match format {
        DiskFormat::Raw | DiskFormat::Iso => Conversion::Raw,
        DiskFormat::Qcow2 => Conversion::Qcow2(cluster_compression(file)?),
        format => return Err(ResizeError::Format(format)),
    })
}

/// Returns a qcow2 file with another size in its header, if that is enough.
fn enlarge_qcow2(file: &Guest, len: u64) -> Result<Option<Guest>, Fault> {
    let Some(patches) = qcow2::enlarge_in_place(file, len)? else { return Ok(None) };
    let ends = patches.iter().map(|patch| patch.at + patch.bytes.len() as u64);
    let file_len = ends.max().unwrap_or(0).max(file.len());
    Ok(Some(Arc::new(Patched::new(Guest::clone(file), file_len, patches))))
}

/// Returns how the clusters of a qcow2 that is written anew are compressed: as those of the file.
fn cluster_compression(file: &Guest) -> Result<ClusterCompression, Fault> {
    Ok(match qcow2::find_compression(file)? {
        None => ClusterCompression::None,
        Some(Qcow2Compression::Zlib) => ClusterCompression::Zlib,
        Some(Qcow2Compression::Zstd) => ClusterCompression::Zstd,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_only_get_larger() {
        let check = |size: DiskSize, len: u64, expected: &str| {
            let found = match size.of_disk(len) {
                Ok(size) => size.to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(found, expected);
        };
        check(DiskSize::Total(1024), 512, "1024");
        check(DiskSize::Total(1000), 512, "1024");
        check(DiskSize::Total(512), 512, "512");
        check(DiskSize::Added(1), 512, "1024");
        let smaller = "the disk has 1024 bytes, and cannot be made smaller, to 512";
        check(DiskSize::Total(512), 1024, smaller);
        check(DiskSize::Total(7 << 60), 512, &(7_u64 << 60).to_string());
        let large = "a disk cannot have 18446744073709551615 bytes";
        check(DiskSize::Added(u64::MAX), 512, large);
        check(DiskSize::Total(u64::MAX), 512, large);
    }
}
