//! A reader of qcow2 files that checks every reference, and shares no code with the writer.

use std::collections::BTreeMap;
use std::io::Read as _;

use crate::disk::convert::cluster::{CLUSTER_LEN, REGION_CLUSTERS};

/// The tables of a qcow2, checked: every place is inside the file and used as often as its reference
/// count says.
pub(super) struct CheckedTables {
    pub(super) virtual_size: u64,
    is_zstd: bool,
    /// By number: the entry of each cluster that has one.
    pub(super) entries: BTreeMap<u64, u64>,
}

/// `file` can end where the data begins.
#[expect(clippy::too_many_lines, reason = "one table after the other")]
pub(super) fn check_tables(file: &[u8], len: u64) -> CheckedTables {
    let be32 = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    let be64 = |at: u64| {
        let at = usize::try_from(at).unwrap();
        u64::from_be_bytes(file[at..at + 8].try_into().unwrap())
    };
    let cluster = CLUSTER_LEN as u64;
    assert_eq!(&file[..8], b"QFI\xfb\0\0\0\x03");
    assert_eq!(be32(20), 16, "64 KiB");
    assert_eq!([be64(8), be64(16) >> 32, u64::from(be32(32)), u64::from(be32(60))], [0; 4]);
    assert_eq!((be32(96), be32(100)), (4, 112));
    assert_eq!(len % cluster, 0);
    let mut uses: BTreeMap<u64, u16> = BTreeMap::new();
    let mut count_use = |at: u64, count: u64| {
        assert!(count > 0 && at + count <= len, "{at}, {count}");
        for number in at / cluster..=(at + count - 1) / cluster {
            *uses.entry(number).or_default() += 1;
        }
    };
    count_use(0, cluster);
    let (first_level, first_len) = (be64(40), u64::from(be32(36)));
    count_use(first_level, first_len * 8);
    let (tables, tables_len) = (be64(48), u64::from(be32(56)));
    count_use(tables, tables_len * cluster);
    let mut entries = BTreeMap::new();
    for region in 0..first_len {
        let entry = be64(first_level + region * 8);
        if entry == 0 {
            continue;
        }
        let table = entry & !(1 << 63);
        assert!(entry >> 63 == 1 && table % cluster == 0);
        count_use(table, cluster);
        for index in 0..REGION_CLUSTERS as u64 {
            let entry = be64(table + index * 8);
            if entry >> 62 == 1 {
                let (at, sectors) = (entry & ((1 << 54) - 1), entry >> 54 & 0xff);
                let end = (at / 512 + sectors + 1) * 512;
                count_use(at, end - at);
            } else if entry != 0 {
                let at = entry & !(1 << 63);
                assert!(entry >> 63 == 1 && at % cluster == 0, "{entry:x}");
                count_use(at, cluster);
            }
            if entry != 0 {
                entries.insert(region * REGION_CLUSTERS as u64 + index, entry);
            }
        }
    }
    let blocks: Vec<u64> = (0..tables_len * cluster / 8)
        .map(|index| be64(tables + index * 8))
        .take_while(|block| *block != 0)
        .collect();
    for block in &blocks {
        count_use(*block, cluster);
    }
    let counts = cluster / 2;
    for number in 0..len / cluster {
        let block = blocks[usize::try_from(number / counts).unwrap()];
        let at = usize::try_from(block + number % counts * 2).unwrap();
        let count = u16::from_be_bytes([file[at], file[at + 1]]);
        assert_eq!(count, uses.get(&number).copied().unwrap_or_default(), "cluster {number}");
        assert!(count > 0, "cluster {number} is not used");
    }
    let is_zstd = match (be64(72), file[104]) {
        (0, 0) => false,
        (8, 1) => true,
        other => panic!("{other:?}"),
    };
    CheckedTables { virtual_size: be64(24), is_zstd, entries }
}

/// Reads the disk in a qcow2.
pub(super) fn read_disk(file: &[u8]) -> Vec<u8> {
    let checked = check_tables(file, file.len() as u64);
    let mut disk = vec![0; usize::try_from(checked.virtual_size).unwrap()];
    for (number, entry) in checked.entries {
        let at = usize::try_from(entry & ((1 << 54) - 1)).unwrap();
        let mut cluster = vec![0; CLUSTER_LEN];
        if entry >> 62 & 1 == 0 {
            cluster.copy_from_slice(&file[at..at + CLUSTER_LEN]);
        } else if checked.is_zstd {
            zstd::stream::read::Decoder::new(&file[at..])
                .unwrap()
                .read_exact(&mut cluster)
                .unwrap();
        } else {
            flate2::read::DeflateDecoder::new(&file[at..]).read_exact(&mut cluster).unwrap();
        }
        let at = usize::try_from(number).unwrap() * CLUSTER_LEN;
        let end = disk.len().min(at + CLUSTER_LEN);
        disk[at..end].copy_from_slice(&cluster[..end - at]);
        assert!(cluster[end - at..].iter().all(|byte| *byte == 0));
    }
    disk
}
