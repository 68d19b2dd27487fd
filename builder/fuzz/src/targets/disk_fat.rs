//! Any bytes are looked at as a FAT file system in EFI's system partition.

use super::disk::check;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let mut disk = vec![0; 512];
    disk[450] = 0xef;
    disk[454] = 1;
    disk[458] = 1;
    disk[510..].copy_from_slice(&[0x55, 0xaa]);
    disk.extend(bytes);
    check(&disk, &[]);
}
