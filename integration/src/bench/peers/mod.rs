//! The **peers** themselves. Each does the same job: `FROM scratch`, one disk in `/disk`, owned by
//! 107:107, one ENV.

pub(crate) mod context;
pub(crate) mod layout;
pub(crate) mod node;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod sync;

use crate::peer::{Need, Peer};

/// Functions that scripts use: storage of its own for every run, so that nothing is left from the
/// one before.
pub(crate) const PRELUDE: &str = include_str!("../prelude.sh");

const NOTHING: &str = ":";

const BUILT: Need = Need::Check {
    script: r"[[ -x $DISKETTE ]]",
    otherwise: "not built: cargo build --release, or --diskette PATH",
};

const REGISTRY: Need = Need::Program("docker-registry");

/// diskette, which all others are compared with.
pub(crate) const DISKETTE: Peer = Peer {
    name: "diskette",
    needs: &[BUILT],
    version: r#""$DISKETTE" --version"#,
    prepare: "spec",
    job: "diskette --no-cache",
    cleanup: NOTHING,
};

pub(crate) const DISKETTE_ZSTD: Peer =
    Peer { job: "diskette --no-cache --compression zstd", ..DISKETTE };

/// diskette at the gzip level `$LEVEL`.
pub(crate) const DISKETTE_LEVEL: Peer =
    Peer { job: r#"diskette --no-cache --compression-level "$LEVEL""#, ..DISKETTE };

pub(crate) const DISKETTE_CACHED: Peer = Peer { job: "diskette", ..DISKETTE };

/// diskette in zstd:chunked, into a layout that has the image of the first disk already.
pub(crate) const DISKETTE_CHANGED: Peer = Peer {
    prepare: "first_disk spec; diskette --compression zstd:chunked; spec",
    job: "diskette --compression zstd:chunked",
    ..DISKETTE
};

/// The same without what diskette knows of that image.
pub(crate) const DISKETTE_CHANGED_UNKNOWN: Peer = Peer {
    name: "diskette without cache",
    job: "diskette --no-cache --compression zstd:chunked",
    ..DISKETTE_CHANGED
};

/// diskette that converts to a qcow2 with compressed clusters during the build.
pub(crate) const DISKETTE_CONVERT: Peer =
    Peer { job: "diskette --no-cache --convert qcow2 --convert-compress zlib", ..DISKETTE };

pub(crate) const DISKETTE_CONVERT_ZSTD: Peer =
    Peer { job: "diskette --no-cache --convert qcow2 --convert-compress zstd", ..DISKETTE };

/// The same in two steps, with qemu-img and a file in between.
pub(crate) const QEMU_CONVERT: Peer = Peer {
    name: "qemu-img+diskette",
    needs: &[BUILT, Need::Program("qemu-img")],
    version: "qemu-img --version",
    prepare: NOTHING,
    job: "convert_first zlib; diskette --no-cache",
    cleanup: NOTHING,
};

pub(crate) const QEMU_CONVERT_ZSTD: Peer =
    Peer { job: "convert_first zstd; diskette --no-cache", ..QEMU_CONVERT };

pub(crate) const UMOCI: Peer = Peer {
    name: "umoci",
    needs: &[Need::Program("umoci")],
    version: "umoci --version",
    prepare: NOTHING,
    job: "umoci_image",
    cleanup: NOTHING,
};

pub(crate) const UMOCI_ZSTD: Peer = Peer {
    needs: &[
        Need::Program("umoci"),
        Need::Check {
            script: "umoci insert --help | grep -e --compress",
            otherwise: "this umoci has no zstd (0.5 and later have)",
        },
    ],
    job: "umoci_image --compress=zstd",
    ..UMOCI
};

/// Compression is off by default in `buildah commit`, on in `buildah push`.
pub(crate) const BUILDAH_ADD: Peer = Peer {
    name: "buildah-add",
    needs: &[Need::Program("buildah")],
    version: "buildah --version",
    prepare: NOTHING,
    job: r#"
buildah_container
buildah commit --quiet --disable-compression=false "$container" "oci:$OUT:1"
"#,
    cleanup: "unmount_storage",
};

pub(crate) const BUILDAH_BUD: Peer = Peer {
    name: "buildah-bud",
    prepare: "context",
    job: "engine_build buildah bud; engine_push buildah oci",
    ..BUILDAH_ADD
};

pub(crate) const BUILDAH_LAYERS: Peer = Peer {
    name: "buildah-layers",
    job: "engine_build buildah bud --layers; engine_push buildah oci",
    ..BUILDAH_BUD
};

/// Stops at an image in buildah's own storage: `push` compresses the layer again into a layout that
/// already has it, which a registry would have spared it.
pub(crate) const BUILDAH_LAYERS_STORED: Peer =
    Peer { name: "buildah-layers-stored", job: "engine_build buildah bud --layers", ..BUILDAH_BUD };

pub(crate) const PODMAN: Peer = Peer {
    name: "podman",
    needs: &[Need::Program("podman")],
    version: "podman --version",
    prepare: "context",
    job: "engine_build podman build; engine_push podman oci",
    cleanup: "unmount_storage",
};

/// Stops at an image in podman's own storage, as [`BUILDAH_LAYERS_STORED`] does.
pub(crate) const PODMAN_STORED: Peer =
    Peer { name: "podman-stored", job: "engine_build podman build", ..PODMAN };

/// crane writes no OCI layout from nothing: its image is an archive, and it has no ENV.
pub(crate) const CRANE: Peer = Peer {
    name: "crane",
    needs: &[Need::Program("crane")],
    version: "crane version",
    prepare: r#"mkdir "$OUT""#,
    job: r#"
crane_layer
crane append -f "$STATE/layer.tar" -t example.com/bench:1 -o "$OUT/image.tar"
"#,
    cleanup: NOTHING,
};

pub(crate) const BUILDKIT: Peer = Peer {
    name: "buildkit",
    needs: &[
        Need::Program("buildctl"),
        Need::Check { script: "buildctl debug workers", otherwise: "no buildkitd answers" },
    ],
    version: "buildctl --version",
    prepare: "context",
    job: "buildkit --no-cache",
    cleanup: NOTHING,
};

pub(crate) const BUILDKIT_CACHED: Peer = Peer { job: "buildkit", ..BUILDKIT };

/// Not a peer but the limit of a build: every layer needs a hash of the disk.
pub(crate) const OPENSSL: Peer = Peer {
    name: "openssl-sha256",
    needs: &[Need::Program("openssl")],
    version: "openssl version",
    prepare: NOTHING,
    job: r#"openssl dgst -sha256 "$DISK""#,
    cleanup: NOTHING,
};

/// Stands in for a limit of zstd: no hash, no image.
pub(crate) const TAR_ZSTD: Peer = Peer {
    name: "tar-zstd",
    needs: &[Need::Program("zstd")],
    version: "zstd --version",
    prepare: r#"mkdir "$OUT""#,
    job: r#"tar -cf - -C "${DISK%/*}" "$NAME" | zstd --quiet -T2 -3 -o "$OUT/layer.tar.zst""#,
    cleanup: NOTHING,
};
