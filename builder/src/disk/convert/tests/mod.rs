use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::ThreadPoolBuilder;

use super::survey::{CLUSTER_LEN, Clusters, PLAIN, REGION, ZERO};
use super::tables::Tables;
use super::*;
use crate::disk::Extent;
use crate::disk::convert::ClusterCompression;

const PACKINGS: [ClusterCompression; 3] =
    [ClusterCompression::None, ClusterCompression::Zlib, ClusterCompression::Zstd];
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// A disk that has data at some places and zeros elsewhere, and knows it.
struct Sparse {
    len: u64,
    data: BTreeMap<u64, Vec<u8>>,
    /// How many more reads there are before all data turns into something else.
    reads: AtomicU64,
}

impl Sparse {
    fn guest(len: u64, data: impl IntoIterator<Item = (u64, Vec<u8>)>) -> Guest {
        Self::changing(len, data, u64::MAX)
    }

    fn changing(len: u64, data: impl IntoIterator<Item = (u64, Vec<u8>)>, reads: u64) -> Guest {
        Arc::new(Self { len, data: data.into_iter().collect(), reads: AtomicU64::new(reads) })
    }
}

impl ReadAt for Sparse {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        assert!(at + space.len() as u64 <= self.len, "read behind the end");
        space.fill(0);
        let changed = self.reads.fetch_sub(1, Ordering::Relaxed) == 0;
        if changed {
            self.reads.store(0, Ordering::Relaxed);
        }
        for (start, bytes) in &self.data {
            let from = at.max(*start);
            let to = (at + space.len() as u64).min(start + bytes.len() as u64);
            if from < to {
                let take = |at: u64, base: u64| usize::try_from(at - base).unwrap();
                let bytes = &bytes[take(from, *start)..take(to, *start)];
                let space = &mut space[take(from, at)..take(to, at)];
                space.copy_from_slice(bytes);
                if changed {
                    space.reverse();
                }
            }
        }
        Ok(())
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        let end = |(start, bytes): (&u64, &Vec<u8>)| start + bytes.len() as u64;
        if let Some(end) = self.data.range(..=at).next_back().map(end).filter(|end| *end > at) {
            return Ok(Extent::data(end - at));
        }
        let next = self.data.range(at..).next().map_or(self.len, |(start, _)| *start);
        Ok(Extent::zero(next - at))
    }
}

fn pool(jobs: usize) -> Arc<ThreadPool> {
    Arc::new(ThreadPoolBuilder::new().num_threads(jobs).build().unwrap())
}

fn go_on(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn plan(guest: &Guest, conversion: Conversion, jobs: usize) -> Result<Plan, ConvertError> {
    let plan = Plan::new(Arc::clone(guest), conversion, &pool(jobs), &go_on)?;
    Ok(plan.continue_value().unwrap())
}

/// Reads a converted disk as a layer does: in uneven pieces, and with holes left out.
fn read(plan: &Plan) -> Result<Vec<u8>, ConvertError> {
    let mut stream = plan.stream();
    let mut bytes = vec![0; usize::try_from(plan.len()).unwrap()];
    let mut at = 0;
    for piece in [1, 511, 70_000, 100_003].into_iter().cycle() {
        let hole = usize::try_from(stream.hole()?).unwrap();
        if hole > 0 {
            stream.skip(hole as u64);
            at += hole;
        }
        let end = bytes.len().min(at + piece);
        stream.read_exact(&mut bytes[at..end])?;
        at = end;
        if at == bytes.len() {
            break;
        }
    }
    assert!(stream.read_exact(&mut [0]).is_err(), "nothing is behind the end");
    Ok(bytes)
}

fn convert(guest: &Guest, conversion: Conversion, jobs: usize) -> Result<Vec<u8>, ConvertError> {
    read(&plan(guest, conversion, jobs)?)
}

fn all(guest: &Guest) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(guest.len()).unwrap()];
    guest.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// `len` bytes that nothing makes shorter.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()[3]
    };
    (0..len).map(|_| next()).collect()
}

fn text(seed: usize, len: usize) -> Vec<u8> {
    (0..).flat_map(|line| format!("{seed} {line}\n").into_bytes()).take(len).collect()
}

fn disks() -> Vec<(&'static str, Guest)> {
    let cluster = CLUSTER_LEN as u64;
    let mixed = (0..40_u64).map(|number| {
        let seed = usize::try_from(number).unwrap();
        let data = match number % 4 {
            0 => noise(number, CLUSTER_LEN),
            1 => text(seed, CLUSTER_LEN),
            2 => vec![0; CLUSTER_LEN],
            _ => text(seed, 300),
        };
        (number * cluster, data)
    });
    vec![
        ("one sector", Sparse::guest(512, [(0, text(1, 512))])),
        ("zeros", Sparse::guest(10 * cluster, [])),
        ("zeros that are not known to be", Sparse::guest(cluster, [(0, vec![0; CLUSTER_LEN])])),
        ("one cluster", Sparse::guest(cluster, [(0, text(1, CLUSTER_LEN))])),
        ("noise", Sparse::guest(3 * cluster, [(0, noise(1, 3 * CLUSTER_LEN))])),
        ("a sector behind a cluster", Sparse::guest(cluster + 512, [(cluster, text(1, 512))])),
        (
            "pieces",
            Sparse::guest(
                50 * cluster,
                [(5, vec![1]), (cluster - 1, vec![2; 2]), (47 * cluster + 512, text(2, 9))],
            ),
        ),
        ("mixed", Sparse::guest(41 * cluster + 1024, mixed)),
    ]
}

/// The tables of a qcow2, checked: every place is inside the file and used as often as its reference
/// count says.
struct Checked {
    virtual_size: u64,
    is_zstd: bool,
    /// By number: the entry of each cluster that has one.
    entries: BTreeMap<u64, u64>,
}

/// `file` can end where the data begins.
#[expect(clippy::too_many_lines, reason = "one table after the other")]
fn check_tables(file: &[u8], len: u64) -> Checked {
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
        for index in 0..REGION as u64 {
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
                entries.insert(region * REGION as u64 + index, entry);
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
    Checked { virtual_size: be64(24), is_zstd, entries }
}

/// Reads the disk in a qcow2.
fn unpack(file: &[u8]) -> Vec<u8> {
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

#[test]
fn every_disk_comes_out_equal() {
    for (name, guest) in disks() {
        let bytes = all(&guest);
        assert!(convert(&guest, Conversion::Raw, 2).unwrap() == bytes, "{name}");
        for packing in PACKINGS {
            let file = convert(&guest, Conversion::Qcow2(packing), 2).unwrap();
            assert!(unpack(&file) == bytes, "{name} {packing:?}");
            for jobs in [1, 3] {
                let other = convert(&guest, Conversion::Qcow2(packing), jobs).unwrap();
                assert!(file == other, "{name} {packing:?} {jobs}");
            }
        }
    }
}

/// What a file system or a format calls a hole makes no difference.
#[test]
fn holes_make_no_difference() {
    for (name, guest) in disks() {
        let dense = Sparse::guest(guest.len(), [(0, all(&guest))]);
        for packing in PACKINGS {
            let conversion = Conversion::Qcow2(packing);
            let (sparse, dense) = (convert(&guest, conversion, 2), convert(&dense, conversion, 2));
            assert!(sparse.unwrap() == dense.unwrap(), "{name} {packing:?}");
        }
    }
}

#[test]
fn a_raw_disk_keeps_its_holes() {
    let mib = 1 << 20;
    let guest = Sparse::guest(64 * mib, [(0, text(1, 10)), (40 * mib + 5, text(2, 10))]);
    let mut stream = plan(&guest, Conversion::Raw, 2).unwrap().stream();
    assert_eq!(stream.hole().unwrap(), 0);
    stream.read_exact(&mut vec![0; 1 << 20]).unwrap();
    assert_eq!(stream.hole().unwrap(), 39 * mib);
    stream.skip(39 * mib);
    assert_eq!(stream.hole().unwrap(), 0);
    stream.skip(mib);
    assert_eq!(stream.hole().unwrap(), 23 * mib);
}

/// Lengths as a survey could have found them; nothing of this size is read in a test.
#[test]
fn large_layouts_are_consistent() {
    let check = |virtual_size: u64, regions: &[(u64, Vec<u16>)], blocks: u64| {
        let lens = || regions.iter().flat_map(|(_, lens)| lens).copied();
        let clusters = Clusters {
            plain: lens().filter(|len| *len == PLAIN).count() as u64,
            packed_len: lens().filter(|len| *len != PLAIN).map(u64::from).sum(),
            regions: regions.iter().map(|(n, lens)| (*n, lens.clone().into())).collect(),
        };
        let layout = Layout::new(clusters, virtual_size, ClusterCompression::Zlib).unwrap();
        let layout = Arc::new(layout);
        let mut tables = Tables::new(&layout);
        let (mut file, mut space) = (Vec::new(), Vec::new());
        while tables.next(&mut space) {
            file.extend_from_slice(&space);
        }
        let checked = check_tables(&file, layout.len());
        assert_eq!(checked.virtual_size, virtual_size);
        assert_eq!(checked.entries.len(), lens().filter(|len| *len != ZERO).count());
        assert_eq!(layout.count_blocks, blocks);
    };
    let plain = vec![PLAIN; REGION];
    // More than one table of the first level has room for, and more counts than one block has.
    check(10 * TIB, &[(0, plain.clone()), (20_000, plain.clone())], 1);
    let many: Vec<_> = (0..9).map(|number| (number * 3, plain.clone())).collect();
    check(TIB, &many, 3);
    // A block that ends within a packed cluster, wherever that begins.
    for odd in [1, 7, 65_533] {
        let mut packed = vec![65_534; REGION];
        packed[0] = odd;
        let many: Vec<_> = (0..5).map(|number| (number, packed.clone())).collect();
        check(3 * GIB, &many, 2);
    }
    check(GIB, &[(1, vec![1; REGION])], 1);
    check(GIB, &[(1, (0..8192).map(|n| n * 7).collect())], 1);
}

/// The counts count themselves: the number of blocks is right wherever it goes up.
#[test]
fn counts_include_themselves() {
    for plain in 32_700..32_800 {
        let clusters = Clusters { regions: Vec::new(), plain, packed_len: 0 };
        let layout = Layout::new(clusters, GIB, ClusterCompression::None).unwrap();
        let counted = layout.count_blocks * 32_768;
        assert!(layout.end <= counted && layout.end + 32_768 > counted, "{plain}");
    }
}

#[test]
fn a_large_sparse_disk_takes_no_time() {
    let places = [0, 3 * GIB + 5, 512 * GIB, TIB - 512];
    let guest = Sparse::guest(TIB, places.map(|at| (at, text(1, 300))));
    for packing in PACKINGS {
        let file = convert(&guest, Conversion::Qcow2(packing), 2).unwrap();
        let checked = check_tables(&file, file.len() as u64);
        let found: Vec<u64> = checked.entries.into_keys().collect();
        assert_eq!(found, places.map(|at| at / CLUSTER_LEN as u64));
        assert!(file.len() <= 12 * CLUSTER_LEN);
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let check = |len: u64| {
        let guest = Sparse::guest(len, []);
        plan(&guest, Conversion::Qcow2(ClusterCompression::None), 1).map(|plan| plan.len())
    };
    let limit = 2 << 50;
    assert_eq!(check(limit).unwrap(), (32 << 20) + 3 * CLUSTER_LEN as u64);
    assert!(matches!(check(limit + 512), Err(ConvertError::TooLarge(_))));
    assert!(matches!(check(u64::MAX - 511), Err(ConvertError::TooLarge(_))));
}

#[test]
fn a_disk_that_changes_is_noticed() {
    let data = || (0..32).map(|number| (number << 20, text(7, 1000)));
    let conversion = Conversion::Qcow2(ClusterCompression::Zstd);
    let guest = Sparse::changing(32 << 20, data(), 40);
    let error = convert(&guest, conversion, 2).unwrap_err();
    assert!(matches!(error, ConvertError::Changed), "{error}");
}

#[test]
fn a_survey_is_told_of_and_can_be_broken_off() {
    let guest = Sparse::guest(100 << 20, [(0, text(1, 5 << 20)), (90 << 20, text(2, 5 << 20))]);
    let (seen, limit) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let progress = |len| {
        let seen = seen.fetch_add(len, Ordering::Relaxed) + len;
        if seen > limit.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let survey = || {
        let conversion = Conversion::Qcow2(ClusterCompression::Zlib);
        Plan::new(Arc::clone(&guest), conversion, &pool(2), &progress).unwrap()
    };
    assert!(survey().is_continue());
    assert_eq!(seen.swap(0, Ordering::Relaxed), guest.len());
    limit.store(3 << 20, Ordering::Relaxed);
    assert!(survey().is_break());
    assert_eq!(seen.swap(0, Ordering::Relaxed), 4 << 20);
}

/// A disk that says nonsense about itself.
struct Broken(io::ErrorKind);

impl ReadAt for Broken {
    fn len(&self) -> u64 {
        1 << 20
    }

    fn read_exact_at(&self, _: &mut [u8], _: u64) -> io::Result<()> {
        Err(self.0.into())
    }

    fn extent(&self, at: u64) -> io::Result<Extent> {
        Ok(if self.0 == io::ErrorKind::InvalidData {
            Extent::zero(0)
        } else {
            Extent::data(at + 1)
        })
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    for kind in [io::ErrorKind::InvalidData, io::ErrorKind::TimedOut] {
        let guest: Guest = Arc::new(Broken(kind));
        for conversion in [Conversion::Raw, Conversion::Qcow2(ClusterCompression::Zlib)] {
            let error = convert(&guest, conversion, 2).unwrap_err();
            assert!(matches!(&error, ConvertError::Io(error) if error.kind() == kind), "{error}");
        }
    }
}
