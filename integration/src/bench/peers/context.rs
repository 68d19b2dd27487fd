//! **Contexts**: a Dockerfile that copies a directory with many files.

use super::{BUILDAH_BUD, DISKETTE, PODMAN};
use crate::peer::Peer;

/// diskette with a directory in place of the disk.
pub(crate) const DISKETTE_CONTEXT: Peer = Peer {
    prepare: "dockerfile",
    job: r#"
"$DISKETTE" build --no-cache -t example.com/bench:1 -o "oci:$OUT" --progress none -f "$STATE/Containerfile" "$DISK"
"#,
    ..DISKETTE
};

pub(crate) const BUILDAH_CONTEXT: Peer = Peer { prepare: "dockerfile", ..BUILDAH_BUD };

pub(crate) const PODMAN_CONTEXT: Peer = Peer { prepare: "dockerfile", ..PODMAN };
