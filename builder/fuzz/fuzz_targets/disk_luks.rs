//! Any bytes are looked at as a LUKS volume.
//!
//! In `builder/fuzz`, run `cargo +nightly fuzz run disk_luks -- -timeout=1`.

#![no_main]

mod disk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| disk::check(bytes, &[(0, b"LUKS\xba\xbe\0\x01")]));
