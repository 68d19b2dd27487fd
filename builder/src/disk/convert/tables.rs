//! The *tables* of a qcow2, computed one cluster after the other, in the order of the file.

use std::sync::Arc;

use super::ClusterCompression;
use super::cluster::{CLUSTER_BITS, CLUSTER_LEN, REGION_CLUSTERS, UNCOMPRESSED, ZERO};
use super::layout::{Layout, REFCOUNTS_PER_BLOCK};
use crate::disk::qcow2::{self, COPIED, CompressedCluster, ENTRY, HEADER_LEN};

/// Writes the tables cluster by cluster.
pub(super) struct TableWriter {
    layout: Arc<Layout>,
    /// Number of the next cluster of the file.
    next: u64,
    /// Offset of the next uncompressed cluster, in clusters.
    uncompressed_at: u64,
    /// Offset of the next compressed cluster, in bytes.
    compressed_at: u64,
    counted: RefcountCursor,
}

/// Position of the reference counting in the compressed clusters.
struct RefcountCursor {
    region: usize,
    cluster: usize,
    /// Offset in the file, in bytes.
    at: u64,
}

impl TableWriter {
    pub(super) fn new(layout: &Arc<Layout>) -> Self {
        let compressed_at = layout.compressed_at << CLUSTER_BITS;
        let counted = RefcountCursor { region: 0, cluster: 0, at: compressed_at };
        Self {
            layout: Arc::clone(layout),
            next: 0,
            uncompressed_at: layout.uncompressed_at,
            compressed_at,
            counted,
        }
    }

    /// Writes the next cluster; returns false if there is none.
    pub(super) fn write_next(&mut self, space: &mut Vec<u8>) -> bool {
        let (layout, number) = (Arc::clone(&self.layout), self.next);
        if number >= layout.uncompressed_at {
            return false;
        }
        self.next += 1;
        space.clear();
        space.resize(CLUSTER_LEN, 0);
        let blocks = 1 + layout.refcount_table_len;
        if number == 0 {
            write_header(&layout, space);
        } else if number < blocks {
            let first = (number - 1) * REGION_CLUSTERS as u64;
            let block = |index: u64| {
                (index < layout.refcount_blocks).then(|| cluster_offset(blocks + index))
            };
            write_entries(space, |index| block(first + index).unwrap_or_default());
        } else if number < layout.l1_table_at {
            self.write_refcounts(number - blocks, space);
        } else if number < layout.l2_tables_at {
            write_l1_cluster(&layout, number - layout.l1_table_at, space);
        } else {
            self.write_l2_table(number - layout.l2_tables_at, space);
        }
        true
    }

    /// Writes the L2 table of a region.
    fn write_l2_table(&mut self, number: u64, space: &mut [u8]) {
        let layout = Arc::clone(&self.layout);
        let region = usize::try_from(number).ok().and_then(|n| layout.clusters.regions.get(n));
        let mut lens = region.into_iter().flat_map(|(_, lens)| lens.iter().copied());
        write_entries(space, |_| match lens.next().unwrap_or(ZERO) {
            ZERO => 0,
            UNCOMPRESSED => {
                self.uncompressed_at += 1;
                cluster_offset(self.uncompressed_at - 1) | COPIED
            }
            len => {
                let at = self.compressed_at;
                self.compressed_at += u64::from(len);
                CompressedCluster { at, len: len.into() }.to_entry(CLUSTER_BITS)
            }
        });
    }

    /// Writes a block of reference counts. A cluster of the file counts one reference, or one for each
    /// compressed cluster that is wholly or partly in it.
    fn write_refcounts(&mut self, block: u64, space: &mut [u8]) {
        let layout = Arc::clone(&self.layout);
        let first = block * REFCOUNTS_PER_BLOCK as u64;
        let mut counts = vec![0_u16; REFCOUNTS_PER_BLOCK];
        for (_, count) in (first..layout.compressed_at).zip(&mut counts) {
            *count = 1;
        }
        let behind = (first + REFCOUNTS_PER_BLOCK as u64) << CLUSTER_BITS;
        while let Some(len) = self.counted.next_compressed_len(&layout) {
            let at = self.counted.at;
            if at >= behind {
                break;
            }
            let end = at + u64::from(len);
            for number in (at >> CLUSTER_BITS).max(first)..=(end - 1) >> CLUSTER_BITS {
                let count = usize::try_from(number - first).ok().and_then(|n| counts.get_mut(n));
                if let Some(count) = count {
                    *count += 1;
                }
            }
            if end > behind {
                // Its remaining part is counted with the next block.
                break;
            }
            self.counted.at = end;
            self.counted.cluster += 1;
        }
        for (count, space) in counts.iter().zip(space.chunks_exact_mut(2)) {
            space.copy_from_slice(&count.to_be_bytes());
        }
    }
}

impl RefcountCursor {
    /// Moves on to the next compressed cluster, and returns its length.
    fn next_compressed_len(&mut self, layout: &Layout) -> Option<u16> {
        loop {
            let (_, lens) = layout.clusters.regions.get(self.region)?;
            match lens.get(self.cluster) {
                Some(&(ZERO | UNCOMPRESSED)) => self.cluster += 1,
                Some(len) => return Some(*len),
                None => (self.region, self.cluster) = (self.region + 1, 0),
            }
        }
    }
}

/// Writes one cluster of the L1 table: the offsets of the L2 tables.
fn write_l1_cluster(layout: &Layout, number: u64, space: &mut [u8]) {
    let first = number * REGION_CLUSTERS as u64;
    let regions = &layout.clusters.regions;
    let mut index = regions.partition_point(|(region, _)| *region < first);
    write_entries(space, |entry| {
        if regions.get(index).is_none_or(|(region, _)| *region != first + entry) {
            return 0;
        }
        index += 1;
        cluster_offset(layout.l2_tables_at + index as u64 - 1) | COPIED
    });
}

fn write_header(layout: &Layout, space: &mut [u8]) {
    let (compression, incompatible) = match layout.compression {
        ClusterCompression::None | ClusterCompression::Zlib => (qcow2::Qcow2Compression::Zlib, 0),
        ClusterCompression::Zstd => (qcow2::Qcow2Compression::Zstd, qcow2::COMPRESSION_TYPE),
    };
    let table = |cluster: u64, entries: u64| qcow2::Qcow2Table {
        at: cluster_offset(cluster),
        entries: u32::try_from(entries).unwrap_or(u32::MAX),
    };
    let header = qcow2::Qcow2Header {
        version: qcow2::VERSION_3,
        size: layout.virtual_size,
        cluster_bits: CLUSTER_BITS,
        len: HEADER_LEN,
        incompatible,
        compatible: 0,
        autoclear: 0,
        l1: table(layout.l1_table_at, layout.l1_entries),
        refcounts: table(1, layout.refcount_table_len * REGION_CLUSTERS as u64),
        refcount_order: qcow2::REFCOUNT_ORDER,
        snapshots_at: 0,
        snapshot_count: 0,
        encryption: qcow2::Qcow2Encryption::None,
        compression,
        backing_file: None,
        data_file: None,
        unknown_features: Vec::new(),
    };
    if let Some(space) = space.first_chunk_mut() {
        *space = header.encode();
    }
}

/// Writes the entries of a table.
fn write_entries(space: &mut [u8], mut entry: impl FnMut(u64) -> u64) {
    for (index, space) in space.chunks_exact_mut(ENTRY).enumerate() {
        space.copy_from_slice(&entry(index as u64).to_be_bytes());
    }
}

/// Returns the offset of a cluster of the file, in bytes.
fn cluster_offset(cluster: u64) -> u64 {
    cluster << CLUSTER_BITS
}
