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

/// Adds the machines that the CD boots.
pub(super) fn add_loader_machines(
    disk: &dyn ReadAt,
    boot: &mut Vec<&'static str>,
) -> io::Result<()> {
    let record: [u8; 128] = read_array(disk, RECORD_AT)?;
    if !record.starts_with(RECORD) {
        return Ok(());
    }
    let catalogue: [u8; 2048] = read_array(disk, u64::from(le32(&record, 0x47)) * ISO_BLOCK_LEN)?;
    let mut platform = X86;
    let mut has_bios = false;
    for entry in catalogue.as_chunks::<32>().0 {
        match entry[0] {
            // A header gives the platform of the entries that follow it.
            VALIDATION | SECTION | LAST_SECTION => platform = entry[1],
            BOOTABLE if platform == EFI => {
                let at = u64::from(le32(entry, 8)) * ISO_BLOCK_LEN;
                for machine in fat::find_loader_machines(disk, at).unwrap_or_default() {
                    add_machine(boot, machine);
                }
            }
            BOOTABLE => has_bios |= platform == X86,
            _ => break,
        }
    }
    if has_bios && boot.is_empty() {
        boot.push(BIOS);
    }
    Ok(())
}
