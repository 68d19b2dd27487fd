//! *Probing* a file for its format, as QEMU does: by its first sector alone; any other file is raw. In
//! addition, a fixed VHD is recognized by its footer: as a raw disk it would have a sector too many.

use std::io;

use super::bytes::read_padded;
use super::sector::SECTOR;
use super::{DiskFormat, ReadAt, foreign, qcow2, raw, vdi, vhd, vhdx, vmdk};
use crate::compression::CompressionFormat;

/// Returns the format of a file by its first bytes. QEMU's tests exclude each other, so their order
/// does not matter; formats that QEMU does not read are tested after them.
pub(super) fn probe_format(bytes: &dyn ReadAt) -> io::Result<DiskFormat> {
    // QEMU reads the same number of bytes: `BLOCK_PROBE_BUF_SIZE`.
    let sector: [u8; SECTOR] = read_padded(bytes, 0)?;
    Ok(match detect_in_sector(&sector) {
        Some(format) => format,
        None if raw::is_iso(bytes) => DiskFormat::Iso,
        None if vhd::is_fixed(bytes) => DiskFormat::Vhd,
        None => DiskFormat::Raw,
    })
}

/// Returns the format that the first sector of a file shows, if any.
pub(super) fn detect_in_sector(sector: &[u8]) -> Option<DiskFormat> {
    let formats = [
        (qcow2::detect(sector), DiskFormat::Qcow2),
        (vmdk::detect(sector), DiskFormat::Vmdk),
        (vhd::detect(sector), DiskFormat::Vhd),
        (vhdx::detect(sector), DiskFormat::Vhdx),
        (vdi::detect(sector), DiskFormat::Vdi),
    ];
    let known = formats.into_iter().find(|(is_it, _)| *is_it).map(|(_, format)| format);
    known
        .or_else(|| foreign::detect(sector))
        .or_else(|| CompressionFormat::detect(sector).map(DiskFormat::Compressed))
}
