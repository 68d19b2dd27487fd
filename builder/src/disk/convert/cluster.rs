//! A *cluster* of the qcow2 that is made, and how it is stored.

use crate::disk::qcow2::ENTRY;

/// Logarithm of the length of a cluster in bytes.
pub(super) const CLUSTER_BITS: u32 = 16;

/// Length of a cluster in bytes; what `qemu-img` makes by default.
pub(super) const CLUSTER_LEN: usize = 1 << CLUSTER_BITS;

/// How many clusters one table of the second level maps.
pub(super) const REGION: usize = CLUSTER_LEN / ENTRY;

/// The length of a cluster without any data.
pub(super) const ZERO: u16 = 0;

/// The length that stands for a cluster that is stored as it is.
pub(super) const PLAIN: u16 = u16::MAX;

/// Which clusters are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClusterKind {
    /// Those that are stored as they are.
    Plain,
    /// Those that are packed.
    Packed,
}

impl ClusterKind {
    /// Tells whether a cluster that is stored so is meant.
    pub(super) fn has(self, len: u16) -> bool {
        match self {
            Self::Plain => len == PLAIN,
            Self::Packed => len != PLAIN && len != ZERO,
        }
    }
}
