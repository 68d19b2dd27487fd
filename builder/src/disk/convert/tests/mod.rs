//! Small disks are converted and read back; of large ones the layouts are checked.

mod disks;
mod qcow2;

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::ThreadPoolBuilder;

use self::disks::{SparseDisk, test_disks, text_bytes};
use self::qcow2::{check_tables, read_disk};
use super::cluster::{CLUSTER_LEN, REGION_CLUSTERS, UNCOMPRESSED, ZERO};
use super::survey::ClusterMap;
use super::tables::TableWriter;
use super::*;
use crate::disk::convert::ClusterCompression;
use crate::disk::extent::Extent;

const COMPRESSIONS: [ClusterCompression; 3] =
    [ClusterCompression::None, ClusterCompression::Zlib, ClusterCompression::Zstd];
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

fn new_pool(jobs: usize) -> Arc<ThreadPool> {
    Arc::new(ThreadPoolBuilder::new().num_threads(jobs).build().unwrap())
}

fn always_continue(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn plan_conversion(
    guest: &Guest,
    conversion: Conversion,
    jobs: usize,
) -> Result<ConversionPlan, ConvertError> {
    let plan =
        ConversionPlan::new(Arc::clone(guest), conversion, &new_pool(jobs), &always_continue)?;
    Ok(plan.continue_value().unwrap())
}

/// Reads a converted disk as a layer does: in uneven pieces, and with holes left out.
fn read_converted(plan: &ConversionPlan) -> Result<Vec<u8>, ConvertError> {
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

fn convert_disk(
    guest: &Guest,
    conversion: Conversion,
    jobs: usize,
) -> Result<Vec<u8>, ConvertError> {
    read_converted(&plan_conversion(guest, conversion, jobs)?)
}

fn read_guest(guest: &Guest) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(guest.len()).unwrap()];
    guest.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn converted_disks_have_the_same_content() {
    for (name, guest) in test_disks() {
        let bytes = read_guest(&guest);
        assert!(convert_disk(&guest, Conversion::Raw, 2).unwrap() == bytes, "{name}");
        for packing in COMPRESSIONS {
            let file = convert_disk(&guest, Conversion::Qcow2(packing), 2).unwrap();
            assert!(read_disk(&file) == bytes, "{name} {packing:?}");
            for jobs in [1, 3] {
                let other = convert_disk(&guest, Conversion::Qcow2(packing), jobs).unwrap();
                assert!(file == other, "{name} {packing:?} {jobs}");
            }
        }
    }
}

/// What a file system or a format calls a hole makes no difference.
#[test]
fn holes_do_not_change_the_result() {
    for (name, guest) in test_disks() {
        let dense = SparseDisk::new_guest(guest.len(), [(0, read_guest(&guest))]);
        for packing in COMPRESSIONS {
            let conversion = Conversion::Qcow2(packing);
            let (sparse, dense) =
                (convert_disk(&guest, conversion, 2), convert_disk(&dense, conversion, 2));
            assert!(sparse.unwrap() == dense.unwrap(), "{name} {packing:?}");
        }
    }
}

#[test]
fn a_raw_disk_keeps_its_holes() {
    let mib = 1 << 20;
    let guest = SparseDisk::new_guest(
        64 * mib,
        [(0, text_bytes(1, 10)), (40 * mib + 5, text_bytes(2, 10))],
    );
    let mut stream = plan_conversion(&guest, Conversion::Raw, 2).unwrap().stream();
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
        let clusters = ClusterMap {
            uncompressed: lens().filter(|len| *len == UNCOMPRESSED).count() as u64,
            compressed_len: lens().filter(|len| *len != UNCOMPRESSED).map(u64::from).sum(),
            regions: regions.iter().map(|(n, lens)| (*n, lens.clone().into())).collect(),
        };
        let layout = Layout::new(clusters, virtual_size, ClusterCompression::Zlib).unwrap();
        let layout = Arc::new(layout);
        let mut tables = TableWriter::new(&layout);
        let (mut file, mut space) = (Vec::new(), Vec::new());
        while tables.write_next(&mut space) {
            file.extend_from_slice(&space);
        }
        let checked = check_tables(&file, layout.len());
        assert_eq!(checked.virtual_size, virtual_size);
        assert_eq!(checked.entries.len(), lens().filter(|len| *len != ZERO).count());
        assert_eq!(layout.refcount_blocks, blocks);
    };
    let plain = vec![UNCOMPRESSED; REGION_CLUSTERS];
    // More than one table of the first level has room for, and more counts than one block has.
    check(10 * TIB, &[(0, plain.clone()), (20_000, plain.clone())], 1);
    let many: Vec<_> = (0..9).map(|number| (number * 3, plain.clone())).collect();
    check(TIB, &many, 3);
    // A block that ends within a packed cluster, wherever that begins.
    for odd in [1, 7, 65_533] {
        let mut packed = vec![65_534; REGION_CLUSTERS];
        packed[0] = odd;
        let many: Vec<_> = (0..5).map(|number| (number, packed.clone())).collect();
        check(3 * GIB, &many, 2);
    }
    check(GIB, &[(1, vec![1; REGION_CLUSTERS])], 1);
    check(GIB, &[(1, (0..8192).map(|n| n * 7).collect())], 1);
}

/// The counts count themselves: the number of blocks is right wherever it goes up.
#[test]
fn refcounts_include_their_own_clusters() {
    for plain in 32_700..32_800 {
        let clusters = ClusterMap { regions: Vec::new(), uncompressed: plain, compressed_len: 0 };
        let layout = Layout::new(clusters, GIB, ClusterCompression::None).unwrap();
        let counted = layout.refcount_blocks * 32_768;
        assert!(layout.end <= counted && layout.end + 32_768 > counted, "{plain}");
    }
}

#[test]
fn large_sparse_disk_is_converted_quickly() {
    let places = [0, 3 * GIB + 5, 512 * GIB, TIB - 512];
    let guest = SparseDisk::new_guest(TIB, places.map(|at| (at, text_bytes(1, 300))));
    for packing in COMPRESSIONS {
        let file = convert_disk(&guest, Conversion::Qcow2(packing), 2).unwrap();
        let checked = check_tables(&file, file.len() as u64);
        let found: Vec<u64> = checked.entries.into_keys().collect();
        assert_eq!(found, places.map(|at| at / CLUSTER_LEN as u64));
        assert!(file.len() <= 12 * CLUSTER_LEN);
    }
}

#[test]
fn disks_too_large_for_qcow2_are_refused() {
    let check = |len: u64| {
        let guest = SparseDisk::new_guest(len, []);
        plan_conversion(&guest, Conversion::Qcow2(ClusterCompression::None), 1)
            .map(|plan| plan.len())
    };
    let limit = 2 << 50;
    assert_eq!(check(limit).unwrap(), (32 << 20) + 3 * CLUSTER_LEN as u64);
    assert!(matches!(check(limit + 512), Err(ConvertError::TooLarge(_))));
    assert!(matches!(check(u64::MAX - 511), Err(ConvertError::TooLarge(_))));
}

#[test]
fn disk_that_changes_is_refused() {
    let data = || (0..32).map(|number| (number << 20, text_bytes(7, 1000)));
    let conversion = Conversion::Qcow2(ClusterCompression::Zstd);
    let guest = SparseDisk::new_changing_guest(32 << 20, data(), 40);
    let error = convert_disk(&guest, conversion, 2).unwrap_err();
    assert!(matches!(error, ConvertError::Changed), "{error}");
}

#[test]
fn survey_reports_progress_and_can_be_cancelled() {
    let guest = SparseDisk::new_guest(
        100 << 20,
        [(0, text_bytes(1, 5 << 20)), (90 << 20, text_bytes(2, 5 << 20))],
    );
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
        ConversionPlan::new(Arc::clone(&guest), conversion, &new_pool(2), &progress).unwrap()
    };
    assert!(survey().is_continue());
    assert_eq!(seen.swap(0, Ordering::Relaxed), guest.len());
    limit.store(3 << 20, Ordering::Relaxed);
    assert!(survey().is_break());
    assert_eq!(seen.swap(0, Ordering::Relaxed), 4 << 20);
}

/// A disk that says nonsense about itself.
struct BrokenDisk(io::ErrorKind);

impl ReadAt for BrokenDisk {
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
fn read_errors_are_returned() {
    for kind in [io::ErrorKind::InvalidData, io::ErrorKind::TimedOut] {
        let guest: Guest = Arc::new(BrokenDisk(kind));
        for conversion in [Conversion::Raw, Conversion::Qcow2(ClusterCompression::Zlib)] {
            let error = convert_disk(&guest, conversion, 2).unwrap_err();
            assert!(matches!(&error, ConvertError::Io(error) if error.kind() == kind), "{error}");
        }
    }
}
