//! A *cluster* of the qcow2 that is made, and how it is stored.

use crate::disk::qcow2::ENTRY;

/// Logarithm of the length of a cluster in bytes.
pub(super) const CLUSTER_BITS: u32 = 16;

/// Length of a cluster in bytes; what `qemu-img` makes by default.
pub(super) const CLUSTER_LEN: usize = 1 << CLUSTER_BITS;

/// How many clusters one table of the second level maps.
pub(super) const REGION_CLUSTERS: usize = CLUSTER_LEN / ENTRY;

/// The length of a cluster without any data.
pub(super) const ZERO: u16 = 0;

/// The length that stands for a cluster that is stored as it is.
pub(super) const UNCOMPRESSED: u16 = u16::MAX;

/// Which clusters are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClusterKind {
    /// Those that are stored as they are.
    Uncompressed,
    /// Those that are packed.
    Compressed,
}

impl ClusterKind {
    /// Tells whether a cluster that is stored so is meant.
    pub(super) fn matches_len(self, len: u16) -> bool {
        match self {
            Self::Uncompressed => len == UNCOMPRESSED,
            Self::Compressed => len != UNCOMPRESSED && len != ZERO,
        }
    }
}
