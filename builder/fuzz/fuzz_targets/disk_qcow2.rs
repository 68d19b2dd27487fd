//! Any bytes are looked at as qcow2.
//!
//! In `builder/fuzz`, run `cargo +nightly fuzz run disk_qcow2 -- -timeout=1`.

#![no_main]

mod disk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| disk::check(bytes, &[(0, b"QFI\xfb\0\0\0")]));
