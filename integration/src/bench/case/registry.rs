//! Cases of **registries**: into one and out of one.

use super::{Case, Start};
use crate::disks::{COMPRESSED, PLAIN, RAW_3G, SECOND, UPSTREAM, UPSTREAM_MANY, UPSTREAM_SMALL};
use crate::peers::{node, pull, push, sync};

/// How long until a registry has it?
pub(super) const PUSH: Case = Case {
    name: "push",
    disks: &[PLAIN, COMPRESSED, RAW_3G],
    peers: &[
        &push::DISKETTE_PUSH,
        &push::UMOCI_PUSH,
        &push::BUILDAH_ADD_PUSH,
        &push::BUILDAH_BUD_PUSH,
        &push::PODMAN_PUSH,
        &push::CRANE_PUSH,
        &push::INGEST,
    ],
    start: Start::Fresh,
    bound: "the build, and the hash of the registry, which runs on the same cores",
};

/// And when the registry has it already?
pub(super) const PUSH_AGAIN: Case = Case {
    name: "push-again",
    disks: &[PLAIN],
    peers: &[&push::DISKETTE_PUSH_AGAIN],
    start: Start::Again,
    bound: "starting the program, and round trips",
};

/// How long until a registry has what upstream has published, two disks at a time?
pub(super) const SYNC: Case = Case {
    name: "sync",
    disks: &[UPSTREAM],
    peers: &[&sync::DISKETTE_SYNC, &sync::UMOCI_SYNC, &sync::BUILDAH_SYNC],
    start: Start::Fresh,
    bound: "two hashes of data that does not compress, and the hash of the registry",
};

/// And what does a night cost in which nothing was published?
pub(super) const SYNC_AGAIN: Case = Case {
    name: "sync-again",
    disks: &[UPSTREAM_SMALL, UPSTREAM_MANY],
    peers: &[&sync::DISKETTE_SYNC, &sync::SKOPEO_SYNC_AGAIN],
    start: Start::Again,
    bound: "the answers of the registry, one for each image",
};

/// How long until a layout has what a registry has?
pub(super) const PULL: Case = Case {
    name: "pull",
    disks: &[PLAIN],
    peers: &[&pull::DISKETTE_PULL, &pull::SKOPEO_PULL, &pull::CRANE_PULL, &pull::CURL_PULL],
    start: Start::Fresh,
    bound: "one hash of the layer, and the file system",
};

/// How long until a node with podman has the layer of each tool?
pub(super) const NODE_PODMAN: Case = Case {
    name: "node-podman",
    disks: &[PLAIN],
    peers: node::WITH_PODMAN,
    start: Start::Fresh,
    bound: "one core of the node: it decompresses and hashes a layer in one stream",
};

/// And when the node has an earlier build of the disk?
pub(super) const NODE_SECOND: Case = Case {
    name: "node-second",
    disks: &[SECOND],
    peers: node::WITH_PODMAN_AGAIN,
    start: Start::Fresh,
    bound: "one core of the node; with chunks, what it copies from the layer that it has",
};

/// And with containerd?
pub(super) const NODE_CONTAINERD: Case = Case {
    name: "node-containerd",
    disks: &[PLAIN],
    peers: node::WITH_CONTAINERD,
    start: Start::Fresh,
    bound: "one core of the node: it decompresses and hashes a layer in one stream",
};
