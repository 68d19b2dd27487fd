//! A *cluster* of the qcow2 file that is written, and how it is stored.

use crate::disk::qcow2::ENTRY;

/// Logarithm of the length of a cluster in bytes.
pub(super) const CLUSTER_BITS: u32 = 16;

/// Length of a cluster in bytes: the default of `qemu-img`.
pub(super) const CLUSTER_LEN: usize = 1 << CLUSTER_BITS;

/// Number of clusters that one L2 table maps.
pub(super) const REGION_CLUSTERS: usize = CLUSTER_LEN / ENTRY;

/// Recorded length of a cluster of zeros.
pub(super) const ZERO: u16 = 0;

/// Recorded length of a cluster that is stored uncompressed.
pub(super) const UNCOMPRESSED: u16 = u16::MAX;

/// Kinds of clusters with data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClusterKind {
    /// Clusters that are stored uncompressed.
    Uncompressed,
    /// Clusters that are stored compressed.
    Compressed,
}

impl ClusterKind {
    /// Returns whether a cluster with this recorded length is of this kind.
    pub(super) fn matches_len(self, len: u16) -> bool {
        match self {
            Self::Uncompressed => len == UNCOMPRESSED,
            Self::Compressed => len != UNCOMPRESSED && len != ZERO,
        }
    }
}
