//! Small VHDXs, whole and mutilated.

use crate::disk::DiskFormat;
use crate::disk::FlawKind::{
    BackingFile, Corrupt, Malformed, OutsideFile, UnknownFeature, Unsupported,
};
use crate::disk::test_image::{DiskImage, MIB, PARENT, assert_refused};

/// A disk of 3 MiB of which the second is there: headers, regions, metadata at 1 MiB, table at 2
/// MiB, block at 3 MiB.
pub(in crate::disk) fn vhdx_image() -> DiskImage {
    let guid = |text: &str| {
        let bytes = (0..16).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap());
        bytes.collect::<Vec<_>>()
    };
    let entry = |at: usize| MIB + 32 + 32 * at;
    DiskImage::new(4 * MIB, DiskFormat::Vhdx, seal_vhdx)
        .put(0, b"vhdxfile")
        .put(64 << 10, b"head")
        .put((64 << 10) + 8, 7_u64.to_le_bytes())
        .put((64 << 10) + 66, [1])
        .put(192 << 10, b"regi")
        .put((192 << 10) + 8, [2])
        .put((192 << 10) + 16, guid("6677c22d23f600429d64115e9bfd4a08"))
        .put((192 << 10) + 32, (2_u64 << 20).to_le_bytes())
        .put((192 << 10) + 40, (1_u32 << 20).to_le_bytes())
        .put((192 << 10) + 48, guid("06a27c8b90479a4bb8fe575f050f886e"))
        .put((192 << 10) + 64, (1_u64 << 20).to_le_bytes())
        .put((192 << 10) + 72, (1_u32 << 20).to_le_bytes())
        .put(MIB, b"metadata")
        .put(MIB + 10, [3])
        .put(entry(0), guid("3767a1ca36fa434db3b633f0aa44e76b"))
        .put(entry(0) + 16, 0x1_0000_u32.to_le_bytes())
        .put(entry(1), guid("2442a52f1bcd7648b2115dbed83bf4b8"))
        .put(entry(1) + 16, 0x1_0008_u32.to_le_bytes())
        .put(entry(2), guid("1dbf41816fa90947ba47f233a8faab5f"))
        .put(entry(2) + 16, 0x1_0010_u32.to_le_bytes())
        .put(MIB + 0x1_0000, (1_u32 << 20).to_le_bytes())
        .put(MIB + 0x1_0008, (3_u64 << 20).to_le_bytes())
        .put(MIB + 0x1_0010, 512_u32.to_le_bytes())
        .put(2 * MIB + 8, ((3_u64 << 20) | 6).to_le_bytes())
        .put(2 * MIB + 16, 2_u64.to_le_bytes())
        .put(3 * MIB, b"data")
        .with_checksums()
}

fn seal_vhdx(bytes: &mut [u8]) {
    for (at, len) in [(64 << 10, 4096), (192 << 10, 64 << 10)] {
        let part = &mut bytes[at..at + len];
        part[4..8].fill(0);
        let sum = crc32c::crc32c(part);
        part[4..8].copy_from_slice(&sum.to_le_bytes());
    }
}

#[test]
fn flaws_of_a_vhdx_header_are_reported() {
    let headers = "neither of its headers has a right checksum";
    assert_refused(&vhdx_image().put(65600, [1]), Corrupt, headers);
    let regions = "the checksum of the table of regions is wrong";
    assert_refused(&vhdx_image().put(197_000, [1]), Corrupt, regions);
    let region = 192 << 10;
    let unknown = "it has a region that is required and unknown";
    assert_refused(
        &vhdx_image().put(region + 16, [0]).put(region + 44, [1]).with_checksums(),
        UnknownFeature,
        unknown,
    );
    let missing = "it has no table of blocks, or no metadata";
    assert_refused(&vhdx_image().put(region + 16, [0]).with_checksums(), Malformed, missing);
    let over = "the region at byte 0 is there twice, or over the headers";
    assert_refused(&vhdx_image().put(region + 32, [0; 8]).with_checksums(), Malformed, over);
    let many = "a table says that it has 2049 entries, more than it can have";
    assert_refused(&vhdx_image().put(region + 8, [1, 8]).with_checksums(), Malformed, many);
    let metadata = "there are no metadata at byte 1048576";
    assert_refused(&vhdx_image().put(MIB, b"x"), Malformed, metadata);
    let item = "it has an item of the metadata that is required and unknown";
    assert_refused(&vhdx_image().put(MIB + 32, [0]).put(MIB + 56, [4]), UnknownFeature, item);
    let blocks = "blocks of 1048577 bytes are not allowed";
    assert_refused(&vhdx_image().put(MIB + 0x1_0000, [1]), Malformed, blocks);
    let size = "a disk of 3145729 bytes in sectors of 512 bytes is not allowed";
    assert_refused(&vhdx_image().put(MIB + 0x1_0008, [1]), Malformed, size);
    assert_refused(&vhdx_image().put(MIB + 0x1_0004, [2]), BackingFile, PARENT);
    let sectors = "its sectors are of 4096 bytes, which QEMU does not take";
    assert_refused(&vhdx_image().put(MIB + 0x1_0010, 4096_u32.to_le_bytes()), Unsupported, sectors);
    let table = "the table of 1048579 blocks at byte 2097152 is not all there";
    assert_refused(&vhdx_image().put(MIB + 0x1_0008 + 5, [1]), OutsideFile, table);
    let log = vhdx_image()
        .put(65536 + 48, [9; 16])
        .put(65536 + 68, u32::MAX.to_le_bytes())
        .with_checksums();
    let detail = "the log of 4294967295 bytes at byte 0 is not all there, or too long";
    assert_refused(&log, OutsideFile, detail);
    let log = log.put(65536 + 68, 8192_u32.to_le_bytes()).with_checksums();
    let log = log.put(65536 + 72, (3_u64 << 20).to_le_bytes()).with_checksums();
    let replay = log.put(3 * MIB + 4096, b"loge").put(3 * MIB + 4096 + 32, [9; 16]);
    assert_refused(&replay, Corrupt, "its log holds changes that are not in the disk yet");
}
