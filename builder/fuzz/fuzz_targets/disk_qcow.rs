//! Any bytes are looked at as qcow, version 1.
//!
//! In `builder/fuzz`, run `cargo +nightly fuzz run disk_qcow -- -timeout=1`.

#![no_main]

mod disk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| disk::check(bytes, &[(0, b"QFI\xfb\0\0\0\x01")]));
