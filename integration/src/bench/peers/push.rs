//! **Pushes**: a build of each peer, and the way into a registry.

use super::{BUILDAH_ADD, BUILT, CRANE, DISKETTE, PODMAN, REGISTRY, UMOCI};
use crate::peer::{Need, Peer};

pub(crate) const DISKETTE_PUSH: Peer = Peer {
    needs: &[BUILT, REGISTRY],
    prepare: "spec; registry_start",
    job: "diskette_push --no-cache",
    cleanup: "registry_stop",
    ..DISKETTE
};

pub(crate) const DISKETTE_PUSH_AGAIN: Peer = Peer { job: "diskette_push", ..DISKETTE_PUSH };

pub(crate) const UMOCI_PUSH: Peer = Peer {
    name: "umoci+skopeo",
    needs: &[Need::Program("umoci"), Need::Program("skopeo"), REGISTRY],
    prepare: "registry_start",
    job: r#"
umoci_image
skopeo copy --quiet --dest-tls-verify=false "oci:$OUT:1" "docker://$(image)"
"#,
    cleanup: "registry_stop",
    ..UMOCI
};

pub(crate) const BUILDAH_ADD_PUSH: Peer = Peer {
    name: "buildah-add",
    needs: &[Need::Program("buildah"), REGISTRY],
    prepare: "registry_start",
    job: r#"
buildah_container
buildah commit --quiet "$container" bench:1
engine_push buildah registry
"#,
    cleanup: "registry_stop; unmount_storage",
    ..BUILDAH_ADD
};

pub(crate) const BUILDAH_BUD_PUSH: Peer = Peer {
    name: "buildah-bud",
    prepare: "context; registry_start",
    job: "engine_build buildah bud; engine_push buildah registry",
    ..BUILDAH_ADD_PUSH
};

pub(crate) const PODMAN_PUSH: Peer = Peer {
    name: "podman",
    needs: &[Need::Program("podman"), REGISTRY],
    prepare: "context; registry_start",
    job: "engine_build podman build; engine_push podman registry",
    cleanup: "registry_stop; unmount_storage",
    ..PODMAN
};

pub(crate) const CRANE_PUSH: Peer = Peer {
    needs: &[Need::Program("crane"), REGISTRY],
    prepare: "registry_start",
    job: r#"
crane_layer
crane append --insecure -f "$STATE/layer.tar" -t "$(image)"
"#,
    cleanup: "registry_stop",
    ..CRANE
};

/// Not a peer but the limit of the registry: the finished layer, sent by curl.
pub(crate) const INGEST: Peer = Peer {
    name: "curl-put",
    needs: &[BUILT, Need::Program("curl"), REGISTRY],
    version: "curl --version",
    prepare: "spec; diskette --no-cache; registry_start",
    job: r#"
layer=$(basename "$(layer)")
location=$(curl --silent --fail -X POST -D - "http://$(<"$STATE/address")/v2/bench/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
curl --silent --fail -T "$OUT/blobs/sha256/$layer" -H 'Content-Type: application/octet-stream' "$location&digest=sha256:$layer"
"#,
    cleanup: "registry_stop",
};
