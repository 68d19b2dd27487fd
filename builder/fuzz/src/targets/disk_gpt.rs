//! Any bytes are looked at as a GUID partition table, with the checksum of its header, which no fuzzer finds.

use super::disk::check;

/// Where the header stands, and how long it is.
const AT: usize = 512;
const LEN: usize = 92;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let mut disk = vec![0; AT];
    disk[450] = 0xee;
    disk[454] = 1;
    disk[458] = 1;
    disk[510..].copy_from_slice(&[0x55, 0xaa]);
    disk.extend(bytes);
    if let Some(header) = disk.get_mut(AT..AT + LEN) {
        header[..8].copy_from_slice(b"EFI PART");
        header[12..20].copy_from_slice(&[LEN as u8, 0, 0, 0, 0, 0, 0, 0]);
        let crc = crc32fast::hash(header);
        header[16..20].copy_from_slice(&crc.to_le_bytes());
    }
    check(&disk, &[]);
}
