//! A VMDK of which any bits are changed, sparse or a stream, is read or refused.

use super::guest::{Sparse, check};
use diskette_builder::disk::DiskFormat;

/// "data" and zeros up to 1024 bytes, as zlib packs them.
const PACKED: &[u8] =
    b"\x78\xda\x4b\x49\x2c\x49\x64\x18\x05\xa3\x60\x14\x8c\x48\x00\x00\x69\xee\x01\x9b";

/// Runs the target.
pub fn run(input: &[u8]) {
    let Some((kind, input)) = input.split_first() else { return };
    let mut header: Vec<(usize, &[u8])> = vec![
        (0, b"KDMV\x01"),
        (8, &[7]),
        (12, &[10]),
        (20, &[2]),
        (44, &[4]),
        (56, &[1]),
        (64, &[3]),
        (512, &[2]),
        (1024 + 4, &[3]),
        (1024 + 8, &[1]),
    ];
    if kind % 2 == 1 {
        let stream: [(usize, &[u8]); 4] =
            [(8, &[5, 0, 3]), (77, &[1]), (1544, &[20]), (1548, PACKED)];
        header.extend(stream);
    }
    check(&Sparse::new(256 << 10, &[(0, 2048, &header)]).change(input), DiskFormat::Vmdk);
    // A descriptor, or nothing.
    check(&Sparse { pieces: vec![(0, input.into())], len: input.len() as u64 }, DiskFormat::Vmdk);
}
