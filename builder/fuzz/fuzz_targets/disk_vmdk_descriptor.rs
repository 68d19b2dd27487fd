//! Any bytes are looked at as the text that describes a VMDK disk.
//!
//! In `builder/fuzz`, run `cargo +nightly fuzz run disk_vmdk_descriptor -- -timeout=1`.

#![no_main]

mod disk;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| disk::check(bytes, &[(0, b"# Disk DescriptorFile\nversion=1\n")]));
