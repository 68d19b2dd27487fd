//! Small VMDKs, whole and mutilated.

use crate::disk::FlawKind::{
    BackingFile, DataFile, Malformed, OutsideFile, Truncated, UnknownFeature, Unsupported,
};
use crate::disk::test_image::{Image, refused};
use crate::disk::{Format, examine};

/// A disk of 10 sectors in grains of 2, tables of 4 grains: directory at sector 1, the first table
/// at sector 2 has the second grain at sector 3, and the third marked as zero; no second table.
pub(in crate::disk) fn vmdk() -> Image {
    Image::new(5 * 512, Format::Vmdk, |_| ())
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
pub(in crate::disk) fn stream() -> Image {
    let mut grain = vec![0; 1024];
    grain[..4].copy_from_slice(b"data");
    let packed = zlib(&grain);
    let header = vmdk().put(8, 0x3_0005_u32.to_le_bytes()).put(77, [1]).bytes;
    let image = Image::new(8 * 512, Format::Vmdk, |_| ())
        .put(0, &header[..1536])
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

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut packed = vec![0; compressor.zlib_compress_bound(bytes.len())];
    let len = compressor.zlib_compress(bytes, &mut packed).unwrap();
    packed.truncate(len);
    packed
}

/// A descriptor of a disk in two other files.
pub(in crate::disk) fn descriptor(lines: &str) -> Image {
    let text = format!("# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n{lines}");
    let image = Image::new(text.len(), Format::Vmdk, |_| ());
    image.put(0, text)
}

#[test]
fn what_is_wrong_with_the_header_of_a_vmdk_is_told() {
    refused(&vmdk().put(4, [4]), UnknownFeature, "the header is of version 4, known are 1 to 3");
    let algorithm = "its grains are compressed in the unknown way 2";
    refused(&vmdk().put(77, [2]), UnknownFeature, algorithm);
    let none = "its grains are compressed, but in no way that it tells";
    refused(&vmdk().put(10, [1]), Malformed, none);
    refused(&vmdk().put(45, [4]), Malformed, "tables of 1028 grains are not allowed");
    refused(&vmdk().put(20, [0]), Malformed, "grains of 0 sectors are not allowed");
    let large = "a disk of 72057594037927946 sectors is too large";
    refused(&vmdk().put(19, [1]), Malformed, large);
    let directory = "the directory of 2 tables at byte 33554944 exceeds the file";
    refused(&vmdk().put(58, [1]), OutsideFile, directory);
    refused(&vmdk().put(64, [6]), Truncated, "it ends before sector 6, where its data begins");
    let text = "the descriptor at sector 99 lies outside the file";
    refused(&vmdk().put(28, [99]), OutsideFile, text);
    let delta = vmdk().put(28, [4]).put(36, [1]).put(2048, b"parentFileNameHint=\"base.vmdk\"\n");
    refused(&delta, BackingFile, "what is not in it is in its parent, base.vmdk");
    refused(&stream().cut(7 * 512), Truncated, "the header that belongs at its end is missing");
    let esx = "it is an extent of VMware ESX, without the descriptor that belongs to it";
    refused(&vmdk().put(0, b"COWD"), Unsupported, esx);
    refused(&vmdk().put(0, b"\xbe\xba\xfe\xca\0\0\0\0\x01\0\0\0\x02"), Unsupported, esx);
    let flat = descriptor("RW 2048 FLAT \"a.vmdk\" 0\r\nRW 10 SPARSE \"b.vmdk\"\n");
    assert_eq!(examine(&flat.bytes).unwrap().virtual_size, 2058 * 512);
    refused(&flat, DataFile, "its data is in other files: a.vmdk, b.vmdk");
    let many = ["a", "b", "c", "d", "e"].map(|name| format!("RW 1 FLAT \"{name}\" 0\n")).concat();
    refused(&descriptor(&many), DataFile, "its data is in other files: a, b, c, 2 more");
    let none = "it is a VMDK's descriptor that names no files with data";
    refused(&descriptor(""), DataFile, none);
    let far = format!("RW {0} FLAT \"a\" 0\nRW {0} FLAT \"a\" 0\n", u64::MAX);
    refused(&descriptor(&far), Malformed, "the extents of the descriptor are too long");
}
