//! *Enlarging* a qcow2 file by changes of its header and its L1 table, as `qemu-img resize` does
//! (`qcow2_co_truncate` in QEMU's `block/qcow2.c`). The other bytes stay as they are.

use super::entry::OFFSET;
use super::header::{L1_LEN_MAX, Qcow2Compression, Qcow2Header, Qcow2Table, VERSION_2, field};
use super::regions::L1;
use super::{CompressedCluster, ENTRY, ENTRY_LEN};
use crate::disk::bytes::{be64, fill_part};
use crate::disk::patched::Patch;
use crate::disk::sector::SECTOR_LEN;
use crate::disk::{Fault, ReadAt, is_zero};

/// How many bytes of the L1 table, and how many L2 tables, are searched for compressed clusters.
const L1_SEARCHED: u64 = 64 << 10;
const TABLES_SEARCHED: usize = 8;

/// Returns the changes of a file whose disk gets `len` bytes. Returns `None` if they do not suffice:
/// the L1 table has no room, or other parts depend on the size.
pub(in crate::disk) fn enlarge_in_place(
    file: &dyn ReadAt,
    len: u64,
) -> Result<Option<Vec<Patch>>, Fault> {
    let header = Qcow2Header::read(file)?;
    if header.size == len {
        return Ok(Some(Vec::new()));
    }
    if !depends_on_tables_alone(&header) || !len.is_multiple_of(SECTOR_LEN) {
        return Ok(None);
    }
    let size = Patch { at: field::SIZE as u64, bytes: len.to_be_bytes().to_vec() };
    let used = header.size.div_ceil(header.l2_reach());
    let needed = len.div_ceil(header.l2_reach());
    let Qcow2Table { at, entries } = header.l1;
    // Entries behind the end of the disk can be those of a saved machine.
    let kept = needed.min(entries.into());
    if needed * ENTRY_LEN > L1_LEN_MAX || !is_range_zero(file, at, used..kept)? {
        return Ok(None);
    }
    if needed <= u64::from(entries) {
        return Ok(Some(vec![size]));
    }
    let table_end = at + u64::from(entries) * ENTRY_LEN;
    let room_end = table_end.next_multiple_of(header.cluster_size());
    let (Ok(count), end) = (u32::try_from(needed), at + needed * ENTRY_LEN) else {
        return Ok(None);
    };
    if entries == 0 || end > room_end {
        return Ok(None);
    }
    let added = usize::try_from(end - table_end).unwrap_or_default();
    Ok(Some(vec![
        size,
        Patch { at: field::L1_ENTRIES as u64, bytes: count.to_be_bytes().to_vec() },
        Patch { at: table_end, bytes: vec![0; added] },
    ]))
}

/// Returns whether only header and tables have to be changed: no snapshots of version 2, whose size
/// is that of the disk, no bitmaps, and no bytes of the last cluster behind the end of the disk.
fn depends_on_tables_alone(header: &Qcow2Header) -> bool {
    header.size.is_multiple_of(header.cluster_size())
        && (header.version > VERSION_2 || header.snapshot_count == 0)
        && header.autoclear == 0
        && !header.is_dirty()
        && !header.is_corrupt()
}

/// Returns whether these entries of a table are zero.
fn is_range_zero(file: &dyn ReadAt, at: u64, entries: std::ops::Range<u64>) -> Result<bool, Fault> {
    if entries.is_empty() {
        return Ok(true);
    }
    let len = (entries.end - entries.start) * ENTRY_LEN;
    // The table has at most 32 MiB.
    let mut space = vec![0; usize::try_from(len).unwrap_or_default()];
    fill_part(file, &mut space, at.saturating_add(entries.start * ENTRY_LEN), L1)?;
    Ok(is_zero(&space))
}

/// Returns the compression of the clusters, if any of those in the first tables is compressed.
pub(in crate::disk) fn find_compression(
    file: &dyn ReadAt,
) -> Result<Option<Qcow2Compression>, Fault> {
    let header = Qcow2Header::read(file)?;
    let len = header.l1.len().min(L1_SEARCHED);
    let mut first = vec![0; usize::try_from(len).unwrap_or_default()];
    fill_part(file, &mut first, header.l1.at, L1)?;
    let entries = first.chunks_exact(ENTRY).map(|entry| be64(entry, 0) & OFFSET);
    // A cluster has at most 2 MiB.
    let mut table = vec![0; usize::try_from(header.cluster_size()).unwrap_or_default()];
    let step = usize::try_from(header.l2_entry_len()).unwrap_or(ENTRY);
    for at in entries.filter(|at| *at != 0).take(TABLES_SEARCHED) {
        fill_part(file, &mut table, at, "an L2 table")?;
        let mut entries = table.chunks_exact(step).map(|entry| be64(entry, 0));
        let is_compressed =
            |entry| CompressedCluster::from_entry(entry, header.cluster_bits).is_some();
        if entries.any(is_compressed) {
            return Ok(Some(header.compression));
        }
    }
    Ok(None)
}
