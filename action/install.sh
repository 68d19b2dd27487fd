#!/usr/bin/env bash
# Puts diskette into the PATH of the steps that follow: a released program whose digest this commit knows, or
# one built from this commit.
#
# DISKETTE_VERSION       a version, or `source`; empty means this commit's own version
# DISKETTE_ACTION_PATH   where the action's files are
# DISKETTE_DOWNLOAD_URL  where releases are, if elsewhere
set -euo pipefail

fail() {
    echo "::error title=diskette::$1" >&2
    exit 1
}

root=$(cd "$DISKETTE_ACTION_PATH" && pwd)
version=${DISKETTE_VERSION:-$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)}
version=${version#v}

if [[ $version == source ]]; then
    command -v cargo >/dev/null || fail "building from source needs Rust: add a step that installs it"
    cargo build --locked --release --manifest-path "$root/Cargo.toml" --package diskette
    directory=${CARGO_TARGET_DIR:-$root/target}/release
else
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] ||
        fail "the version must be like 0.1.0, or source"
    case $RUNNER_OS/$RUNNER_ARCH in
        Linux/X64) target=x86_64-unknown-linux-musl ;;
        Linux/ARM64) target=aarch64-unknown-linux-musl ;;
        macOS/X64) target=x86_64-apple-darwin ;;
        macOS/ARM64) target=aarch64-apple-darwin ;;
        *) fail "there is no released diskette for $RUNNER_OS on $RUNNER_ARCH: use version: source" ;;
    esac
    name=diskette-$version-$target
    digest=$(awk -v name="$name" '$2 == name { print $1 }' "$root/action/checksums.txt")
    [[ $digest =~ ^[0-9a-f]{64}$ ]] ||
        fail "this version of the action has no digest of $name: use the action of that version, or version: source"

    directory=$RUNNER_TOOL_CACHE/diskette/$version/$target
    check() {
        if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi |
            grep -q "^$digest "
    }
    if ! [[ -x $directory/diskette ]] || ! check "$directory/diskette"; then
        base=${DISKETTE_DOWNLOAD_URL:-https://github.com/diskette/diskette/releases/download}
        protocol='=https'
        [[ $base == https://* ]] || protocol='=http'
        mkdir -p "$directory"
        new=$(mktemp "$directory/new.XXXXXX")
        trap 'rm -f "$new"' EXIT
        curl --fail --location --silent --show-error --retry 5 --proto "$protocol" \
            --output "$new" "$base/v$version/$name" || fail "cannot download $name"
        check "$new" || fail "$name is not what this version of the action knows: it was not run"
        chmod 755 "$new"
        mv "$new" "$directory/diskette"
    fi
fi

echo "$directory" >>"$GITHUB_PATH"
echo "version=$version" >>"$GITHUB_OUTPUT"
"$directory/diskette" --version
