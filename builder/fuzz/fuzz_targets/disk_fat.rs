//! Any bytes are looked at as a FAT file system in EFI's system partition.
//!
//! In `builder/fuzz`, run `cargo +nightly fuzz run disk_fat -- -timeout=1`.

#![no_main]

mod disk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut disk = vec![0; 512];
    disk[450] = 0xef;
    disk[454] = 1;
    disk[458] = 1;
    disk[510..].copy_from_slice(&[0x55, 0xaa]);
    disk.extend(bytes);
    disk::check(&disk, &[]);
});
