//! EFI's programs, *portable executables*: their header tells which machine they are for (Microsoft's
//! "PE Format").

use std::io;

use super::some;
use crate::disk::bytes::{le16, le32};
use crate::disk::read_at::ReadAt;
use crate::disk::sector::SECTOR;

/// A header that is not close to the beginning may lie in another part of the disk.
const HEADER_MAX: u32 = 448;

/// Returns GOARCH's name of the machine, if a program begins here and is for one that has a name.
pub(super) fn machine(disk: &dyn ReadAt, at: u64) -> io::Result<Option<&'static str>> {
    let start: [u8; SECTOR] = some(disk, at)?;
    let header = le32(&start, 0x3c);
    if !start.starts_with(b"MZ") || header > HEADER_MAX {
        return Ok(None);
    }
    let header = start.get(header as usize..).unwrap_or_default();
    if !header.starts_with(b"PE\0\0") {
        return Ok(None);
    }
    Ok(match le16(header, 4) {
        0x8664 => Some("amd64"),
        0xaa64 => Some("arm64"),
        0x014c => Some("386"),
        0x01c0 | 0x01c2 | 0x01c4 => Some("arm"),
        0x5064 => Some("riscv64"),
        0x6264 => Some("loong64"),
        _ => None,
    })
}
