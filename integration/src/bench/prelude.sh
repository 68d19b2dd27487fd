# Functions that the scripts of all peers use. Each run has storage of its own: nothing is left from the one before.
buildah() { command buildah --root "$STATE/graph" --runroot "$STATE/run" --storage-driver "$DRIVER" "$@"; }
podman() {
  command podman --root "$STATE/graph" --runroot "$STATE/run" --storage-driver "$DRIVER" \
    --cgroup-manager cgroupfs --events-backend file "$@"
}
# A build context: the disk hard-linked, because copying it is no part of the job.
context() {
  mkdir "$STATE/context"
  ln "$DISK" "$STATE/context/$NAME" 2>/dev/null || cp --sparse=always "$DISK" "$STATE/context/$NAME"
  printf 'FROM scratch\nCOPY --chown=107:107 %s /disk/\nENV K=V\n' "$NAME" >"$STATE/Containerfile"
}
# The Dockerfile of a context that is `$DISK` itself.
dockerfile() { printf 'FROM scratch\nCOPY . /data/\n' >"$STATE/Containerfile"; }
context_directory() { if [[ -d $DISK ]]; then echo "$DISK"; else echo "$STATE/context"; fi; }
# engine_build buildah bud [OPTION...], engine_build podman build: into the storage of the tool.
engine_build() { "$@" --quiet --isolation chroot -t bench:1 -f "$STATE/Containerfile" "$(context_directory)"; }
# engine_push TOOL oci|registry: from the storage of the tool.
engine_push() {
  case $2 in
    oci) "$1" push --quiet bench:1 "oci:$OUT:1" ;;
    registry) "$1" push --quiet --tls-verify=false bench:1 "docker://$(image)" ;;
  esac
}
# Makes `$container` with a disk.
buildah_add() {
  container=$(buildah from scratch)
  buildah add --quiet --chown 107:107 "$container" "$1" /disk/
}
# Makes the same from `$DISK`, with the ENV that all images have.
buildah_container() {
  buildah_add "$DISK"
  buildah config --env K=V "$container"
}
# The layer that `crane append` takes.
crane_layer() {
  tar --owner=107 --group=107 --numeric-owner --transform 's,^,disk/,' -cf "$STATE/layer.tar" -C "${DISK%/*}" "$NAME"
}
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
  buildctl build --frontend dockerfile.v0 --local context="$STATE/context" --local dockerfile="$STATE" \
    --opt filename=Containerfile --output "type=oci,tar=false,dest=$OUT" "$@"
}
# A registry for this run alone: what an earlier one left would be spared the next.
registry_start() {
  local port; port=$(free_port)
  printf 'version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: %s } }\nhttp: { addr: "127.0.0.1:%s" }\n' \
    "$STATE/registry" "$port" >"$STATE/registry.yml"
  docker-registry serve "$STATE/registry.yml" >"$STATE/registry.access" 2>"$STATE/registry.log" &
  echo $! >"$STATE/registry.pid"
  echo "127.0.0.1:$port" >"$STATE/address"
  until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/v2/"; do sleep 0.05; done
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# What upstream publishes is `$DISK`.
upstream_start() {
  local port; port=$(free_port)
  printf 'daemon off; pid %s; error_log stderr error; events {}\nhttp { access_log %s; sendfile on; server { listen 127.0.0.1:%s; root %s; } }\n' \
    "$STATE/upstream.pid" "$STATE/upstream.access" "$port" "$DISK" >"$STATE/upstream.conf"
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
  export -f "$@" download buildah buildah_add
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
  local container; buildah_add "$STATE/$1"
  buildah commit --quiet "$container" "$1"
  buildah push --quiet --tls-verify=false "$1" "docker://$(<"$STATE/address")/bench/${1%-*}:1"
}
registry_stop() { kill "$(<"$STATE/registry.pid")"; }
image() { echo "$(<"$STATE/address")/bench:${TAG:-1}"; }
diskette_push() {
  "$DISKETTE" build --push -t "$(image)" --progress none -f "$STATE/spec.yaml" "$@"
}
# containers/storage mounts its overlay directory onto itself.
unmount_storage() {
  ! mountpoint -q "$STATE/graph/overlay" || umount "$STATE/graph/overlay"
}

# Publishers: each puts an image of `$DISK` into the registry, and leaves nothing else.
publish_diskette() { spec; diskette_push --no-cache "$@"; }
publish_umoci() {
  OUT=$STATE/umoci umoci_image
  skopeo copy --quiet --dest-tls-verify=false "oci:$STATE/umoci:1" "docker://$(image)"
  rm -r "$STATE/umoci"
}
publish_buildah() {
  local container; buildah_add "$DISK"
  buildah commit --quiet "$container" bench:1
  engine_push buildah registry
  buildah rm --all; buildah rmi --all --force
  unmount_storage; rm -r "$STATE/graph"
}
# Publishes the disk that `$DISK` is a later build of as tag 1, and `$DISK` as tag 2.
publish_both() {
  TAG=1 first_disk "$@"
  TAG=2 "$@"
}
# Does something with the first disk instead of the second.
first_disk() {
  local first=${DISK%/*}/debian-plain.qcow2
  DISK=$first NAME=${first##*/} "$@"
}
# The largest blob of the registry: the layer.
registry_layer() {
  find "$STATE/registry" -path '*/blobs/sha256/*' -name data -printf '%s %h\n' | sort -n | tail -n 1 | sed 's,.*/,,'
}

# A node's podman, with partial images enabled and a store for this run alone: of the Debian 13 in `$DISKETTE_TRIXIE`,
# or else this machine's, which reads zstd:chunked as it reads zstd.
node_root() { echo "${DISKETTE_TRIXIE:-}"; }
node_store() { if [[ $(node_root) ]]; then echo "$(node_root)/var/tmp/bench-$(basename "${STATE%/*}")"; else echo "$STATE/node"; fi; }
node_podman() {
  local settings; settings=$(node_store)/storage.conf
  if [[ $(node_root) ]]; then
    chroot "$(node_root)" env -u XDG_CACHE_HOME TMPDIR=/var/tmp CONTAINERS_STORAGE_CONF="${settings#"$(node_root)"}" podman "$@"
  else
    CONTAINERS_STORAGE_CONF=$settings command podman --cgroup-manager cgroupfs --events-backend file "$@"
  fi
}
node_start() {
  local store inside; store=$(node_store); inside=${store#"$(node_root)"}
  mkdir "$store"
  printf '[storage]\ndriver = "%s"\ngraphroot = "%s/graph"\nrunroot = "%s/run"\n[storage.options]\npull_options = { enable_partial_images = "true" }\n' \
    "$DRIVER" "$inside" "$inside" >"$store/storage.conf"
  # Makes the store.
  node_podman images --quiet
}
node_pull() { node_podman pull --quiet --tls-verify=false "$(image)"; }
node_stop() {
  local store; store=$(node_store)
  [[ -e $store ]] || return 0
  node_podman rmi --all --force >/dev/null
  ! mountpoint -q "$store/graph/overlay" || umount "$store/graph/overlay"
  rm -r "$store"
}

containerd_start() {
  printf 'version = 2\nroot = "%s"\nstate = "%s"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "%s"\n' \
    "$STATE/containerd" "$STATE/containerd.run" "$STATE/containerd.sock" >"$STATE/containerd.toml"
  containerd --config "$STATE/containerd.toml" --log-level error >"$STATE/containerd.log" 2>&1 &
  echo $! >"$STATE/containerd.pid"
  until ctr --address "$STATE/containerd.sock" version >/dev/null 2>&1; do sleep 0.05; done
}
# `ctr` unpacks the layer before it ends.
containerd_pull() { ctr --address "$STATE/containerd.sock" images pull --plain-http "$(image)" >/dev/null; }
containerd_stop() {
  local pid; pid=$(<"$STATE/containerd.pid")
  kill "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
}

# The layer of the layout `$OUT`: its largest file.
layer() { find "$OUT/blobs" -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2; }
# Takes the layout out of the page cache.
cool() {
  sync
  find "$OUT" -type f -exec dd if={} iflag=nocache count=0 status=none ';'
}
# Adds blobs of 1 GB that nothing names to the layout.
garbage() {
  local number
  for number in {1..250}; do
    head -c 4000000 /dev/urandom >"$STATE/garbage"
    mv "$STATE/garbage" "$OUT/blobs/sha256/$(sha256sum <"$STATE/garbage" | cut -d ' ' -f 1)"
  done
}
# Publishes what upstream has published, so that there is nothing left to do.
synced() { "$DISKETTE" sync --workers 2 --no-cache --progress none "$STATE/catalogue.yaml" >/dev/null; }
# Looks in the registry for each version that the list of upstream has, two at a time.
look_for_versions() {
  curl --silent --fail "$(<"$STATE/upstream")/SHA256SUMS" | sed -n 's/^[0-9a-f]*  \(.*\)-\([0-9]*\)[.]qcow2$/\1:\2/p' |
    xargs -P 2 -I {} skopeo inspect --raw --tls-verify=false "docker://$(<"$STATE/address")/bench/{}" >/dev/null
}
