//! Any bytes are looked at as VDI.
//!
//! In `builder/fuzz`, run `cargo +nightly fuzz run disk_vdi -- -timeout=1`.

#![no_main]

mod disk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| disk::check(bytes, &[(0x40, b"\x7f\x10\xda\xbe")]));
