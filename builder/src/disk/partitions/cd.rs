//! How a *CD* is booted: a catalogue names programs for the BIOS and FAT file systems for EFI (the
//! "El Torito" specification 1.0, and UEFI specification 2.10, section 13.3.2.1).

use std::io;

use super::{BIOS, add, fat, some};
use crate::disk::bytes::le32;
use crate::disk::raw::ISO_BLOCK_LEN;
use crate::disk::read_at::ReadAt;

/// Where the descriptor of the catalogue stands, and what it begins with.
const RECORD_AT: u64 = 17 * ISO_BLOCK_LEN;
const RECORD: &[u8] = b"\0CD001\x01EL TORITO SPECIFICATION";

const X86: u8 = 0;
const EFI: u8 = 0xef;
const BOOTABLE: u8 = 0x88;

/// Adds the machines that the disk is booted on.
pub(super) fn loaders(disk: &dyn ReadAt, boot: &mut Vec<&'static str>) -> io::Result<()> {
    let record: [u8; 128] = some(disk, RECORD_AT)?;
    if !record.starts_with(RECORD) {
        return Ok(());
    }
    let catalogue: [u8; 2048] = some(disk, u64::from(le32(&record, 0x47)) * ISO_BLOCK_LEN)?;
    let mut platform = X86;
    let mut bios = false;
    for entry in catalogue.as_chunks::<32>().0 {
        match entry[0] {
            // The catalogue's own header, and that of a section, say what the next ones are for.
            1 | 0x90 | 0x91 => platform = entry[1],
            BOOTABLE if platform == EFI => {
                let at = u64::from(le32(entry, 8)) * ISO_BLOCK_LEN;
                for machine in fat::loaders(disk, at).unwrap_or_default() {
                    add(boot, machine);
                }
            }
            BOOTABLE => bios |= platform == X86,
            _ => break,
        }
    }
    if bios && boot.is_empty() {
        boot.push(BIOS);
    }
    Ok(())
}
