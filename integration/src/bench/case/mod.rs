//! A **case** is one question of the benchmark: a job, the peers that do it, the disks, and whether
//! it is repeated.

mod build;
mod layout;
mod registry;

use crate::peer::Peer;

/// One question of the benchmark.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) disks: &'static [&'static str],
    /// Peers that do the job; the others are compared with diskette, which is the first.
    pub(crate) peers: &'static [&'static Peer],
    pub(crate) start: Start,
    /// What bounds the time of diskette, as measured; docs/benchmarks.md has the figures.
    pub(crate) bound: &'static str,
}

/// State in which a measured run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// No image, no storage, no cache.
    Fresh,
    /// Everything that an earlier, unmeasured run of the same job left.
    Again,
}

/// Cases that run by default.
pub(crate) static USUAL: [Case; 23] = [
    build::GZIP,
    build::ZSTD,
    build::REBUILD,
    build::REBUILD_CHANGED,
    build::CONTEXT,
    build::CONTEXT_FILES,
    build::CONVERT,
    build::CONVERT_ZSTD,
    layout::EXTRACT,
    layout::EXTRACT_ZSTD,
    layout::EXTRACT_COLD,
    layout::VERIFY,
    layout::VERIFY_ZSTD,
    layout::VERIFY_COLD,
    layout::GC,
    registry::PUSH,
    registry::PUSH_AGAIN,
    registry::PULL,
    registry::NODE_PODMAN,
    registry::NODE_SECOND,
    registry::NODE_CONTAINERD,
    registry::SYNC,
    registry::SYNC_AGAIN,
];
/// Cases that run only where `--only` has their name: one takes minutes, the other compiles everything.
pub(crate) static ON_REQUEST: [Case; 2] = [build::SOAK, build::DEMO];

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
