//! A VDI of which any bits are changed is read, or refused, and nothing behind its end is looked at.

use super::guest::{Sparse, check};
use diskette_builder::disk::DiskFormat;

/// Runs the target.
pub fn run(input: &[u8]) {
    let header: &[(usize, &[u8])] = &[
        (64, &[0x7f, 0x10, 0xda, 0xbe, 1, 0, 1, 0]),
        (341, &[2]),
        (345, &[4]),
        (361, &[2]),
        (370, &[0x30]),
        (378, &[0x10]),
        (384, &[3]),
        (512, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]),
    ];
    check(&Sparse::new(4 << 20, &[(0, 1024, header)]).change(input), DiskFormat::Vdi);
}
