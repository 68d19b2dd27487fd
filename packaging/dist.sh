#!/usr/bin/env bash
# Builds the program as it is released, for one target: static on Linux, and the same bytes wherever it is built.
# `packaging/dist.sh TARGET DIRECTORY` leaves there `diskette-VERSION-TARGET`, and an archive of manual pages
# and completions.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
target=$1
output=$2
cargo=${CARGO:-cargo}
cd "$root"

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
# OpenSSL keeps where it was built, so that is the same place for everybody.
build=${DIST_BUILD:-/tmp/diskette-dist}
rm -rf "$build"
mkdir -p "$build" "$output"
trap 'rm -rf "$build"' EXIT
registry=${CARGO_HOME:-$HOME/.cargo}
flags="--remap-path-prefix=$root=/diskette --remap-path-prefix=$registry=/cargo --remap-path-prefix=$build=/build"
case $target in
    *-linux-*) flags+=" -C target-feature=+crt-static" ;;
esac
RUSTFLAGS=$flags CARGO_TARGET_DIR=$build OPENSSL_NO_VENDOR=0 \
    CFLAGS="-ffile-prefix-map=$build=/build -ffile-prefix-map=$registry=/cargo" \
    "$cargo" build --locked --profile dist --package diskette --target "$target"

program=$build/$target/dist/diskette
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
install -m 755 "$program" "$output/diskette-$version-$target"

# What does not depend on the target: manual pages and completions.
share=$build/share
"$program" man "$share/man/man1"
mkdir -p "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"
"$program" completions bash >"$share/bash-completion/completions/diskette"
"$program" completions zsh >"$share/zsh/site-functions/_diskette"
"$program" completions fish >"$share/fish/vendor_completions.d/diskette.fish"
tar --create --gzip --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --mtime="@$SOURCE_DATE_EPOCH" --file "$output/diskette-$version-share.tar.gz" --directory "$build" share
