//! *Portable executables*, EFI's programs: their header names the machine that they are for
//! (Microsoft's "PE Format").

use std::io;

use crate::disk::bytes::{le16, le32, read_array};
use crate::disk::read_at::ReadAt;
use crate::disk::sector::SECTOR;

/// The largest supported offset of the header, in bytes: a header further on may lie in another
/// cluster of the file system.
const HEADER_AT_MAX: u32 = 448;

/// Returns the GOARCH name of the machine of a program that begins at an offset. Returns `None` if no
/// program begins there, or if Go has no name for its machine.
pub(super) fn read_machine(disk: &dyn ReadAt, at: u64) -> io::Result<Option<&'static str>> {
    let start: [u8; SECTOR] = read_array(disk, at)?;
    let header_at = le32(&start, 0x3c);
    if !start.starts_with(b"MZ") || header_at > HEADER_AT_MAX {
        return Ok(None);
    }
    let header = start.get(header_at as usize..).unwrap_or_default();
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
