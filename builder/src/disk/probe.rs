//! How QEMU *probes* a file for its format: by its first sector alone, and raw is what is left. Of
//! that a fixed VHD is told apart, which has its only mark at the end: as a raw disk it would have a
//! sector too many.

use std::io;

use super::bytes::{be32, le32, padded, part};
use super::{Format, ReadAt, qcow2, vhd, vmdk};
use crate::compression::CompressionFormat;

/// Where an ISO 9660 file system says so, and what it says (ECMA-119, 8.1).
const ISO_AT: u64 = 0x8001;
const ISO: &[u8; 5] = b"CD001";

/// How many first bytes QEMU looks at: `BLOCK_PROBE_BUF_SIZE`.
const SECTOR: usize = 512;

const VDI: u32 = 0xbeda_107f;

const CLOOP: &[u8] = b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 \
    /dev/cloop $1\n";

/// Tells the format of a file by its first bytes. No two of QEMU's tests can both be true, so their
/// order does not matter; what is not for QEMU comes after them.
pub(super) fn probe(bytes: &dyn ReadAt) -> io::Result<Format> {
    let sector: [u8; SECTOR] = padded(bytes, 0)?;
    if let Some(format) = by_sector(&sector) {
        return Ok(format);
    }
    match part(bytes, ISO_AT, "") {
        Ok(found) if found == *ISO => Ok(Format::Iso),
        _ if vhd::is_fixed(bytes) => Ok(Format::Vhd),
        _ => Ok(Format::Raw),
    }
}

fn by_sector(sector: &[u8]) -> Option<Format> {
    let version = be32(sector, 4);
    if sector.starts_with(qcow2::MAGIC) {
        match version {
            0 => {}
            1 => return Some(Format::Qcow),
            _ => return Some(Format::Qcow2),
        }
    }
    let formats: [(bool, Format); 10] = [
        (sector.starts_with(b"QED\0"), Format::Qed),
        (sector.starts_with(b"KDMV") || sector.starts_with(b"COWD"), Format::Vmdk),
        // QEMU knows these only by the descriptor that names them.
        (sector.starts_with(vmdk::SE_SPARSE), Format::Vmdk),
        (is_vmdk_descriptor(sector), Format::Vmdk),
        (sector.starts_with(b"conectix"), Format::Vhd),
        (sector.starts_with(b"vhdxfile"), Format::Vhdx),
        (le32(sector, 0x40) == VDI, Format::Vdi),
        // Of version 2 QEMU knows nothing.
        (sector.starts_with(b"LUKS\xba\xbe\0\x01"), Format::Luks),
        (is_parallels(sector), Format::Parallels),
        (is_bochs(sector) || sector.starts_with(CLOOP), Format::Bochs),
    ];
    let known = formats.iter().find(|(is, _)| *is).map(|(_, format)| *format);
    known.or_else(|| CompressionFormat::detect(sector).map(Format::Packed))
}

/// `parallels_probe` in QEMU's `block/parallels.c`.
fn is_parallels(sector: &[u8]) -> bool {
    let names = [b"WithoutFreeSpace", b"WithouFreSpacExt"];
    names.iter().any(|name| sector.starts_with(*name)) && le32(sector, 16) == 2
}

/// `bochs_probe` in QEMU's `block/bochs.c`.
fn is_bochs(sector: &[u8]) -> bool {
    let has = |at: usize, text: &[u8]| sector.get(at..).is_some_and(|rest| rest.starts_with(text));
    has(0, b"Bochs Virtual HD Image\0")
        && has(32, b"Redolog\0")
        && has(48, b"Growing\0")
        && matches!(le32(sector, 64), 0x10000 | 0x20000)
}

/// A text that describes a VMDK disk begins with comments and `version=`: `vmdk_probe` in QEMU's
/// `block/vmdk.c`.
fn is_vmdk_descriptor(sector: &[u8]) -> bool {
    let mut rest = sector;
    loop {
        match rest.first() {
            Some(b'#') => match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) => rest = rest.get(end + 1..).unwrap_or_default(),
                None => return false,
            },
            Some(b' ') => {
                let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
                rest = rest.get(spaces..).unwrap_or_default();
                rest = rest.strip_prefix(b"\r").unwrap_or(rest);
                match rest.strip_prefix(b"\n") {
                    Some(next) => rest = next,
                    None => return false,
                }
            }
            _ => break,
        }
    }
    let Some([version, end @ ..]) = rest.strip_prefix(b"version=") else { return false };
    matches!(version, b'1'..=b'3') && (end.starts_with(b"\n") || end.starts_with(b"\r\n"))
}
