//! Any bytes are looked at as Parallels' format.
//!
//! In `builder/fuzz`, run `cargo +nightly fuzz run disk_parallels -- -timeout=1`.

#![no_main]

mod disk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| disk::check(bytes, &[(0, b"WithouFreSpacExt\x02\0\0\0")]));
