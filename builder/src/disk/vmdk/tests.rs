//! Small VMDKs, whole and mutilated.

use crate::disk::FlawKind::{
    BackingFile, CdiOnly, DataFile, Malformed, OutsideFile, Truncated, UnknownFeature, Unsupported,
};
use crate::disk::test_image::{DiskImage, assert_refused};
use crate::disk::{DiskFormat, examine_disk};

/// A disk of 10 sectors in grains of 2, tables of 4 grains: directory at sector 1, the first table
/// at sector 2 has the second grain at sector 3, and the third marked as zero; no second table. The
/// descriptor is at sector 5.
pub(in crate::disk) fn vmdk_image() -> DiskImage {
    DiskImage::new(6 * 512, DiskFormat::Vmdk, |_| ())
        .put(5 * 512, embedded("RW 10 SPARSE \"a.vmdk\"\n"))
        .put(28, 5_u64.to_le_bytes())
        .put(36, 1_u64.to_le_bytes())
        .put(0, b"KDMV")
        .put(4, 1_u32.to_le_bytes())
        .put(8, 7_u32.to_le_bytes())
        .put(12, 10_u64.to_le_bytes())
        .put(20, 2_u64.to_le_bytes())
        .put(44, 4_u32.to_le_bytes())
        .put(56, 1_u64.to_le_bytes())
        .put(64, 3_u64.to_le_bytes())
        .put(512, 2_u32.to_le_bytes())
        .put(1024 + 4, 3_u32.to_le_bytes())
        .put(1024 + 8, 1_u32.to_le_bytes())
        .put(1536, b"data")
}

/// The same as a stream: the grain is compressed, and the header stands at the end again.
pub(in crate::disk) fn stream_optimized_image() -> DiskImage {
    let mut grain = vec![0; 1024];
    grain[..4].copy_from_slice(b"data");
    let packed = compress_zlib(&grain);
    let header = vmdk_image().put(8, 0x3_0005_u32.to_le_bytes()).put(77, [1]).bytes;
    let image = DiskImage::new(8 * 512, DiskFormat::Vmdk, |_| ())
        .put(0, &header[..1536])
        .put(28, [4])
        .put(4 * 512, embedded("RDONLY 10 SPARSE \"a.vmdk\"\n"))
        .put(56, u64::MAX.to_le_bytes())
        .put(1024 + 8, 0_u32.to_le_bytes())
        .put(1536, 2_u64.to_le_bytes())
        .put(1544, u32::try_from(packed.len()).unwrap().to_le_bytes())
        .put(1548, &packed)
        .put(5 * 512 + 12, [3])
        .put(6 * 512, &header[..512]);
    assert!(packed.len() < 500);
    image
}

fn compress_zlib(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut packed = vec![0; compressor.zlib_compress_bound(bytes.len())];
    let len = compressor.zlib_compress(bytes, &mut packed).unwrap();
    packed.truncate(len);
    packed
}

/// A descriptor in the file with the data; these are its extents.
fn embedded(extents: &str) -> String {
    format!("# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n{extents}")
}

/// A descriptor of a disk in two other files.
pub(in crate::disk) fn descriptor_image(lines: &str) -> DiskImage {
    let text = format!("# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n{lines}");
    let image = DiskImage::new(text.len(), DiskFormat::Vmdk, |_| ());
    image.put(0, text)
}

#[test]
fn flaws_of_a_vmdk_header_are_reported() {
    assert_refused(
        &vmdk_image().put(4, [4]),
        UnknownFeature,
        "the header is of version 4, known are 1 to 3",
    );
    let algorithm = "its grains are compressed in the unknown way 2";
    assert_refused(&vmdk_image().put(77, [2]), UnknownFeature, algorithm);
    let none = "its grains are compressed, but in no way that it tells";
    assert_refused(&vmdk_image().put(10, [1]), Malformed, none);
    assert_refused(&vmdk_image().put(45, [4]), Malformed, "tables of 1028 grains are not allowed");
    assert_refused(&vmdk_image().put(20, [0]), Malformed, "grains of 0 sectors are not allowed");
    let large = "a disk of 72057594037927946 sectors is too large";
    assert_refused(&vmdk_image().put(19, [1]), Malformed, large);
    let directory = "the directory of 2 tables at byte 33554944 exceeds the file";
    assert_refused(&vmdk_image().put(58, [1]), OutsideFile, directory);
    assert_refused(
        &vmdk_image().put(64, [7]),
        Truncated,
        "it ends before sector 7, where its data begins",
    );
    let text = "the descriptor at sector 99 lies outside the file";
    assert_refused(&vmdk_image().put(28, [99]), OutsideFile, text);
    let delta = vmdk_image().put(28, [4]).put(2048, b"CID=1\nparentFileNameHint=\"base.vmdk\"\n");
    assert_refused(&delta, BackingFile, "what is not in it is in its parent, base.vmdk");
    assert_refused(
        &stream_optimized_image().truncated(7 * 512),
        Truncated,
        "the header that belongs at its end is missing",
    );
    let esx = "it is an extent of VMware ESX, without the descriptor that belongs to it";
    assert_refused(&vmdk_image().put(0, b"COWD"), Unsupported, esx);
    assert_refused(
        &vmdk_image().put(0, b"\xbe\xba\xfe\xca\0\0\0\0\x01\0\0\0\x02"),
        Unsupported,
        esx,
    );
    let flat = descriptor_image("RW 2048 FLAT \"a.vmdk\" 0\r\nRW 10 SPARSE \"b.vmdk\"\n");
    assert_eq!(examine_disk(&flat.bytes).unwrap().virtual_size, 2058 * 512);
    assert_refused(&flat, DataFile, "its data is in other files: a.vmdk, b.vmdk");
    let many = ["a", "b", "c", "d", "e"].map(|name| format!("RW 1 FLAT \"{name}\" 0\n")).concat();
    assert_refused(
        &descriptor_image(&many),
        DataFile,
        "its data is in other files: a, b, c, 2 more",
    );
    let none = "it is a VMDK's descriptor that names no files with data";
    assert_refused(&descriptor_image(""), DataFile, none);
    let far = format!("RW {0} FLAT \"a\" 0\nRW {0} FLAT \"a\" 0\n", u64::MAX);
    assert_refused(
        &descriptor_image(&far),
        Malformed,
        "the extents of the descriptor are too long",
    );
}

/// QEMU refuses the first and the last, and reads the others as if they were whole.
#[test]
fn a_part_of_a_disk_is_refused() {
    let lone = "it is an extent of a VMDK, without the descriptor that belongs to it: a part of a \
                disk, most likely";
    assert_refused(&vmdk_image().put(28, [0]), DataFile, lone);
    assert_refused(&vmdk_image().put(12, [0]).put(28, [0]), DataFile, lone);
    assert_refused(&vmdk_image().put(5 * 512, [0; 512]), DataFile, lone);
    let with = |extents: &str| vmdk_image().put(5 * 512, embedded(extents));
    assert_refused(
        &with("RW 10 SPARSE \"a-s001.vmdk\"\nRW 10 SPARSE \"a-s002.vmdk\"\n"),
        DataFile,
        "it is one of the 2 extents of a disk: a-s001.vmdk, a-s002.vmdk",
    );
    assert_refused(
        &with("RW 10 SPARSE \"a-s001.vmdk\"\nRDONLY 1 SPARSE \"a-s002.vmdk\"\n"),
        DataFile,
        "it is one of the 2 extents of a disk: a-s001.vmdk, a-s002.vmdk",
    );
    assert_refused(
        &with("RW 11 SPARSE \"a.vmdk\"        \n"),
        DataFile,
        "it holds 10 sectors of a disk that has 11 as its descriptor says",
    );
    assert_refused(
        &with("createType=\"twoGbMaxExtentSparse\"\n"),
        DataFile,
        "it is one extent of a disk of the kind twoGbMaxExtentSparse",
    );
    let none = "its descriptor has no CID, without which QEMU does not open it";
    assert_refused(&vmdk_image().put(5 * 512 + 32, b"XID"), Malformed, none);
    // VirtualBox rounds the capacity up to whole grains, and not the length in the descriptor.
    for extents in ["RW 9 SPARSE \"other name\"    \n", "createType=\"streamOptimized\"\n"] {
        let info = examine_disk(&with(extents).bytes).unwrap();
        assert!(info.flaws.iter().all(|flaw| flaw.kind == CdiOnly), "{:?}", info.flaws);
    }
}
