//! A VHDX of which any bits are changed, with checksums that are right, is read or refused.

use super::guest::{Sparse, check};
use diskette_builder::disk::DiskFormat;

const BAT: &[u8] = b"\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08";
const METADATA: &[u8] = b"\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e";
const PARAMETERS: &[u8] = b"\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b";
const SIZE: &[u8] = b"\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8";
const SECTOR: &[u8] = b"\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f";

/// Runs the target.
pub fn run(input: &[u8]) {
    let magic: &[(usize, &[u8])] = &[(0, b"vhdxfile")];
    let header: &[(usize, &[u8])] = &[(0, b"head"), (8, &[7]), (66, &[1])];
    let regions: &[(usize, &[u8])] = &[
        (0, b"regi"),
        (8, &[2]),
        (16, BAT),
        (34, &[0x20]),
        (42, &[0x10]),
        (48, METADATA),
        (66, &[0x10]),
        (74, &[0x10]),
    ];
    let metadata: &[(usize, &[u8])] = &[
        (0, b"metadata"),
        (10, &[3]),
        (32, PARAMETERS),
        (50, &[1]),
        (64, SIZE),
        (80, &[8, 0, 1]),
        (96, SECTOR),
        (112, &[16, 0, 1]),
    ];
    let items: &[(usize, &[u8])] = &[(2, &[0x10]), (10, &[0x30]), (17, &[2])];
    let table: &[(usize, &[u8])] = &[(8, &[6, 0, 0x30]), (16, &[2])];
    let pieces = [
        (64 << 10, 80, header),
        (192 << 10, 96, regions),
        (1 << 20, 160, metadata),
        ((1 << 20) + (64 << 10), 32, items),
        (2 << 20, 64, table),
        (0, 16, magic),
    ];
    let mut file = Sparse::new(8 << 20, &pieces).change(input);
    for ((_, bytes), len) in file.pieces.iter_mut().zip([4 << 10, 64 << 10]) {
        bytes[4..8].fill(0);
        let sum = crc32c::crc32c(bytes);
        let sum = crc32c::crc32c_append(sum, &vec![0; len - bytes.len()]);
        bytes[4..8].copy_from_slice(&sum.to_le_bytes());
    }
    check(&file, DiskFormat::Vhdx);
}
