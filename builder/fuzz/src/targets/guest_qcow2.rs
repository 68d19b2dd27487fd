//! A qcow2 file of which any bits are changed is read, or refused: plain, with parts of clusters,
//! compressed either way.

use super::guest::{Sparse, check};
use diskette_builder::disk::DiskFormat;

/// Runs the target.
pub fn run(input: &[u8]) {
    let Some((kind, input)) = input.split_first() else { return };
    // Clusters of 16 KiB: header, table of reference counts, L1 table, L2 table, data.
    let features: &[u8] = match kind % 4 {
        0 => &[0],
        1 => &[0x10],
        2 => &[8],
        _ => &[0x18],
    };
    let zstd: &[u8] = if kind & 2 != 0 { &[1] } else { &[0] };
    let header: &[(usize, &[u8])] = &[
        (0, b"QFI\xfb\0\0\0\x03"),
        (23, &[14]),
        (29, &[0x20]),
        (39, &[1]),
        (46, &[0x80]),
        (54, &[0x40]),
        (59, &[1]),
        (79, features),
        (99, &[4]),
        (103, &[112]),
        (104, zstd),
    ];
    let l1: &[(usize, &[u8])] = &[(0, &[0x80, 0, 0, 0, 0, 0, 0xc0, 0])];
    let l2: &[(usize, &[u8])] = &[
        (0, &[0x80, 0, 0, 0, 0, 1, 0, 0]),
        (16, &[0x40, 0, 0, 0, 0, 1, 0x40, 0]),
        (32, &[0, 0, 0, 0, 0, 0, 0, 1]),
        (48, &[0x80, 0, 0, 0, 0, 1, 0x40, 0]),
    ];
    let data: &[(usize, &[u8])] = &[(0, b"data")];
    let pieces = [(0, 120, header), (0x8000, 16, l1), (0xc000, 96, l2), (0x1_4000, 512, data)];
    check(&Sparse::new(1 << 20, &pieces).change(input), DiskFormat::Qcow2);
}
