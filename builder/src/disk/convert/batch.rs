//! A *batch* is what a thread does at one time: some of the clusters of one stretch of the disk, so
//! that they are read together.

use super::cluster::CLUSTER_LEN;

/// How many clusters a stretch has.
pub(super) const STRETCH_CLUSTERS: usize = 16;

/// How long a stretch is, in bytes.
pub(super) const STRETCH_LEN: usize = STRETCH_CLUSTERS * CLUSTER_LEN;

/// For each cluster of a stretch, how it is stored: its length when it is packed, or [`ZERO`] or [`PLAIN`].
///
/// [`ZERO`]: super::cluster::ZERO
/// [`PLAIN`]: super::cluster::PLAIN
pub(super) type ClusterLens = [u16; STRETCH_CLUSTERS];

/// Some of the clusters of a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    /// Where the stretch begins on the disk, in bytes.
    pub(super) at: u64,
    /// Which of its clusters: the lowest bit is the first.
    pub(super) mask: u16,
    /// What they are known to be, where that is known.
    pub(super) lens: ClusterLens,
}

/// What came of a batch.
#[derive(Debug)]
pub(super) struct CompressedBatch {
    pub(super) at: u64,
    pub(super) lens: ClusterLens,
    /// The clusters one after the other, where they were wanted.
    pub(super) bytes: Vec<u8>,
}

impl Batch {
    /// Returns the places in the stretch, in bytes, of clusters that stand beside each other.
    pub(super) fn cluster_ranges(self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let mut mask = u32::from(self.mask);
        std::iter::from_fn(move || {
            let start = mask.trailing_zeros();
            let end = start + (mask.checked_shr(start)?).trailing_ones();
            mask = mask.checked_shr(end).map_or(0, |rest| rest.checked_shl(end).unwrap_or(0));
            Some(start as usize * CLUSTER_LEN..end as usize * CLUSTER_LEN)
        })
    }

    /// Tells whether a cluster is among them.
    pub(super) fn contains_cluster(self, cluster: usize) -> bool {
        self.mask >> cluster & 1 == 1
    }
}
