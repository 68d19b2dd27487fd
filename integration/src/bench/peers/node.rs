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

pub(crate) const DISKETTE_PODMAN: Peer = Peer {
    needs: &[BUILT, REGISTRY, PODMAN],
    prepare: "registry_start; publish_diskette; node_start",
    job: "node_pull",
    cleanup: "node_stop; registry_stop",
    ..DISKETTE
};

pub(crate) const ZSTD_PODMAN: Peer = Peer {
    name: "diskette-zstd",
    prepare: "registry_start; publish_diskette --compression zstd; node_start",
    ..DISKETTE_PODMAN
};

pub(crate) const CHUNKED_PODMAN: Peer = Peer {
    name: "diskette-chunked",
    needs: &[BUILT, CHUNKED, REGISTRY, PODMAN],
    prepare: "registry_start; publish_diskette --compression zstd:chunked; node_start",
    ..DISKETTE_PODMAN
};

pub(crate) const UMOCI_PODMAN: Peer = Peer {
    name: "umoci",
    needs: &[UMOCI, SKOPEO, REGISTRY, PODMAN],
    version: "umoci --version",
    prepare: "registry_start; publish_umoci; node_start",
    ..DISKETTE_PODMAN
};

pub(crate) const BUILDAH_PODMAN: Peer = Peer {
    name: "buildah-add",
    needs: &[BUILDAH, REGISTRY, PODMAN],
    version: "buildah --version",
    prepare: "registry_start; publish_buildah; node_start",
    ..DISKETTE_PODMAN
};

/// The node has the image of the first disk already.
pub(crate) const DISKETTE_SECOND: Peer = Peer {
    prepare: "registry_start; publish_both publish_diskette; node_start; node_pull",
    job: "TAG=2 node_pull",
    ..DISKETTE_PODMAN
};

pub(crate) const ZSTD_SECOND: Peer = Peer {
    name: "diskette-zstd",
    prepare: "registry_start; publish_both publish_diskette --compression zstd; node_start; node_pull",
    ..DISKETTE_SECOND
};

pub(crate) const CHUNKED_SECOND: Peer = Peer {
    prepare: "registry_start; publish_both publish_diskette --compression zstd:chunked; node_start; node_pull",
    job: "TAG=2 node_pull",
    ..CHUNKED_PODMAN
};

pub(crate) const UMOCI_SECOND: Peer = Peer {
    prepare: "registry_start; publish_both publish_umoci; node_start; node_pull",
    job: "TAG=2 node_pull",
    ..UMOCI_PODMAN
};

pub(crate) const BUILDAH_SECOND: Peer = Peer {
    prepare: "registry_start; publish_both publish_buildah; node_start; node_pull",
    job: "TAG=2 node_pull",
    ..BUILDAH_PODMAN
};

pub(crate) const DISKETTE_CONTAINERD: Peer = Peer {
    needs: &[BUILT, REGISTRY, CONTAINERD],
    prepare: "registry_start; publish_diskette; containerd_start",
    job: "containerd_pull",
    cleanup: "containerd_stop; registry_stop",
    ..DISKETTE
};

pub(crate) const ZSTD_CONTAINERD: Peer = Peer {
    name: "diskette-zstd",
    prepare: "registry_start; publish_diskette --compression zstd; containerd_start",
    ..DISKETTE_CONTAINERD
};

pub(crate) const CHUNKED_CONTAINERD: Peer = Peer {
    name: "diskette-chunked",
    needs: &[BUILT, CHUNKED, REGISTRY, CONTAINERD],
    prepare: "registry_start; publish_diskette --compression zstd:chunked; containerd_start",
    ..DISKETTE_CONTAINERD
};

pub(crate) const UMOCI_CONTAINERD: Peer = Peer {
    name: "umoci",
    needs: &[UMOCI, SKOPEO, REGISTRY, CONTAINERD],
    version: "umoci --version",
    prepare: "registry_start; publish_umoci; containerd_start",
    ..DISKETTE_CONTAINERD
};

pub(crate) const BUILDAH_CONTAINERD: Peer = Peer {
    name: "buildah-add",
    needs: &[BUILDAH, REGISTRY, CONTAINERD],
    version: "buildah --version",
    prepare: "registry_start; publish_buildah; containerd_start",
    ..DISKETTE_CONTAINERD
};
