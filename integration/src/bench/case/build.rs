//! Cases of **builds**.

use super::{Case, Start};
use crate::disks::{
    self, COMPRESSED, CONTEXT_5K, CONTEXT_10K, CONTEXT_20K, CONTEXT_DISK, PLAIN, RAW_3G, RAW_10G,
    SECOND,
};
use crate::peers::{self, context, layout};

/// How fast and how small is the default?
pub(super) const GZIP: Case = Case {
    name: "gzip",
    disks: &[PLAIN, COMPRESSED, RAW_3G, RAW_10G],
    peers: &[
        &peers::DISKETTE,
        &peers::UMOCI,
        &peers::BUILDAH_ADD,
        &peers::BUILDAH_BUD,
        &peers::PODMAN,
        &peers::CRANE,
        &peers::BUILDKIT,
        &peers::OPENSSL,
    ],
    start: Start::Fresh,
    bound: "deflate on all cores, where most of the disk compresses; elsewhere two hashes and the file system",
};

/// And with zstd?
pub(super) const ZSTD: Case = Case {
    name: "zstd",
    disks: &[PLAIN, COMPRESSED],
    peers: &[&peers::DISKETTE_ZSTD, &peers::UMOCI_ZSTD, &peers::TAR_ZSTD],
    start: Start::Fresh,
    bound: "zstd on all cores",
};

/// What does a build cost when nothing has changed?
pub(super) const REBUILD: Case = Case {
    name: "rebuild",
    disks: &[PLAIN],
    peers: &[
        &peers::DISKETTE_CACHED,
        &peers::BUILDAH_LAYERS,
        &peers::BUILDAH_LAYERS_STORED,
        &peers::PODMAN,
        &peers::PODMAN_STORED,
        &peers::BUILDKIT_CACHED,
    ],
    start: Start::Again,
    bound: "starting the program",
};

/// And when the disk was made anew, with a few more packages?
pub(super) const REBUILD_CHANGED: Case = Case {
    name: "rebuild-changed",
    disks: &[SECOND],
    peers: &[&peers::DISKETTE_CHANGED, &peers::DISKETTE_CHANGED_UNKNOWN, &peers::UMOCI],
    start: Start::Fresh,
    bound: "hashes: of the tar, the file, its chunks, the blob and the older blob",
};

/// How fast is a conversion to a qcow2 with compressed clusters?
pub(super) const CONVERT: Case = Case {
    name: "convert",
    disks: &[RAW_3G],
    peers: &[&peers::DISKETTE_CONVERT, &peers::QEMU_CONVERT],
    start: Start::Fresh,
    bound: "deflate of the clusters",
};

/// And with zstd?
pub(super) const CONVERT_ZSTD: Case = Case {
    name: "convert-zstd",
    disks: &[RAW_3G],
    peers: &[&peers::DISKETTE_CONVERT_ZSTD, &peers::QEMU_CONVERT_ZSTD],
    start: Start::Fresh,
    bound: "zstd, which compresses twice: clusters, then the layer",
};

/// How fast is a Dockerfile with many small files and a disk?
pub(super) const CONTEXT: Case = Case {
    name: "context",
    disks: &[CONTEXT_DISK],
    peers: &[&context::DISKETTE_CONTEXT, &context::BUILDAH_CONTEXT, &context::PODMAN_CONTEXT],
    start: Start::Fresh,
    bound: "deflate and hashes",
};

/// And what does each file cost?
pub(super) const CONTEXT_FILES: Case = Case {
    name: "context-files",
    disks: &[CONTEXT_5K, CONTEXT_10K, CONTEXT_20K],
    peers: &[&context::DISKETTE_CONTEXT],
    start: Start::Fresh,
    bound: "opening files",
};

/// Is memory bounded for a disk larger than any memory?
pub(super) const SOAK: Case = Case {
    name: "soak",
    disks: &[disks::SOAK],
    peers: &[&peers::DISKETTE],
    start: Start::Fresh,
    bound: "the hash of zeros",
};

/// How long from the sources alone to the first image?
pub(super) const DEMO: Case = Case {
    name: "demo",
    disks: &[disks::SPEC_FILES],
    peers: &[&layout::DEMO],
    start: Start::Fresh,
    bound: "the compiler",
};
