//! **Nodes**: the layer of each tool on its way from a registry into the storage of a container engine.

use super::{BUILT, DISKETTE, REGISTRY};
use crate::peer::{Need, Peer};

const PODMAN: Need = Need::Check {
    script: r#"[[ -x $(node_root)/usr/bin/podman ]] && { [[ ! $(node_root) ]] || [[ $EUID -eq 0 ]]; }"#,
    otherwise: "podman is not installed, or this is not root while DISKETTE_TRIXIE is set",
};
const CONTAINERD: Need = Need::Check {
    script: "[[ $EUID -eq 0 ]] && type -P containerd ctr",
    otherwise: "containerd and ctr are not on PATH, or this is not root",
};
const CHUNKED: Need = Need::Check {
    script: r#""$DISKETTE" build --help | grep zstd:chunked"#,
    otherwise: "this diskette has no zstd:chunked",
};
const UMOCI: Need = Need::Program("umoci");
const SKOPEO: Need = Need::Program("skopeo");
const BUILDAH: Need = Need::Program("buildah");

/// Peers that pull what each tool has published: with an engine, from how it is published to how the engine is stopped.
macro_rules! peers {
    ($engine:expr, publish: $publish:literal, start: $start:literal, pull: $pull:literal, stop: $stop:literal) => {
        &[
            peers!(@ "diskette", DISKETTE.version, [BUILT, REGISTRY, $engine], $publish "publish_diskette", $start, $pull, $stop),
            peers!(@ "diskette-zstd", DISKETTE.version, [BUILT, REGISTRY, $engine],
                $publish "publish_diskette --compression zstd", $start, $pull, $stop),
            peers!(@ "diskette-chunked", DISKETTE.version, [BUILT, CHUNKED, REGISTRY, $engine],
                $publish "publish_diskette --compression zstd:chunked", $start, $pull, $stop),
            peers!(@ "umoci", "umoci --version", [UMOCI, SKOPEO, REGISTRY, $engine], $publish "publish_umoci", $start, $pull, $stop),
            peers!(@ "buildah-add", "buildah --version", [BUILDAH, REGISTRY, $engine], $publish "publish_buildah", $start, $pull, $stop),
        ]
    };
    (@ $name:literal, $version:expr, [$($need:expr),*], $publish:literal $tool:literal, $start:literal, $pull:literal, $stop:literal) => {
        &Peer {
            name: $name,
            needs: &[$($need),*],
            version: $version,
            prepare: concat!("registry_start; ", $publish, $tool, "; ", $start),
            job: $pull,
            cleanup: concat!($stop, "; registry_stop"),
        }
    };
}

/// Into an empty store.
pub(crate) const WITH_PODMAN: &[&Peer] =
    peers!(PODMAN, publish: "", start: "node_start", pull: "node_pull", stop: "node_stop");

/// Into a store that has the image of the first disk already.
pub(crate) const WITH_PODMAN_AGAIN: &[&Peer] = peers!(
    PODMAN, publish: "publish_both ", start: "node_start; node_pull", pull: "TAG=2 node_pull", stop: "node_stop"
);

pub(crate) const WITH_CONTAINERD: &[&Peer] = peers!(CONTAINERD, publish: "", start: "containerd_start", pull: "containerd_pull", stop: "containerd_stop");
