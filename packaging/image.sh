#!/usr/bin/env bash
# Makes the image of diskette, with diskette: `packaging/image.sh PROGRAMS OUTPUT [ARGUMENT…]`, where PROGRAMS has
# `diskette-VERSION-TARGET` for each architecture; further arguments are for `diskette build`.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
programs=$1
output=$2
shift 2
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp "$root/packaging/Dockerfile" "$context"
cp "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$context/ca-certificates.crt"
platforms=()
for architecture in x86_64:amd64 aarch64:arm64; do
    program=$(find "$programs" -maxdepth 1 -name "diskette-*-${architecture%%:*}-*linux*" | head -n 1)
    [ -n "$program" ] || continue
    cp "$program" "$context/diskette-${architecture#*:}"
    platforms+=("linux/${architecture#*:}")
done
[ ${#platforms[@]} -gt 0 ] || { echo "there is no program for Linux in $programs" >&2; exit 1; }
own=$context/diskette-$(case $(uname -m) in aarch64) echo arm64 ;; *) echo amd64 ;; esac)
list=$(IFS=,; echo "${platforms[*]}")
"$own" build --platform "$list" --output "$output" "$@" "$context"
