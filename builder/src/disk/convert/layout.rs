//! The *layout* of a qcow2 file: all tables come first, then the uncompressed clusters, then the
//! compressed ones without gaps.
//!
//! The format: <https://www.qemu.org/docs/master/interop/qcow2.html>.

use super::cluster::{CLUSTER_BITS, CLUSTER_LEN, REGION_CLUSTERS};
use super::survey::ClusterMap;
use super::{ClusterCompression, ConvertError};
use crate::disk::qcow2::{ENTRY_LEN, L1_LEN_MAX, REFCOUNT_ORDER};

/// Number of clusters that one block of reference counts covers.
pub(super) const REFCOUNTS_PER_BLOCK: usize = (CLUSTER_LEN * 8) >> REFCOUNT_ORDER;

/// Maximum number of entries of an L1 table in QEMU.
const L1_ENTRIES_MAX: u64 = L1_LEN_MAX / ENTRY_LEN;

/// The layout of a qcow2 file. Offsets and lengths are in clusters, unless stated otherwise.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) clusters: ClusterMap,
    pub(super) compression: ClusterCompression,
    /// Size of the disk in bytes.
    pub(super) virtual_size: u64,
    /// Number of entries of the L1 table.
    pub(super) l1_entries: u64,
    /// Length of the table of the blocks of reference counts, which begins at cluster 1.
    pub(super) refcount_table_len: u64,
    /// Number of blocks of reference counts, which follow their table.
    pub(super) refcount_blocks: u64,
    /// Offset of the L1 table.
    pub(super) l1_table_at: u64,
    /// Offset of the L2 tables, one for each region with data.
    pub(super) l2_tables_at: u64,
    /// Offset of the uncompressed clusters, which follow the tables.
    pub(super) uncompressed_at: u64,
    /// Offset of the compressed clusters.
    pub(super) compressed_at: u64,
    /// End of the file.
    pub(super) end: u64,
}

impl Layout {
    pub(super) fn new(
        clusters: ClusterMap,
        virtual_size: u64,
        packing: ClusterCompression,
    ) -> Result<Self, ConvertError> {
        let entries = virtual_size.div_ceil((CLUSTER_LEN * REGION_CLUSTERS) as u64).max(1);
        if entries > L1_ENTRIES_MAX {
            return Err(ConvertError::TooLarge(virtual_size));
        }
        let first_level_len = entries.div_ceil(REGION_CLUSTERS as u64);
        let packed_len = clusters.compressed_len.div_ceil(CLUSTER_LEN as u64);
        let others = 1
            + first_level_len
            + clusters.regions.len() as u64
            + clusters.uncompressed
            + packed_len;
        let (count_tables, count_blocks) = refcount_lens(others);
        let first_level = 1 + count_tables + count_blocks;
        let second_level = first_level + first_level_len;
        let plain = second_level + clusters.regions.len() as u64;
        let packed = plain + clusters.uncompressed;
        let end = packed + packed_len;
        Ok(Self {
            clusters,
            compression: packing,
            virtual_size,
            l1_entries: entries,
            refcount_table_len: count_tables,
            refcount_blocks: count_blocks,
            l1_table_at: first_level,
            l2_tables_at: second_level,
            uncompressed_at: plain,
            compressed_at: packed,
            end,
        })
    }

    /// Returns the length of the file in bytes.
    pub(super) fn len(&self) -> u64 {
        self.end << CLUSTER_BITS
    }
}

/// Returns the lengths of the table and the blocks of reference counts in a file with `others` other
/// clusters. They count themselves, too.
fn refcount_lens(others: u64) -> (u64, u64) {
    let (mut tables, mut blocks) = (1, 1);
    loop {
        let needed = (others + tables + blocks).div_ceil(REFCOUNTS_PER_BLOCK as u64);
        if needed <= blocks {
            return (tables, blocks);
        }
        blocks = needed;
        tables = blocks.div_ceil(REGION_CLUSTERS as u64);
    }
}
