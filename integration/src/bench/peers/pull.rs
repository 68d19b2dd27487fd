//! **Pulls** from a registry into a layout.

use super::{BUILT, DISKETTE, REGISTRY};
use crate::peer::{Need, Peer};

pub(crate) const DISKETTE_PULL: Peer = Peer {
    needs: &[BUILT, REGISTRY],
    prepare: "registry_start; publish_diskette",
    job: r#""$DISKETTE" pull --quiet --output "oci:$OUT:1" "$(image)""#,
    cleanup: "registry_stop",
    ..DISKETTE
};

pub(crate) const SKOPEO_PULL: Peer = Peer {
    name: "skopeo",
    needs: &[BUILT, Need::Program("skopeo"), REGISTRY],
    version: "skopeo --version",
    job: r#"skopeo copy --quiet --src-tls-verify=false "docker://$(image)" "oci:$OUT:1""#,
    ..DISKETTE_PULL
};

pub(crate) const CRANE_PULL: Peer = Peer {
    name: "crane",
    needs: &[BUILT, Need::Program("crane"), REGISTRY],
    version: "crane version",
    job: r#"crane pull --insecure --format oci "$(image)" "$OUT""#,
    ..DISKETTE_PULL
};

/// Not a peer but the limit of a pull: the layer alone, into a file and a hash.
pub(crate) const CURL_PULL: Peer = Peer {
    name: "curl-sha256",
    needs: &[BUILT, Need::Program("curl"), Need::Program("openssl"), REGISTRY],
    version: "curl --version",
    prepare: r#"registry_start; publish_diskette; mkdir "$OUT"; registry_layer >"$STATE/layer""#,
    job: r#"
curl --silent --fail "http://$(<"$STATE/address")/v2/bench/blobs/sha256:$(<"$STATE/layer")" |
  tee "$OUT/layer" | openssl dgst -sha256
"#,
    ..DISKETTE_PULL
};
