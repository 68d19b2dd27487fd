#!/usr/bin/env bash
# Makes a Debian 13 in a directory, with the versions of podman, skopeo, cosign and oras that Debian 12 does not have, for
# the tests that use them through DISKETTE_TRIXIE. It has devices of its own, and shares nothing with the machine but its network.
# Usage: trixie.sh DIRECTORY. Needs root and mmdebstrap. A directory that is there is only mounted again.
set -euo pipefail
root=$1
[ -e "$root/usr/bin/podman" ] || mmdebstrap --quiet --variant=minbase \
    --include=podman,crun,skopeo,cosign,oras,ca-certificates trixie "$root"
# podman's unpacking changes how `/` is mounted.
mountpoint -q "$root" || mount --bind "$root" "$root"
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mountpoint -q "$root/sys" || mount -t sysfs -o ro sysfs "$root/sys"
if ! mountpoint -q "$root/dev"; then
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for device in null:3 zero:5 full:7 random:8 urandom:9; do
        mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"
    done
fi
