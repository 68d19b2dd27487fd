//! The boot catalogue of a *CD*: it lists programs for the BIOS, and FAT file systems for EFI (the
//! "El Torito" specification 1.0, and UEFI specification 2.10, section 13.3.2.1).

use std::io;

use super::{BIOS, add_machine, fat};
use crate::disk::bytes::{le32, read_array};
use crate::disk::raw::ISO_BLOCK_LEN;
use crate::disk::read_at::ReadAt;

/// Offset of the boot record, which has the location of the catalogue, in bytes; and how it begins.
const RECORD_AT: u64 = 17 * ISO_BLOCK_LEN;
const RECORD: &[u8] = b"\0CD001\x01EL TORITO SPECIFICATION";

/// Platforms of the entries in the catalogue.
const X86: u8 = 0;
const EFI: u8 = 0xef;

/// Kinds of entries: the header of the catalogue, the headers of its sections, a bootable image.
const VALIDATION: u8 = 1;
const SECTION: u8 = 0x90;
const LAST_SECTION: u8 = 0x91;
const BOOTABLE: u8 = 0x88;

/// What a boot catalogue lists.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    /// Whether it lists a program for the BIOS of a PC.
    pub(super) has_bios: bool,
    /// Offsets of file systems for EFI, in bytes.
    pub(super) efi: Vec<u64>,
}

/// Adds the machines that the CD boots.
pub(super) fn add_loader_machines(
    disk: &dyn ReadAt,
    boot: &mut Vec<&'static str>,
) -> io::Result<()> {
    let catalogue = read_catalogue(disk)?;
    for at in catalogue.efi {
        for loader in fat::find_loaders(disk, at).unwrap_or_default() {
            add_machine(boot, loader.machine);
        }
    }
    if catalogue.has_bios && boot.is_empty() {
        boot.push(BIOS);
    }
    Ok(())
}

/// Reads the boot catalogue; a CD without one has an empty one.
pub(super) fn read_catalogue(disk: &dyn ReadAt) -> io::Result<Catalogue> {
    let mut found = Catalogue::default();
    let record: [u8; 128] = read_array(disk, RECORD_AT)?;
    if !record.starts_with(RECORD) {
        return Ok(found);
    }
    let catalogue: [u8; 2048] = read_array(disk, u64::from(le32(&record, 0x47)) * ISO_BLOCK_LEN)?;
    let mut platform = X86;
    for entry in catalogue.as_chunks::<32>().0 {
        match entry[0] {
            // A header gives the platform of the entries that follow it.
            VALIDATION | SECTION | LAST_SECTION => platform = entry[1],
            BOOTABLE if platform == EFI => {
                found.efi.push(u64::from(le32(entry, 8)) * ISO_BLOCK_LEN);
            }
            BOOTABLE => found.has_bios |= platform == X86,
            _ => break,
        }
    }
    Ok(found)
}
