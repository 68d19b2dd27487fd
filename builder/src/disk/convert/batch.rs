//! A *batch* is a thread's unit of work: some of the clusters of one stretch of the disk, which are
//! read together.

use super::cluster::CLUSTER_LEN;

/// Number of clusters in a stretch.
pub(super) const STRETCH_CLUSTERS: usize = 16;

/// Length of a stretch in bytes.
pub(super) const STRETCH_LEN: usize = STRETCH_CLUSTERS * CLUSTER_LEN;

/// Length of each cluster of a stretch when it is compressed, or [`ZERO`] or [`UNCOMPRESSED`].
///
/// [`ZERO`]: super::cluster::ZERO
/// [`UNCOMPRESSED`]: super::cluster::UNCOMPRESSED
pub(super) type ClusterLens = [u16; STRETCH_CLUSTERS];

/// Some of the clusters of a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    /// Offset of the stretch on the disk, in bytes.
    pub(super) at: u64,
    /// Bits of the clusters that belong to the batch; the lowest bit is the first cluster.
    pub(super) mask: u16,
    /// Lengths of the clusters, as far as they are known.
    pub(super) lens: ClusterLens,
}

/// A batch after compression.
#[derive(Debug)]
pub(super) struct CompressedBatch {
    pub(super) at: u64,
    pub(super) lens: ClusterLens,
    /// The clusters one after the other, if the bytes were requested.
    pub(super) bytes: Vec<u8>,
}

impl Batch {
    /// Returns the ranges of adjacent clusters in the stretch, in bytes.
    pub(super) fn cluster_ranges(self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let mut mask = u32::from(self.mask);
        std::iter::from_fn(move || {
            let start = mask.trailing_zeros();
            let end = start + (mask.checked_shr(start)?).trailing_ones();
            mask = mask.checked_shr(end).map_or(0, |rest| rest.checked_shl(end).unwrap_or(0));
            Some(start as usize * CLUSTER_LEN..end as usize * CLUSTER_LEN)
        })
    }

    /// Returns whether a cluster belongs to the batch.
    pub(super) fn contains_cluster(self, cluster: usize) -> bool {
        self.mask >> cluster & 1 == 1
    }
}
