//! *Portable executables*, EFI's programs: their header names the machine that they are for
//! (Microsoft's "PE Format").

use std::io;

use crate::disk::bytes::{le16, le32, read_array};
use crate::disk::read_at::ReadAt;
use crate::disk::sector::SECTOR;

/// The largest supported offset of the header, in bytes: a header further on may lie in another
/// cluster of the file system.
const HEADER_AT_MAX: u32 = 448;

/// Offset in bytes of the optional header behind the signature.
const OPTIONAL: u64 = 24;

/// Index of the certificate table among the data directories, which have eight bytes each.
const CERTIFICATES: u64 = 4;

/// A program that EFI starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EfiLoader {
    /// GOARCH name of its machine.
    pub(super) machine: &'static str,
    /// Whether it has a signature; of whom is not checked.
    pub(super) is_signed: bool,
}

/// Reads the header of the program that begins at an offset. Returns `None` if no program begins
/// there, or if Go has no name for its machine.
pub(super) fn read_loader(disk: &dyn ReadAt, at: u64) -> io::Result<Option<EfiLoader>> {
    let start: [u8; SECTOR] = read_array(disk, at)?;
    let header_at = le32(&start, 0x3c);
    if !start.starts_with(b"MZ") || header_at > HEADER_AT_MAX {
        return Ok(None);
    }
    let header = start.get(header_at as usize..).unwrap_or_default();
    if !header.starts_with(b"PE\0\0") {
        return Ok(None);
    }
    let machine = match le16(header, 4) {
        0x8664 => "amd64",
        0xaa64 => "arm64",
        0x014c => "386",
        0x01c0 | 0x01c2 | 0x01c4 => "arm",
        0x5064 => "riscv64",
        0x6264 => "loong64",
        _ => return Ok(None),
    };
    let header_at = at.saturating_add(header_at.into());
    Ok(Some(EfiLoader { machine, is_signed: is_signed(disk, header_at).unwrap_or(false) }))
}

/// Returns whether a program has a certificate table ("Optional Header Data Directories"). `at` is the
/// offset of its header.
fn is_signed(disk: &dyn ReadAt, at: u64) -> io::Result<bool> {
    let optional_at = at.saturating_add(OPTIONAL);
    let magic: [u8; 2] = read_array(disk, optional_at)?;
    let directories_at = match u16::from_le_bytes(magic) {
        0x10b => 96,
        0x20b => 112,
        _ => return Ok(false),
    };
    let directories_at = optional_at.saturating_add(directories_at);
    let count: [u8; 4] = read_array(disk, directories_at - 4)?;
    if u64::from(u32::from_le_bytes(count)) <= CERTIFICATES {
        return Ok(false);
    }
    let entry: [u8; 8] = read_array(disk, directories_at.saturating_add(CERTIFICATES * 8))?;
    Ok(le32(&entry, 0) != 0 && le32(&entry, 4) != 0)
}
