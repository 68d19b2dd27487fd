//! Small disks of all formats: what is told of them, and what is read.
//! `builder/tests/guest_oracle.rs` has those that QEMU makes.

use crate::disk::test_image::{DiskImage, MIB};
use crate::disk::vdi::tests::vdi_image;
use crate::disk::vhd::tests::vhd_image;
use crate::disk::vhdx::tests::vhdx_image;
use crate::disk::vmdk::tests::{descriptor_image, stream_optimized_image, vmdk_image};
use crate::disk::{DiskStart, FlawKind, examine_disk};

#[test]
fn small_disks_are_examined_and_read() {
    let check = |image: DiskImage, size: u64, allocated: Option<u64>, data: (u64, &[u8])| {
        let format = image.format;
        let info = examine_disk(&image.bytes).unwrap();
        assert_eq!((info.format, info.virtual_size, info.allocated), (format, size, allocated));
        let kinds: Vec<_> = info.flaws.iter().map(|flaw| flaw.kind).collect();
        assert_eq!(kinds, [FlawKind::CdiOnly], "{format}");
        let guest = image.open_guest().unwrap();
        let mut expected = vec![0; usize::try_from(size).unwrap()];
        let at = usize::try_from(data.0).unwrap();
        expected[at..at + data.1.len()].copy_from_slice(data.1);
        for step in [512, 700, 4096, expected.len()] {
            for (number, expected) in expected.chunks(step).enumerate() {
                let mut space = vec![0xee; expected.len()];
                guest.read_exact_at(&mut space, (number * step) as u64).unwrap();
                assert!(space == expected, "{format}, {step} bytes, piece {number}");
            }
        }
        let error = guest.read_exact_at(&mut [0; 2], size - 1).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
        assert_eq!(guest.extent(size).unwrap().len, 0);
    };
    let mib = MIB as u64;
    check(vdi_image(), 3 * mib, Some(mib), (2 * mib - 4, b"last"));
    check(vhd_image(), 8192, Some(2048), (2048, b"data"));
    check(vhdx_image(), 3 * mib, Some(mib), (mib, b"data"));
    check(vmdk_image(), 5120, Some(1024), (1024, b"data"));
    check(stream_optimized_image(), 5120, Some(1024), (1024, b"data"));
}

#[test]
fn flaws_of_a_table_are_reported_when_it_is_read() {
    let check = |image: DiskImage, at: u64, expected: &str| {
        assert_eq!(image.read_guest(at, 16).unwrap_err(), expected);
        let error = image.open_guest().unwrap().extent(at).err().map(|error| error.to_string());
        assert!(error.is_none_or(|error| error == expected));
    };
    let mib = MIB as u64;
    let block = "block 1 at byte 9438208 lies outside the file";
    check(vdi_image().put(516, [9]), mib, block);
    check(vhd_image().put(1543, [9]), 2048, "block 1 at byte 5120 lies outside the file");
    let block = "block 1 at byte 68722622464 lies outside the file";
    check(vhdx_image().put(2 * MIB + 12, [16]), mib, block);
    check(vhdx_image().put(2 * MIB + 8, [7]), mib, "block 1 is in the unknown state 7");
    check(vmdk_image().put(1028, [99]), 1024, "grain 1 at byte 50688 lies outside the file");
    let table = "entry 1 of the table of grains at byte 50688 lies outside the file";
    check(vmdk_image().put(512, [99]), 1024, table);
    let damaged = "the compressed block at byte 1536 (for byte 1024 of the disk) ";
    check(
        stream_optimized_image().put(1550, [0xff; 8]),
        1024,
        &format!("{damaged}cannot be unpacked"),
    );
    let long = format!("{damaged}is longer than a block can be");
    check(stream_optimized_image().put(1546, [1]), 1024, &long);
    let marker = "the compressed block at byte 4088 (for byte 1024 of the disk) has no marker";
    let image = stream_optimized_image().truncated(4090);
    assert!(image.open_guest().is_err(), "{marker}");
    // Read as far as it is good all the same.
    assert_eq!(vmdk_image().put(1028, [99]).read_guest(0, 1024).unwrap(), vec![0; 1024]);
}

/// A disk whose first bytes only are to be had.
#[test]
fn format_is_known_from_the_first_bytes() {
    for image in [
        vdi_image(),
        vhd_image(),
        vhdx_image(),
        vmdk_image(),
        descriptor_image("RW 1 FLAT \"a\" 0\n"),
    ] {
        for len in [512, 4096, 2 * MIB, 3 * MIB] {
            let bytes = &image.bytes[..len.min(image.bytes.len())];
            let info = examine_disk(&DiskStart { bytes, len: image.bytes.len() as u64 }).unwrap();
            assert_eq!(info.format, image.format, "{len} bytes");
            let wrong = |kind| !matches!(kind, FlawKind::CdiOnly | FlawKind::DataFile);
            assert!(!info.flaws.iter().any(|flaw| wrong(flaw.kind)), "{:?}", info.flaws);
        }
    }
}
