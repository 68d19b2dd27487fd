//! **Syncs**: from what a distribution publishes to a registry.

use super::{BUILDAH_ADD, BUILT, DISKETTE, REGISTRY, UMOCI};
use crate::peer::{Need, Peer};

const UPSTREAM: Need = Need::Program("nginx");

/// diskette with a catalogue, from upstream to the registry.
pub(crate) const DISKETTE_SYNC: Peer = Peer {
    needs: &[BUILT, REGISTRY, UPSTREAM],
    prepare: "registry_start; upstream_start; catalogue",
    job: "synced",
    cleanup: "registry_stop; upstream_stop",
    ..DISKETTE
};

/// The steps of medius with these tools: download to a file, build, push.
pub(crate) const UMOCI_SYNC: Peer = Peer {
    name: "umoci+curl+skopeo",
    needs: &[Need::Program("umoci"), Need::Program("skopeo"), REGISTRY, UPSTREAM],
    prepare: "registry_start; upstream_start",
    job: "two_at_a_time umoci_one",
    cleanup: "registry_stop; upstream_stop",
    ..UMOCI
};

pub(crate) const BUILDAH_SYNC: Peer = Peer {
    name: "buildah+curl",
    needs: &[Need::Program("buildah"), REGISTRY, UPSTREAM],
    prepare: "registry_start; upstream_start",
    job: "two_at_a_time buildah_one",
    cleanup: "registry_stop; upstream_stop; unmount_storage",
    ..BUILDAH_ADD
};

/// What a script does in a night in which nothing was published: whether the registry has each version of the list.
pub(crate) const SKOPEO_SYNC_AGAIN: Peer = Peer {
    name: "curl+skopeo",
    needs: &[BUILT, Need::Program("curl"), Need::Program("skopeo"), REGISTRY, UPSTREAM],
    version: "skopeo --version",
    prepare: "registry_start; upstream_start; catalogue; synced",
    job: "look_for_versions",
    cleanup: "registry_stop; upstream_stop",
};
