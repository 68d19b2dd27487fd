//! Small VHDs, whole and mutilated.

use crate::disk::FlawKind::{
    BackingFile, Corrupt, Malformed, OutsideFile, Truncated, UnknownFeature,
};
use crate::disk::test_image::{DiskImage, PARENT, assert_refused};
use crate::disk::{DiskFormat, examine_disk};

/// A disk of 16 sectors in blocks of 4 of which the second is there: footer, header, table at byte
/// 1536, bitmap, block, footer.
pub(in crate::disk) fn vhd_image() -> DiskImage {
    let footer = DiskImage::new(512, DiskFormat::Vhd, |_| ())
        .put(0, b"conectix")
        .put(16, 512_u64.to_be_bytes())
        .put(28, b"win ")
        .put(48, 8192_u64.to_be_bytes())
        .put(60, 3_u32.to_be_bytes());
    DiskImage::new(5120, DiskFormat::Vhd, seal_vhd)
        .put(0, &footer.bytes)
        .put(512, b"cxsparse")
        .put(512 + 16, 1536_u64.to_be_bytes())
        .put(512 + 28, 4_u32.to_be_bytes())
        .put(512 + 32, 2048_u32.to_be_bytes())
        .put(1536, [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff])
        .put(1548, [0xff; 4])
        .put(2560, b"data")
        .put(4608, &footer.bytes)
        .with_checksums()
}

fn seal_vhd(bytes: &mut [u8]) {
    let sums = [(0..512, 64), (512..1536, 36)];
    for (range, own) in sums {
        let part = &mut bytes[range];
        part[own..own + 4].fill(0);
        let sum = part.iter().map(|byte| u32::from(*byte)).sum::<u32>();
        part[own..own + 4].copy_from_slice(&(!sum).to_be_bytes());
    }
}

/// A fixed VHD is raw for QEMU, unless it is told otherwise.
#[test]
fn a_fixed_vhd_is_read_without_its_footer() {
    let mut footer =
        vhd_image().put(63, [2]).put(48, 1024_u64.to_be_bytes()).with_checksums().bytes;
    footer.truncate(512);
    let bytes = [&[0; 1020], &b"last"[..], &footer].concat();
    let image = DiskImage { bytes, ..vhd_image() };
    assert_eq!(image.open_guest().unwrap().len(), 1024);
    assert_eq!(image.read_guest(1020, 4).unwrap(), b"last");
}

#[test]
fn size_of_a_vhd_depends_on_the_creator_application() {
    let check = |maker: &[u8; 4], geometry: [u8; 4], size: u64| {
        let image = vhd_image().put(28, maker).put(56, geometry).with_checksums();
        assert_eq!(
            examine_disk(&image.bytes).unwrap().virtual_size,
            size,
            "{maker:?} {geometry:?}"
        );
    };
    for maker in [b"win ", b"qem2", b"d2v ", b"CTXS", b"tap\0", b"tapx", b"wa\0\0"] {
        check(maker, [0, 1, 2, 3], 8192);
    }
    for maker in [b"vpc ", b"qemu", b"vbox"] {
        check(maker, [0, 1, 2, 3], 3072);
        check(maker, [0xff, 0xff, 16, 255], 8192);
    }
}

#[test]
fn flaws_of_a_vhd_header_are_reported() {
    assert_refused(&vhd_image().put(100, [1]), Corrupt, "the checksum of the footer is wrong");
    assert_refused(
        &vhd_image().put(700, [1]),
        Corrupt,
        "the checksum of the dynamic disk's header is wrong",
    );
    assert_refused(&vhd_image().put(63, [4]).with_checksums(), BackingFile, PARENT);
    let kind = "it is a disk of the unknown type 5";
    assert_refused(&vhd_image().put(63, [5]).with_checksums(), UnknownFeature, kind);
    let size = "a disk of 549755813904 sectors is larger than the format allows";
    assert_refused(&vhd_image().put(49, [1]).with_checksums(), Malformed, size);
    let header = "there is no header of a dynamic disk at byte 512";
    assert_refused(&vhd_image().put(512, b"x").with_checksums(), Malformed, header);
    let header = "the header of a dynamic disk at byte 65536 lies outside the file of 5120 bytes";
    assert_refused(
        &vhd_image().put(16, 65536_u64.to_be_bytes()).with_checksums(),
        OutsideFile,
        header,
    );
    let blocks = "blocks of 2049 bytes are no power of two";
    assert_refused(&vhd_image().put(512 + 35, [1]).with_checksums(), Malformed, blocks);
    let entries = "a disk of 8192 bytes does not fit into 3 blocks of 2048 bytes";
    assert_refused(&vhd_image().put(512 + 31, [3]).with_checksums(), Malformed, entries);
    let table = "the table of 4 blocks at byte 67072 exceeds the file";
    assert_refused(&vhd_image().put(512 + 21, [1]).with_checksums(), OutsideFile, table);
    let fixed = "the disk has 8192 bytes, of which 4608 are there";
    assert_refused(&vhd_image().put(63, [2]).with_checksums(), Truncated, fixed);
}
