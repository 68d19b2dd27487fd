//! Any bytes are looked at as the descriptors of a CD, its catalogue of boot loaders and what those are.
//!
//! In `builder/fuzz`, run `cargo +nightly fuzz run disk_iso -- -timeout=1`.

#![no_main]

mod disk;

use libfuzzer_sys::fuzz_target;

/// Where the descriptors stand.
const AT: usize = 0x8000;

fuzz_target!(|bytes: &[u8]| {
    let mut disk = vec![0; AT];
    disk.extend(bytes);
    let record = b"\0CD001\x01EL TORITO SPECIFICATION";
    disk::check(&disk, &[(AT, b"\x01CD001"), (AT + 2048, record)]);
});
