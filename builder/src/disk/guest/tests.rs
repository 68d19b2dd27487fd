//! Small disks of all formats, whole and mutilated: what is told of them, and what is read.
//! `builder/tests/guest_oracle.rs` has those that QEMU makes.

use std::sync::Arc;

use super::open;
use crate::disk::FlawKind::{
    self, BackingFile, Corrupt, DataFile, Malformed, OutsideFile, Truncated, UnknownFeature,
    Unsupported,
};
use crate::disk::{Format, ReadAt, Start, examine};

const MIB: usize = 1 << 20;

/// A file to be.
#[derive(Clone)]
struct Image {
    bytes: Vec<u8>,
    format: Format,
    /// Computes checksums anew.
    seal: fn(&mut [u8]),
}

impl Image {
    fn new(len: usize, format: Format, seal: fn(&mut [u8])) -> Self {
        Self { bytes: vec![0; len], format, seal }
    }

    fn put(mut self, at: usize, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn sealed(mut self) -> Self {
        (self.seal)(&mut self.bytes);
        self
    }

    fn cut(mut self, len: usize) -> Self {
        self.bytes.truncate(len);
        self
    }

    fn open(&self) -> Result<Box<dyn ReadAt>, String> {
        let file: Arc<dyn ReadAt> = Arc::new(self.bytes.clone());
        open(file, self.format).map_err(|error| error.to_string())
    }

    fn read(&self, at: u64, len: usize) -> Result<Vec<u8>, String> {
        let mut space = vec![0xee; len];
        let read = self.open()?.read_exact_at(&mut space, at);
        read.map(|()| space).map_err(|error| error.to_string())
    }
}

/// A disk of 3 MiB of which the second is there.
fn vdi() -> Image {
    Image::new(1024 + MIB, Format::Vdi, |_| ())
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

/// A disk of 16 sectors in blocks of 4 of which the second is there: footer, header, table at byte
/// 1536, bitmap, block, footer.
fn vhd() -> Image {
    let footer = Image::new(512, Format::Vhd, |_| ())
        .put(0, b"conectix")
        .put(16, 512_u64.to_be_bytes())
        .put(28, b"win ")
        .put(48, 8192_u64.to_be_bytes())
        .put(60, 3_u32.to_be_bytes());
    Image::new(5120, Format::Vhd, seal_vhd)
        .put(0, &footer.bytes)
        .put(512, b"cxsparse")
        .put(512 + 16, 1536_u64.to_be_bytes())
        .put(512 + 28, 4_u32.to_be_bytes())
        .put(512 + 32, 2048_u32.to_be_bytes())
        .put(1536, [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff])
        .put(1548, [0xff; 4])
        .put(2560, b"data")
        .put(4608, &footer.bytes)
        .sealed()
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

/// A disk of 3 MiB of which the second is there: headers, regions, metadata at 1 MiB, table at 2
/// MiB, block at 3 MiB.
fn vhdx() -> Image {
    let guid = |text: &str| {
        let bytes = (0..16).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap());
        bytes.collect::<Vec<_>>()
    };
    let entry = |at: usize| MIB + 32 + 32 * at;
    Image::new(4 * MIB, Format::Vhdx, seal_vhdx)
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
        .sealed()
}

fn seal_vhdx(bytes: &mut [u8]) {
    for (at, len) in [(64 << 10, 4096), (192 << 10, 64 << 10)] {
        let part = &mut bytes[at..at + len];
        part[4..8].fill(0);
        let sum = crc32c::crc32c(part);
        part[4..8].copy_from_slice(&sum.to_le_bytes());
    }
}

/// A disk of 10 sectors in grains of 2, tables of 4 grains: directory at sector 1, the first table
/// at sector 2 has the second grain at sector 3, and the third marked as zero; no second table.
fn vmdk() -> Image {
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
fn stream() -> Image {
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
fn descriptor(lines: &str) -> Image {
    let text = format!("# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n{lines}");
    let image = Image::new(text.len(), Format::Vmdk, |_| ());
    image.put(0, text)
}

#[test]
fn small_disks_are_known_and_read() {
    let check = |image: Image, size: u64, allocated: Option<u64>, data: (u64, &[u8])| {
        let format = image.format;
        let info = examine(&image.bytes).unwrap();
        assert_eq!((info.format, info.virtual_size, info.allocated), (format, size, allocated));
        let kinds: Vec<_> = info.flaws.iter().map(|flaw| flaw.kind).collect();
        assert_eq!(kinds, [FlawKind::CdiOnly], "{format}");
        let guest = image.open().unwrap();
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
    check(vdi(), 3 * mib, Some(mib), (2 * mib - 4, b"last"));
    check(vhd(), 8192, Some(2048), (2048, b"data"));
    check(vhdx(), 3 * mib, Some(mib), (mib, b"data"));
    check(vmdk(), 5120, Some(1024), (1024, b"data"));
    check(stream(), 5120, Some(1024), (1024, b"data"));
}

/// A fixed VHD is raw for QEMU, unless it is told otherwise.
#[test]
fn a_fixed_vhd_is_read_without_its_footer() {
    let mut footer = vhd().put(63, [2]).put(48, 1024_u64.to_be_bytes()).sealed().bytes;
    footer.truncate(512);
    let bytes = [&[0; 1020], &b"last"[..], &footer].concat();
    let image = Image { bytes, ..vhd() };
    assert_eq!(image.open().unwrap().len(), 1024);
    assert_eq!(image.read(1020, 4).unwrap(), b"last");
}

#[test]
fn the_size_of_a_vhd_is_what_its_maker_means() {
    let check = |maker: &[u8; 4], geometry: [u8; 4], size: u64| {
        let image = vhd().put(28, maker).put(56, geometry).sealed();
        assert_eq!(examine(&image.bytes).unwrap().virtual_size, size, "{maker:?} {geometry:?}");
    };
    for maker in [b"win ", b"qem2", b"d2v ", b"CTXS", b"tap\0", b"tapx", b"wa\0\0"] {
        check(maker, [0, 1, 2, 3], 8192);
    }
    for maker in [b"vpc ", b"qemu", b"vbox"] {
        check(maker, [0, 1, 2, 3], 3072);
        check(maker, [0xff, 0xff, 16, 255], 8192);
    }
}

/// What is told of disks that are only what differs from another.
const PARENT: &str = "what is not in it is in another disk, its parent";

/// Checks that one thing is told of a disk, and that it is not opened for this reason.
fn refused(image: &Image, kind: FlawKind, detail: &str) {
    let info = examine(&image.bytes).unwrap();
    let flaws = info.flaws.iter().filter(|flaw| flaw.kind != FlawKind::CdiOnly);
    let flaws: Vec<_> = flaws.map(|flaw| (flaw.kind, &flaw.detail[..])).collect();
    assert_eq!(flaws, [(kind, detail)]);
    assert_eq!(image.open().err().as_deref(), Some(detail));
}

#[test]
fn what_is_wrong_with_the_header_of_a_vdi_is_told() {
    let one = 1_u32.to_le_bytes();
    refused(&vdi().put(68, one), UnknownFeature, "the header is of version 0.1, known is 1.1");
    refused(&vdi().put(360, one), UnknownFeature, "its sectors are of 1 bytes, not 512");
    let blocks = "its blocks are of 1048576 and 1 bytes, known are those of 1048576 and 0";
    refused(&vdi().put(380, one), UnknownFeature, blocks);
    let place = "the table at byte 1 or the data at byte 1024 begin within a sector";
    refused(&vdi().put(340, one), Malformed, place);
    let size = "a disk of 3145729 bytes does not fit into its 3 blocks";
    refused(&vdi().put(368, [1]), Malformed, size);
    let table = "the table of 3 blocks at byte 4294966784 exceeds the file";
    refused(&vdi().put(340, 0xffff_fe00_u32.to_le_bytes()), OutsideFile, table);
    refused(&vdi().put(440, [1]), BackingFile, PARENT);
    refused(
        &vdi().cut(500),
        OutsideFile,
        "the header at byte 0 lies outside the file of 500 bytes",
    );
}

#[test]
fn what_is_wrong_with_the_header_of_a_vhd_is_told() {
    refused(&vhd().put(100, [1]), Corrupt, "the checksum of the footer is wrong");
    refused(&vhd().put(700, [1]), Corrupt, "the checksum of the dynamic disk's header is wrong");
    refused(&vhd().put(63, [4]).sealed(), BackingFile, PARENT);
    let kind = "it is a disk of the unknown type 5";
    refused(&vhd().put(63, [5]).sealed(), UnknownFeature, kind);
    let size = "a disk of 549755813904 sectors is larger than the format allows";
    refused(&vhd().put(49, [1]).sealed(), Malformed, size);
    let header = "there is no header of a dynamic disk at byte 512";
    refused(&vhd().put(512, b"x").sealed(), Malformed, header);
    let header = "the header of a dynamic disk at byte 65536 lies outside the file of 5120 bytes";
    refused(&vhd().put(16, 65536_u64.to_be_bytes()).sealed(), OutsideFile, header);
    let blocks = "blocks of 2049 bytes are no power of two";
    refused(&vhd().put(512 + 35, [1]).sealed(), Malformed, blocks);
    let entries = "a disk of 8192 bytes does not fit into 3 blocks of 2048 bytes";
    refused(&vhd().put(512 + 31, [3]).sealed(), Malformed, entries);
    let table = "the table of 4 blocks at byte 67072 exceeds the file";
    refused(&vhd().put(512 + 21, [1]).sealed(), OutsideFile, table);
    let fixed = "the disk has 8192 bytes, of which 4608 are there";
    refused(&vhd().put(63, [2]).sealed(), Truncated, fixed);
}

#[test]
fn what_is_wrong_with_the_header_of_a_vhdx_is_told() {
    let headers = "neither of its headers has a right checksum";
    refused(&vhdx().put(65600, [1]), Corrupt, headers);
    let regions = "the checksum of the table of regions is wrong";
    refused(&vhdx().put(197_000, [1]), Corrupt, regions);
    let region = 192 << 10;
    let unknown = "it has a region that is required and that nobody knows";
    refused(&vhdx().put(region + 16, [0]).put(region + 44, [1]).sealed(), UnknownFeature, unknown);
    let missing = "it has no table of blocks, or no metadata";
    refused(&vhdx().put(region + 16, [0]).sealed(), Malformed, missing);
    let over = "the region at byte 0 is there twice, or over the headers";
    refused(&vhdx().put(region + 32, [0; 8]).sealed(), Malformed, over);
    let many = "a table says that it has 2049 entries, more than it can have";
    refused(&vhdx().put(region + 8, [1, 8]).sealed(), Malformed, many);
    let metadata = "there are no metadata at byte 1048576";
    refused(&vhdx().put(MIB, b"x"), Malformed, metadata);
    let item = "it has an item of the metadata that is required and that nobody knows";
    refused(&vhdx().put(MIB + 32, [0]).put(MIB + 56, [4]), UnknownFeature, item);
    let blocks = "blocks of 1048577 bytes are not allowed";
    refused(&vhdx().put(MIB + 0x1_0000, [1]), Malformed, blocks);
    let size = "a disk of 3145729 bytes in sectors of 512 bytes is not allowed";
    refused(&vhdx().put(MIB + 0x1_0008, [1]), Malformed, size);
    refused(&vhdx().put(MIB + 0x1_0004, [2]), BackingFile, PARENT);
    let sectors = "its sectors are of 4096 bytes, which QEMU does not take";
    refused(&vhdx().put(MIB + 0x1_0010, 4096_u32.to_le_bytes()), Unsupported, sectors);
    let table = "the table of 1048579 blocks at byte 2097152 is not all there";
    refused(&vhdx().put(MIB + 0x1_0008 + 5, [1]), OutsideFile, table);
    let log = vhdx().put(65536 + 48, [9; 16]).put(65536 + 68, u32::MAX.to_le_bytes()).sealed();
    let detail = "the log of 4294967295 bytes at byte 0 is not all there, or too long";
    refused(&log, OutsideFile, detail);
    let log = log.put(65536 + 68, 8192_u32.to_le_bytes()).sealed();
    let log = log.put(65536 + 72, (3_u64 << 20).to_le_bytes()).sealed();
    let replay = log.put(3 * MIB + 4096, b"loge").put(3 * MIB + 4096 + 32, [9; 16]);
    refused(&replay, Corrupt, "its log holds changes that are not in the disk yet");
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

#[test]
fn what_is_wrong_with_a_table_is_told_where_it_is_met() {
    let check = |image: Image, at: u64, expected: &str| {
        assert_eq!(image.read(at, 16).unwrap_err(), expected);
        let error = image.open().unwrap().extent(at).err().map(|error| error.to_string());
        assert!(error.is_none_or(|error| error == expected));
    };
    let mib = MIB as u64;
    let block = "block 1 at byte 9438208 lies outside the file";
    check(vdi().put(516, [9]), mib, block);
    check(vhd().put(1543, [9]), 2048, "block 1 at byte 5120 lies outside the file");
    let block = "block 1 at byte 68722622464 lies outside the file";
    check(vhdx().put(2 * MIB + 12, [16]), mib, block);
    check(vhdx().put(2 * MIB + 8, [7]), mib, "block 1 is in the unknown state 7");
    check(vmdk().put(1028, [99]), 1024, "grain 1 at byte 50688 lies outside the file");
    let table = "entry 1 of the table of grains at byte 50688 lies outside the file";
    check(vmdk().put(512, [99]), 1024, table);
    let damaged = "the compressed block at byte 1536 (for byte 1024 of the disk) ";
    check(stream().put(1550, [0xff; 8]), 1024, &format!("{damaged}cannot be unpacked"));
    let long = format!("{damaged}is longer than a block can be");
    check(stream().put(1546, [1]), 1024, &long);
    let marker = "the compressed block at byte 4088 (for byte 1024 of the disk) has no marker";
    let image = stream().cut(4090);
    let image = Image { bytes: image.bytes, ..image };
    assert!(image.open().is_err(), "{marker}");
    // Read as far as it is good all the same.
    assert_eq!(vmdk().put(1028, [99]).read(0, 1024).unwrap(), vec![0; 1024]);
}

/// A disk whose first bytes only are to be had.
#[test]
fn a_start_tells_what_it_can() {
    for image in [vdi(), vhd(), vhdx(), vmdk(), descriptor("RW 1 FLAT \"a\" 0\n")] {
        for len in [512, 4096, 2 * MIB, 3 * MIB] {
            let bytes = &image.bytes[..len.min(image.bytes.len())];
            let info = examine(&Start { bytes, len: image.bytes.len() as u64 }).unwrap();
            assert_eq!(info.format, image.format, "{len} bytes");
            let wrong = |kind| !matches!(kind, FlawKind::CdiOnly | FlawKind::DataFile);
            assert!(!info.flaws.iter().any(|flaw| wrong(flaw.kind)), "{:?}", info.flaws);
        }
    }
}
