//! A **case** is one question of the benchmark: a job, the peers that do it, the disks, and whether
//! it is repeated.

use crate::disks::{
    COMPRESSED, CONTEXT_5K, CONTEXT_10K, CONTEXT_20K, CONTEXT_DISK, PLAIN, RAW_3G, RAW_10G, SOAK,
    UPSTREAM, UPSTREAM_SMALL,
};
use crate::peer::Peer;
use crate::peers;

/// One question of the benchmark.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) disks: &'static [&'static str],
    /// Peers that do the job; the others are compared with diskette, which is the first.
    pub(crate) peers: &'static [&'static Peer],
    pub(crate) start: Start,
}

/// State in which a measured run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// No image, no storage, no cache.
    Fresh,
    /// Everything that an earlier, unmeasured run of the same job left.
    Again,
}

/// How fast and how small is the default?
const GZIP: Case = Case {
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
};

/// And with zstd?
const ZSTD: Case = Case {
    name: "zstd",
    disks: &[PLAIN, COMPRESSED],
    peers: &[&peers::DISKETTE_ZSTD, &peers::UMOCI_ZSTD, &peers::TAR_ZSTD],
    start: Start::Fresh,
};

/// What does a build cost when nothing has changed?
const REBUILD: Case = Case {
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
};

/// How fast is a conversion to a qcow2 with compressed clusters?
const CONVERT: Case = Case {
    name: "convert",
    disks: &[RAW_3G],
    peers: &[&peers::DISKETTE_CONVERT, &peers::QEMU_CONVERT],
    start: Start::Fresh,
};

/// And with zstd?
const CONVERT_ZSTD: Case = Case {
    name: "convert-zstd",
    disks: &[RAW_3G],
    peers: &[&peers::DISKETTE_CONVERT_ZSTD, &peers::QEMU_CONVERT_ZSTD],
    start: Start::Fresh,
};

/// How long until a registry has it?
const PUSH: Case = Case {
    name: "push",
    disks: &[PLAIN, COMPRESSED, RAW_3G],
    peers: &[
        &peers::DISKETTE_PUSH,
        &peers::UMOCI_PUSH,
        &peers::BUILDAH_ADD_PUSH,
        &peers::BUILDAH_BUD_PUSH,
        &peers::PODMAN_PUSH,
        &peers::CRANE_PUSH,
        &peers::INGEST,
    ],
    start: Start::Fresh,
};

/// And when the registry has it already?
const PUSH_AGAIN: Case = Case {
    name: "push-again",
    disks: &[PLAIN],
    peers: &[&peers::DISKETTE_PUSH_AGAIN],
    start: Start::Again,
};

/// How fast is a Dockerfile with many small files and a disk?
const CONTEXT: Case = Case {
    name: "context",
    disks: &[CONTEXT_DISK],
    peers: &[&peers::DISKETTE_CONTEXT, &peers::BUILDAH_CONTEXT, &peers::PODMAN_CONTEXT],
    start: Start::Fresh,
};

/// And what does each file cost?
const CONTEXT_FILES: Case = Case {
    name: "context-files",
    disks: &[CONTEXT_5K, CONTEXT_10K, CONTEXT_20K],
    peers: &[&peers::DISKETTE_CONTEXT],
    start: Start::Fresh,
};

/// How long until a registry has what upstream has published, two disks at a time?
const SYNC: Case = Case {
    name: "sync",
    disks: &[UPSTREAM],
    peers: &[&peers::DISKETTE_SYNC, &peers::UMOCI_SYNC, &peers::BUILDAH_SYNC],
    start: Start::Fresh,
};

/// And what does a night cost in which nothing was published?
const SYNC_AGAIN: Case = Case {
    name: "sync-again",
    disks: &[UPSTREAM_SMALL],
    peers: &[&peers::DISKETTE_SYNC],
    start: Start::Again,
};

/// Is memory bounded for a disk larger than any memory?
const SOAKING: Case =
    Case { name: "soak", disks: &[SOAK], peers: &[&peers::DISKETTE], start: Start::Fresh };

/// Cases that run by default.
pub(crate) const USUAL: [Case; 11] = [
    GZIP,
    ZSTD,
    REBUILD,
    CONTEXT,
    CONTEXT_FILES,
    CONVERT,
    CONVERT_ZSTD,
    PUSH,
    PUSH_AGAIN,
    SYNC,
    SYNC_AGAIN,
];
/// Cases that run only on request.
pub(crate) const ON_REQUEST: [Case; 1] = [SOAKING];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_compares_with_diskette() {
        for case in USUAL.iter().chain(&ON_REQUEST) {
            assert_eq!(case.peers[0].name, "diskette", "{}", case.name);
        }
    }
}
