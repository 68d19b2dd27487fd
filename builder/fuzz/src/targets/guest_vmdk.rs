//! A VMDK of which any bits are changed, sparse or a stream, is read or refused.

use std::sync::Arc;

use super::guest::{Sparse, check, read_some};
use diskette_builder::disk::{DiskFormat, ReadAt};
use diskette_builder::fuzzing::open_split_vmdk;

/// "data" and zeros up to 1024 bytes, as zlib packs them.
const PACKED: &[u8] =
    b"\x78\xda\x4b\x49\x2c\x49\x64\x18\x05\xa3\x60\x14\x8c\x48\x00\x00\x69\xee\x01\x9b";

/// Runs the target.
pub fn run(input: &[u8]) {
    let Some((kind, input)) = input.split_first() else { return };
    if kind % 3 == 2 {
        return run_sesparse(input);
    }
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

/// An extent of ESX from version 6 on, with two grains and a grain of zeros.
fn run_sesparse(input: &[u8]) {
    const DESCRIPTOR: &[u8] =
        b"# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n\
        RW 16384 SESPARSE \"a.vmdk\"\nRW 16384 VMFSSPARSE \"a.vmdk\"\n";
    // Sectors: the volatile header at 1, the directory at 2, tables at 8, grains at 72.
    let header: [(usize, &[u8]); 9] = [
        (0, b"\xbe\xba\xfe\xca\0\0\0\0\x01\0\0\0\x02\0\0\0"),
        (16, &[0, 0x80]),
        (24, &[8]),
        (32, &[64]),
        (80, &[1]),
        (128, &[2]),
        (136, &[1]),
        (144, &[8]),
        (192, &[72]),
    ];
    let volatile: [(usize, &[u8]); 2] = [(0, b"\xfe\xca\xfe\xca"), (512 + 7, &[0x10])];
    let table: [(usize, &[u8]); 4] = [(7, &[0x30]), (15, &[0x20]), (23, &[0x10]), (30, &[1, 0x30])];
    let file: Arc<dyn ReadAt> = Arc::new(
        Sparse::new(1 << 20, &[(0, 208, &header), (512, 520, &volatile), (4096, 64, &table)])
            .change(input),
    );
    // The extents that the descriptor names may not be what it says.
    for end in [DESCRIPTOR.len(), DESCRIPTOR.len() - 30] {
        let disk = open_split_vmdk(&DESCRIPTOR[..end], Arc::clone(&file));
        disk.iter().for_each(|disk| read_some(&**disk));
    }
}
