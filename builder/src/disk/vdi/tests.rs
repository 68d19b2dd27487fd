//! Small VDIs, whole and mutilated.

use crate::disk::DiskFormat;
use crate::disk::FlawKind::{BackingFile, Malformed, OutsideFile, UnknownFeature};
use crate::disk::test_image::{DiskImage, MIB, PARENT, assert_refused};

/// A disk of 3 MiB of which the second is there.
pub(in crate::disk) fn vdi_image() -> DiskImage {
    DiskImage::new(1024 + MIB, DiskFormat::Vdi, |_| ())
        .put(0, b"<<< made by a test >>>\n")
        .put(64, 0xbeda_107f_u32.to_le_bytes())
        .put(68, 0x0001_0001_u32.to_le_bytes())
        .put(76, 1_u32.to_le_bytes())
        .put(340, 512_u32.to_le_bytes())
        .put(344, 1024_u32.to_le_bytes())
        .put(360, 512_u32.to_le_bytes())
        .put(368, (3_u64 << 20).to_le_bytes())
        .put(376, (1_u32 << 20).to_le_bytes())
        .put(384, 3_u32.to_le_bytes())
        .put(512, [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff])
        .put(1024 + MIB - 4, b"last")
}

#[test]
fn flaws_of_a_vdi_header_are_reported() {
    let one = 1_u32.to_le_bytes();
    assert_refused(
        &vdi_image().put(68, one),
        UnknownFeature,
        "the header is of version 0.1, known is 1.1",
    );
    assert_refused(
        &vdi_image().put(360, one),
        UnknownFeature,
        "its sectors are of 1 bytes, not 512",
    );
    let blocks = "its blocks are of 1048576 and 1 bytes, known are those of 1048576 and 0";
    assert_refused(&vdi_image().put(380, one), UnknownFeature, blocks);
    let place = "the table at byte 1 or the data at byte 1024 begin within a sector";
    assert_refused(&vdi_image().put(340, one), Malformed, place);
    let size = "a disk of 3145729 bytes does not fit into its 3 blocks";
    assert_refused(&vdi_image().put(368, [1]), Malformed, size);
    let table = "the table of 3 blocks at byte 4294966784 exceeds the file";
    assert_refused(&vdi_image().put(340, 0xffff_fe00_u32.to_le_bytes()), OutsideFile, table);
    assert_refused(&vdi_image().put(440, [1]), BackingFile, PARENT);
    assert_refused(&vdi_image().put(76, 4_u32.to_le_bytes()), BackingFile, PARENT);
    assert_refused(
        &vdi_image().truncated(500),
        OutsideFile,
        "the header at byte 0 lies outside the file of 500 bytes",
    );
}
