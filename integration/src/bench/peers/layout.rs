//! **Layouts**: what is done with a finished image on this machine. All peers work on the image that diskette built.

use super::{BUILT, DISKETTE, NOTHING};
use crate::peer::{Need, Peer};

const BUILD: &str = "spec; diskette --no-cache";
const BUILD_ZSTD: &str = "spec; diskette --no-cache --compression zstd";
const BUILD_COLD: &str = "spec; diskette --no-cache; cool";

pub(crate) const DISKETTE_EXTRACT: Peer = Peer {
    prepare: BUILD,
    job: r#""$DISKETTE" extract --quiet --output "$STATE/disk" "oci:$OUT:1""#,
    ..DISKETTE
};

pub(crate) const DISKETTE_EXTRACT_ZSTD: Peer = Peer { prepare: BUILD_ZSTD, ..DISKETTE_EXTRACT };

pub(crate) const DISKETTE_EXTRACT_COLD: Peer = Peer { prepare: BUILD_COLD, ..DISKETTE_EXTRACT };

/// Checks no digest, and knows which file the layer is.
pub(crate) const TAR_EXTRACT: Peer = Peer {
    name: "tar",
    needs: &[BUILT, Need::Program("tar"), Need::Program("zstd")],
    version: "tar --version",
    prepare: BUILD,
    job: r#"tar --extract --sparse --file "$(layer)" --directory "$STATE" --no-same-owner"#,
    cleanup: NOTHING,
};

pub(crate) const TAR_EXTRACT_ZSTD: Peer = Peer { prepare: BUILD_ZSTD, ..TAR_EXTRACT };

pub(crate) const TAR_EXTRACT_COLD: Peer = Peer { prepare: BUILD_COLD, ..TAR_EXTRACT };

/// Into a directory of all files, with all digests checked.
pub(crate) const UMOCI_EXTRACT: Peer = Peer {
    name: "umoci",
    needs: &[BUILT, Need::Program("umoci")],
    version: "umoci --version",
    prepare: "umoci_image",
    job: r#"umoci raw unpack --image "$OUT:1" "$STATE/rootfs""#,
    cleanup: NOTHING,
};

pub(crate) const DISKETTE_VERIFY: Peer =
    Peer { job: r#""$DISKETTE" verify --progress none "oci:$OUT:1""#, ..DISKETTE_EXTRACT };

pub(crate) const DISKETTE_VERIFY_ZSTD: Peer = Peer { prepare: BUILD_ZSTD, ..DISKETTE_VERIFY };

pub(crate) const DISKETTE_VERIFY_COLD: Peer = Peer { prepare: BUILD_COLD, ..DISKETTE_VERIFY };

/// The two digests of a layer and nothing else, side by side.
pub(crate) const SUMS_VERIFY: Peer = Peer {
    name: "sha256sum",
    needs: &[BUILT, Need::Program("gzip"), Need::Program("sha256sum")],
    version: "sha256sum --version",
    prepare: BUILD,
    job: r#"
sha256sum "$(layer)" & gzip --decompress --stdout "$(layer)" | sha256sum
wait $!
"#,
    cleanup: NOTHING,
};

pub(crate) const SUMS_VERIFY_ZSTD: Peer = Peer {
    needs: &[BUILT, Need::Program("zstd"), Need::Program("sha256sum")],
    prepare: BUILD_ZSTD,
    job: r#"
sha256sum "$(layer)" & zstd --quiet --decompress --stdout "$(layer)" | sha256sum
wait $!
"#,
    ..SUMS_VERIFY
};

pub(crate) const SUMS_VERIFY_COLD: Peer = Peer { prepare: BUILD_COLD, ..SUMS_VERIFY };

pub(crate) const DISKETTE_GC: Peer = Peer {
    prepare: "spec; diskette --no-cache; garbage",
    job: r#""$DISKETTE" gc --quiet "$OUT""#,
    ..DISKETTE
};

pub(crate) const UMOCI_GC: Peer = Peer {
    name: "umoci",
    needs: &[Need::Program("umoci")],
    version: "umoci --version",
    prepare: "umoci_image; garbage",
    job: r#"umoci gc --layout "$OUT""#,
    cleanup: NOTHING,
};

/// `make demo` with the sources alone: everything is compiled; `$DISK` is a directory of the sources.
pub(crate) const DEMO: Peer = Peer {
    needs: &[Need::Program("make"), Need::Program("cargo")],
    version: "cargo --version",
    prepare: NOTHING,
    job: r#"CARGO_TARGET_DIR=$STATE/target make --directory "$DISK/.." demo"#,
    ..DISKETTE
};
