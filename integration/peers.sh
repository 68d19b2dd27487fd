#!/usr/bin/env bash
# Installs what building and testing need besides Rust, where that is possible, and names what is
# missing otherwise. Tests that need something missing are skipped with a line that says so; under
# CI (the variable is set) something missing is a failure.
set -euo pipefail

# Program and the Debian package that has it.
peers=(
    cc:gcc make:make perl:perl git:git pkg-config:pkg-config
    tar:tar gzip:gzip bzip2:bzip2 xz:xz-utils zstd:zstd
    curl:curl skopeo:skopeo umoci:umoci podman:podman buildah:buildah crun:crun newuidmap:uidmap
    qemu-img:qemu-utils sfdisk:fdisk sgdisk:gdisk busybox:busybox-static file:file unshare:util-linux
    docker-registry:docker-registry microsocks:microsocks openssl:openssl nginx:nginx python3:python3 groff:groff-base setpriv:util-linux strace:strace time:time
    dpkg:dpkg mkfs.ext4:e2fsprogs debugfs:e2fsprogs mkfs.xfs:xfsprogs mkfs.btrfs:btrfs-progs rpm:rpm rpmbuild:rpm sqlite3:sqlite3
    mkfs.fat:dosfstools mcopy:mtools
    cmark-gfm:cmark-gfm jq:jq gpg:gpg gpg-agent:gpg-agent gpgconf:gpgconf gpgv:gpgv
)

# Prints the packages of the programs that are not there.
missing() {
    local peer
    for peer in "${peers[@]}"; do
        type -P "${peer%%:*}" >/dev/null || echo "${peer#*:}"
    done
    # OpenSSL's build needs more of Perl than a bare Debian has.
    perl -MIPC::Cmd -MFindBin -e 1 2>/dev/null || echo perl
    [ -e /usr/include/stdlib.h ] || echo libc6-dev
    # Where it is there it need not be built.
    [ -e /usr/include/openssl/ssl.h ] || echo libssl-dev
}

# The types of KubeVirt's and CDI's objects, against which those are checked that the program writes.
types=$(dirname "$0")/../target/kubevirt-api
if type -P npm >/dev/null && [ ! -e "$types/package" ]; then
    mkdir -p "$types"
    (
        cd "$types"
        npm pack --silent @kubevirt-ui-ext/kubevirt-api@1.7.0 >/dev/null &&
            tar -xzf ./*.tgz --wildcards 'package/LICENSE' 'package/dist/*/index.d.ts'
    ) || echo "npm could not get the types of KubeVirt's objects" >&2
fi

# The schemas of CycloneDX and the tools of SPDX, against which the documents are checked that list packages.
schemas=$(dirname "$0")/../target/cyclonedx
if type -P npm >/dev/null && [ ! -e "$schemas/package" ]; then
    mkdir -p "$schemas"
    (
        cd "$schemas"
        npm pack --silent @cyclonedx/cyclonedx-library@10.3.0 >/dev/null &&
            tar -xzf ./*.tgz --wildcards 'package/LICENSE' 'package/res/schema/*'
    ) || echo "npm could not get the schemas of CycloneDX" >&2
fi
tools=$(dirname "$0")/../target/spdx-tools
if type -P pip >/dev/null && [ ! -e "$tools" ]; then
    pip install --quiet --target "$tools" spdx-tools==0.8.5 2>/dev/null ||
        echo "pip could not get the tools of SPDX" >&2
fi

# Servers and administrators' tools are not on everybody's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

mapfile -t wanted < <(missing | sort -u)
[ ${#wanted[@]} -gt 0 ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo -n"
fi
if type -P apt-get >/dev/null && $as_root true 2>/dev/null; then
    echo "installing ${wanted[*]}"
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get update -q -o Acquire::Retries=3 >/dev/null
    # --no-remove: whatever was there before stays.
    $as_root apt-get install -q -y --no-install-recommends --no-remove "${wanted[@]}" >/dev/null ||
        echo "apt-get could not install all of them"
    mapfile -t wanted < <(missing | sort -u)
fi
[ ${#wanted[@]} -eq 0 ] || {
    echo "missing: ${wanted[*]}; tests that need them are skipped (outside CI)" >&2
    [ -z "${CI:-}" ]
}
