//! Cases of finished images in a **layout**.

use super::{Case, Start};
use crate::disks::PLAIN;
use crate::peers::layout;

/// How long until the disk is out of its image again?
pub(super) const EXTRACT: Case = Case {
    name: "extract",
    disks: &[PLAIN],
    peers: &[&layout::DISKETTE_EXTRACT, &layout::TAR_EXTRACT, &layout::UMOCI_EXTRACT],
    start: Start::Fresh,
    bound: "inflate on one core, and writing the disk",
};

/// And of zstd?
pub(super) const EXTRACT_ZSTD: Case = Case {
    name: "extract-zstd",
    disks: &[PLAIN],
    peers: &[&layout::DISKETTE_EXTRACT_ZSTD, &layout::TAR_EXTRACT_ZSTD],
    start: Start::Fresh,
    bound: "zstd, the hash of the tar, and writing the disk",
};

/// And when the page cache does not have the layer?
pub(super) const EXTRACT_COLD: Case = Case {
    name: "extract-cold",
    disks: &[PLAIN],
    peers: &[&layout::DISKETTE_EXTRACT_COLD, &layout::TAR_EXTRACT_COLD],
    start: Start::Fresh,
    bound: "the disk, from which the layer is read and to which the file is written",
};

/// How long does a check of an image take?
pub(super) const VERIFY: Case = Case {
    name: "verify",
    disks: &[PLAIN],
    peers: &[&layout::DISKETTE_VERIFY, &layout::SUMS_VERIFY],
    start: Start::Fresh,
    bound: "inflate on one core, more than half of the processor time",
};

/// And of zstd?
pub(super) const VERIFY_ZSTD: Case = Case {
    name: "verify-zstd",
    disks: &[PLAIN],
    peers: &[&layout::DISKETTE_VERIFY_ZSTD, &layout::SUMS_VERIFY_ZSTD],
    start: Start::Fresh,
    bound: "zstd and the hash of the tar",
};

/// And when the page cache does not have the layer?
pub(super) const VERIFY_COLD: Case = Case {
    name: "verify-cold",
    disks: &[PLAIN],
    peers: &[&layout::DISKETTE_VERIFY_COLD, &layout::SUMS_VERIFY_COLD],
    start: Start::Fresh,
    bound: "inflate on one core, and reading the layer",
};

/// How long does it take to remove 1 GB that no image uses?
pub(super) const GC: Case = Case {
    name: "gc",
    disks: &[PLAIN],
    peers: &[&layout::DISKETTE_GC, &layout::UMOCI_GC],
    start: Start::Fresh,
    bound: "unlink of the file system",
};
