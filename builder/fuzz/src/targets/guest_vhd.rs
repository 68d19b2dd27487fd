//! A VHD of which any bits are changed, with checksums that are right, is read or refused.

use super::guest::{Sparse, check};
use diskette_builder::disk::DiskFormat;

/// Runs the target.
pub fn run(input: &[u8]) {
    let footer: &[(usize, &[u8])] =
        &[(0, b"conectix"), (22, &[2]), (28, b"win "), (54, &[0x20]), (63, &[3])];
    let header: &[(usize, &[u8])] = &[(0, b"cxsparse"), (22, &[6]), (31, &[4]), (34, &[8])];
    let table: &[(usize, &[u8])] = &[(0, &[0xff; 16]), (4, &[0, 0, 0, 4])];
    let pieces = [(0, 512, footer), (512, 1024, header), (1536, 512, table)];
    let mut file = Sparse::new(1 << 20, &pieces).change(input);
    for ((_, bytes), own) in file.pieces.iter_mut().zip([64, 36]) {
        bytes[own..own + 4].fill(0);
        let sum = bytes.iter().fold(0_u32, |sum, byte| sum + u32::from(*byte));
        bytes[own..own + 4].copy_from_slice(&(!sum).to_be_bytes());
    }
    check(&file, DiskFormat::Vhd);
}
