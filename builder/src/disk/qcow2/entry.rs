//! The *entries* of a qcow2's tables: an offset in the file, and flags. The L2 entry of a compressed
//! cluster has another format.

use crate::disk::sector::{SECTOR_LEN, round_down};

/// Length of an entry in bytes, for slices.
pub(in crate::disk) const ENTRY: usize = 8;

/// Length of an entry in bytes; one that has subclusters is twice as long.
pub(in crate::disk) const ENTRY_LEN: u64 = ENTRY as u64;

/// The bits of an offset in the file.
pub(in crate::disk) const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

/// Exactly one entry refers to the cluster, which may therefore be written to.
pub(in crate::disk) const COPIED: u64 = 1 << 63;

/// The cluster is compressed; all other bits have another meaning.
const COMPRESSED: u64 = 1 << 62;

/// The cluster reads as zeros, whatever its offset says.
pub(super) const ZERO: u64 = 1;

/// Number of subclusters of a cluster, in files with subclusters.
pub(super) const SUBCLUSTERS: u64 = 32;

/// A compressed cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::disk) struct CompressedCluster {
    /// Offset in the file, in bytes.
    pub(in crate::disk) at: u64,
    /// Length in bytes, up to the end of the last sector; the cluster may end within that.
    pub(in crate::disk) len: u64,
}

impl CompressedCluster {
    /// Reads the entry of a compressed cluster; `None` if the cluster is not compressed.
    pub(super) fn from_entry(entry: u64, cluster_bits: u32) -> Option<Self> {
        if entry & COMPRESSED == 0 {
            return None;
        }
        let bits = offset_bits(cluster_bits);
        let at = entry & ((1 << bits) - 1);
        let more_sectors = (entry & (COMPRESSED - 1)) >> bits;
        let len = (more_sectors + 1) * SECTOR_LEN - at % SECTOR_LEN;
        Some(Self { at, len })
    }

    /// Returns its entry.
    pub(in crate::disk) fn to_entry(self, cluster_bits: u32) -> u64 {
        let more_sectors = (self.last_sector() - round_down(self.at)) / SECTOR_LEN;
        COMPRESSED | more_sectors << offset_bits(cluster_bits) | self.at
    }

    /// Returns the offset of the last sector in the file, in bytes.
    pub(super) fn last_sector(self) -> u64 {
        round_down(self.at + self.len - 1)
    }
}

/// Returns the number of bits of the offset in a compressed cluster's entry; above them is the number
/// of sectors.
fn offset_bits(cluster_bits: u32) -> u32 {
    62 - (cluster_bits - 8)
}
