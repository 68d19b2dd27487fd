//! The **peers** themselves. Each does the same job: `FROM scratch`, one disk in `/disk`, owned by
//! 107:107, one ENV.

use crate::peer::{Need, Peer};

/// Functions that scripts use: storage of its own for every run, so that nothing is left from the
/// one before.
pub(crate) const PRELUDE: &str = r#"
buildah() { command buildah --root "$STATE/graph" --runroot "$STATE/run" --storage-driver "$DRIVER" "$@"; }
podman() {
  command podman --root "$STATE/graph" --runroot "$STATE/run" --storage-driver "$DRIVER" \
    --cgroup-manager cgroupfs --events-backend file "$@"
}
# A build context: the disk hard-linked, because copying it is no part of the job.
context() {
  mkdir "$STATE/context"
  ln "$DISK" "$STATE/context/$NAME" 2>/dev/null || cp --sparse=always "$DISK" "$STATE/context/$NAME"
  printf 'FROM scratch\nCOPY --chown=107:107 %s /disk/\nENV K=V\n' "$NAME" >"$STATE/context/Containerfile"
}
# Of a context that is the disk: the Dockerfile beside it.
dockerfile() { printf 'FROM scratch\nCOPY . /data/\n' >"$STATE/Containerfile"; }
spec() {
  printf 'apiVersion: diskette/v1\nplatforms:\n  linux/amd64: { disk: "%s" }\nenv: { K: V }\n' "$DISK" >"$STATE/spec.yaml"
}
diskette() {
  "$DISKETTE" build -t example.com/bench:1 -o "oci:$OUT" --progress none -f "$STATE/spec.yaml" "$@"
}
convert_first() {
  qemu-img convert -c -m 2 -W -O qcow2 -o compression_type="$1" "$DISK" "$STATE/disk.qcow2"
  DISK=$STATE/disk.qcow2 spec
}
umoci_image() {
  umoci init --layout "$OUT"
  umoci new --image "$OUT:1"
  umoci insert "$@" --uid-map 107:0:1 --gid-map 107:0:1 --image "$OUT:1" "$DISK" "/disk/$NAME"
  umoci config --image "$OUT:1" --config.env K=V --architecture amd64 --os linux
}
buildkit() {
  buildctl build --frontend dockerfile.v0 --local context="$STATE/context" --local dockerfile="$STATE/context" \
    --opt filename=Containerfile --output "type=oci,tar=false,dest=$OUT" "$@"
}
# A registry for this run alone: what an earlier one left would be spared the next.
registry_start() {
  local port; port=$(free_port)
  printf 'version: 0.1\nlog: { level: error, accesslog: { disabled: true } }\nstorage: { filesystem: { rootdirectory: %s } }\nhttp: { addr: "127.0.0.1:%s" }\n' \
    "$STATE/registry" "$port" >"$STATE/registry.yml"
  docker-registry serve "$STATE/registry.yml" >"$STATE/registry.log" 2>&1 &
  echo $! >"$STATE/registry.pid"
  echo "127.0.0.1:$port" >"$STATE/address"
  until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/v2/"; do sleep 0.05; done
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# What upstream publishes is `$DISK`.
upstream_start() {
  local port; port=$(free_port)
  printf 'daemon off; pid %s; error_log stderr error; events {}\nhttp { access_log off; sendfile on; server { listen 127.0.0.1:%s; root %s; } }\n' \
    "$STATE/upstream.pid" "$port" "$DISK" >"$STATE/upstream.conf"
  nginx -e stderr -c "$STATE/upstream.conf" >"$STATE/upstream.log" 2>&1 &
  echo "http://127.0.0.1:$port" >"$STATE/upstream"
  until curl --silent --fail --output /dev/null "$(<"$STATE/upstream")/SHA256SUMS"; do sleep 0.05; done
}
upstream_stop() { kill "$(<"$STATE/upstream.pid")"; }
# An image for each of its disks.
catalogue() {
  local disk
  for disk in "$DISK"/*.qcow2; do
    disk=${disk##*/}; disk=${disk%-*}
    printf -- '---\napiVersion: diskette/v1\nimage: %s/bench/%s\ntags: ["1", "{version}"]\nplatforms: [linux/amd64]\n' "$(<"$STATE/address")" "$disk"
    printf 'release:\n  from: checksums\n  url: %s/SHA256SUMS\n  file: "%s-(?<version>[0-9]+)[.]qcow2"\n' "$(<"$STATE/upstream")" "$disk"
  done >"$STATE/catalogue.yaml"
}
# One of its disks, checked, as a file.
download() {
  curl --silent --fail --output "$STATE/$1" "$(<"$STATE/upstream")/$1"
  grep " $1\$" "$DISK/SHA256SUMS" | (cd "$STATE"; sha256sum --quiet --check)
}
# Does something with each of them, two at a time.
two_at_a_time() {
  export -f "$@" download buildah
  (cd "$DISK"; ls -- *.qcow2) | xargs -P 2 -I {} bash -euo pipefail -c "download {}; $1 {}"
}
umoci_one() {
  umoci init --layout "$OUT-$1"
  umoci new --image "$OUT-$1:1"
  umoci insert --uid-map 107:0:1 --gid-map 107:0:1 --image "$OUT-$1:1" "$STATE/$1" "/disk/$1"
  umoci config --image "$OUT-$1:1" --architecture amd64 --os linux
  skopeo copy --quiet --dest-tls-verify=false "oci:$OUT-$1:1" "docker://$(<"$STATE/address")/bench/${1%-*}:1"
}
buildah_one() {
  local container; container=$(buildah from scratch)
  buildah add --quiet --chown 107:107 "$container" "$STATE/$1" /disk/
  buildah commit --quiet "$container" "$1"
  buildah push --quiet --tls-verify=false "$1" "docker://$(<"$STATE/address")/bench/${1%-*}:1"
}
registry_stop() { kill "$(<"$STATE/registry.pid")"; }
image() { echo "$(<"$STATE/address")/bench:1"; }
diskette_push() {
  "$DISKETTE" build --push -t "$(image)" --progress none -f "$STATE/spec.yaml" "$@"
}
# containers/storage mounts its overlay directory onto itself.
unmount_storage() {
  ! mountpoint -q "$STATE/graph/overlay" || umount "$STATE/graph/overlay"
}
"#;

const NOTHING: &str = ":";

const BUILT: Need = Need::Check {
    script: r"[[ -x $DISKETTE ]]",
    otherwise: "not built: cargo build --release, or --diskette PATH",
};

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
            script: "umoci insert --help | grep -q -e --compress",
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
container=$(buildah from scratch)
buildah add --quiet --chown 107:107 "$container" "$DISK" /disk/
buildah config --env K=V "$container"
buildah commit --quiet --disable-compression=false "$container" "oci:$OUT:1"
"#,
    cleanup: "unmount_storage",
};

pub(crate) const BUILDAH_BUD: Peer = Peer {
    name: "buildah-bud",
    prepare: "context",
    job: r#"
buildah bud --quiet --isolation chroot -t bench:1 -f "$STATE/context/Containerfile" "$STATE/context"
buildah push --quiet bench:1 "oci:$OUT:1"
"#,
    ..BUILDAH_ADD
};

pub(crate) const BUILDAH_LAYERS: Peer = Peer {
    name: "buildah-layers",
    job: r#"
buildah bud --quiet --layers --isolation chroot -t bench:1 -f "$STATE/context/Containerfile" "$STATE/context"
buildah push --quiet bench:1 "oci:$OUT:1"
"#,
    ..BUILDAH_BUD
};

/// Stops at an image in buildah's own storage: `push` compresses the layer again into a layout that
/// already has it, which a registry would have spared it.
pub(crate) const BUILDAH_LAYERS_STORED: Peer = Peer {
    name: "buildah-layers-stored",
    job: r#"
buildah bud --quiet --layers --isolation chroot -t bench:1 -f "$STATE/context/Containerfile" "$STATE/context"
"#,
    ..BUILDAH_BUD
};

pub(crate) const PODMAN: Peer = Peer {
    name: "podman",
    needs: &[Need::Program("podman")],
    version: "podman --version",
    prepare: "context",
    job: r#"
podman build --quiet --isolation chroot -t bench:1 -f "$STATE/context/Containerfile" "$STATE/context"
podman push --quiet bench:1 "oci:$OUT:1"
"#,
    cleanup: "unmount_storage",
};

/// Stops at an image in podman's own storage, as [`BUILDAH_LAYERS_STORED`] does.
pub(crate) const PODMAN_STORED: Peer = Peer {
    name: "podman-stored",
    job: r#"
podman build --quiet --isolation chroot -t bench:1 -f "$STATE/context/Containerfile" "$STATE/context"
"#,
    ..PODMAN
};

/// diskette with a directory in place of the disk.
pub(crate) const DISKETTE_CONTEXT: Peer = Peer {
    prepare: "dockerfile",
    job: r#"
"$DISKETTE" build --no-cache -t example.com/bench:1 -o "oci:$OUT" --progress none -f "$STATE/Containerfile" "$DISK"
"#,
    ..DISKETTE
};

pub(crate) const BUILDAH_CONTEXT: Peer = Peer {
    prepare: "dockerfile",
    job: r#"
buildah bud --quiet --isolation chroot -t bench:1 -f "$STATE/Containerfile" "$DISK"
buildah push --quiet bench:1 "oci:$OUT:1"
"#,
    ..BUILDAH_BUD
};

pub(crate) const PODMAN_CONTEXT: Peer = Peer {
    prepare: "dockerfile",
    job: r#"
podman build --quiet --isolation chroot -t bench:1 -f "$STATE/Containerfile" "$DISK"
podman push --quiet bench:1 "oci:$OUT:1"
"#,
    ..PODMAN
};

/// crane writes no OCI layout from nothing: its image is an archive, and it has no ENV.
pub(crate) const CRANE: Peer = Peer {
    name: "crane",
    needs: &[Need::Program("crane")],
    version: "crane version",
    prepare: r#"mkdir "$OUT""#,
    job: r#"
tar --owner=107 --group=107 --numeric-owner --transform 's,^,disk/,' -cf "$STATE/layer.tar" -C "${DISK%/*}" "$NAME"
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

const REGISTRY: Need = Need::Program("docker-registry");

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
container=$(buildah from scratch)
buildah add --quiet --chown 107:107 "$container" "$DISK" /disk/
buildah config --env K=V "$container"
buildah commit --quiet "$container" bench:1
buildah push --quiet --tls-verify=false bench:1 "docker://$(image)"
"#,
    cleanup: "registry_stop; unmount_storage",
    ..BUILDAH_ADD
};

pub(crate) const BUILDAH_BUD_PUSH: Peer = Peer {
    name: "buildah-bud",
    prepare: "context; registry_start",
    job: r#"
buildah bud --quiet --isolation chroot -t bench:1 -f "$STATE/context/Containerfile" "$STATE/context"
buildah push --quiet --tls-verify=false bench:1 "docker://$(image)"
"#,
    ..BUILDAH_ADD_PUSH
};

pub(crate) const PODMAN_PUSH: Peer = Peer {
    name: "podman",
    needs: &[Need::Program("podman"), REGISTRY],
    prepare: "context; registry_start",
    job: r#"
podman build --quiet --isolation chroot -t bench:1 -f "$STATE/context/Containerfile" "$STATE/context"
podman push --quiet --tls-verify=false bench:1 "docker://$(image)"
"#,
    cleanup: "registry_stop; unmount_storage",
    ..PODMAN
};

pub(crate) const CRANE_PUSH: Peer = Peer {
    needs: &[Need::Program("crane"), REGISTRY],
    prepare: "registry_start",
    job: r#"
tar --owner=107 --group=107 --numeric-owner --transform 's,^,disk/,' -cf "$STATE/layer.tar" -C "${DISK%/*}" "$NAME"
crane append --insecure -f "$STATE/layer.tar" -t "$(image)"
"#,
    cleanup: "registry_stop",
    ..CRANE
};

const UPSTREAM: Need = Need::Program("nginx");

/// diskette with a catalogue, from upstream to the registry.
pub(crate) const DISKETTE_SYNC: Peer = Peer {
    needs: &[BUILT, REGISTRY, UPSTREAM],
    prepare: "registry_start; upstream_start; catalogue",
    job: r#""$DISKETTE" sync --workers 2 --no-cache --progress none "$STATE/catalogue.yaml" >/dev/null"#,
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

/// Not a peer but the limit of the registry: the finished layer, sent by curl.
pub(crate) const INGEST: Peer = Peer {
    name: "curl-put",
    needs: &[BUILT, Need::Program("curl"), REGISTRY],
    version: "curl --version",
    prepare: "spec; diskette --no-cache; registry_start",
    job: r#"
layer=$(ls -S "$OUT/blobs/sha256" | head -1)
location=$(curl --silent --fail -X POST -D - "http://$(<"$STATE/address")/v2/bench/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
curl --silent --fail -T "$OUT/blobs/sha256/$layer" -H 'Content-Type: application/octet-stream' "$location&digest=sha256:$layer"
"#,
    cleanup: "registry_stop",
};

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
