//! Any bytes are looked at as whatever they are.
//!
//! In `builder/fuzz`, run `cargo +nightly fuzz run disk_raw -- -timeout=1`.

#![no_main]

mod disk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| disk::check(bytes, &[]));
