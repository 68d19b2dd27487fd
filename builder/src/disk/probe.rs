//! How QEMU *probes* a file for its format: by its first sector alone, and raw is what is left. Of
//! that a fixed VHD is told apart, which has its only mark at the end: as a raw disk it would have a
//! sector too many.

use std::io;

use super::bytes::read_padded;
use super::sector::SECTOR;
use super::{Format, ReadAt, foreign, qcow2, raw, vdi, vhd, vhdx, vmdk};
use crate::compression::CompressionFormat;

/// Tells the format of a file by its first bytes. No two of QEMU's tests can both be true, so their
/// order does not matter; what is not for QEMU comes after them.
pub(super) fn probe_format(bytes: &dyn ReadAt) -> io::Result<Format> {
    // QEMU looks at as many bytes: `BLOCK_PROBE_BUF_SIZE`.
    let sector: [u8; SECTOR] = read_padded(bytes, 0)?;
    Ok(match detect_in_sector(&sector) {
        Some(format) => format,
        None if raw::is_iso(bytes) => Format::Iso,
        None if vhd::is_fixed(bytes) => Format::Vhd,
        None => Format::Raw,
    })
}

fn detect_in_sector(sector: &[u8]) -> Option<Format> {
    let formats = [
        (qcow2::detect(sector), Format::Qcow2),
        (vmdk::detect(sector), Format::Vmdk),
        (vhd::detect(sector), Format::Vhd),
        (vhdx::detect(sector), Format::Vhdx),
        (vdi::detect(sector), Format::Vdi),
    ];
    let known = formats.into_iter().find(|(is_it, _)| *is_it).map(|(_, format)| format);
    known
        .or_else(|| foreign::detect(sector))
        .or_else(|| CompressionFormat::detect(sector).map(Format::Packed))
}
