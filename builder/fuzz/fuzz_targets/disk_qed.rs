//! Any bytes are looked at as QED.
//!
//! In `builder/fuzz`, run `cargo +nightly fuzz run disk_qed -- -timeout=1`.

#![no_main]

mod disk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| disk::check(bytes, &[(0, b"QED\0")]));
