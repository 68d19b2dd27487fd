#!/usr/bin/env bash
# A new user's first steps in a bare Debian 12: Rust, a C compiler, make and perl are there, and nothing else; the user
# has no privileges and may write nowhere but at home. What needs no network has none. Needs root, debootstrap, and a
# network for the packages; `integration/test-user.sh DIRECTORY` keeps the system there for the next time.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
system=${1:-$root/target/test-user}
toolchain=$(rustc --print sysroot)
cargo_home=${CARGO_HOME:-$HOME/.cargo}

if ! [ -e "$system/etc/debian_version" ]; then
    type -P debootstrap >/dev/null || apt-get install -q -y --no-install-recommends debootstrap >/dev/null
    debootstrap --variant=minbase --include=gcc,libc6-dev,make,perl,ca-certificates bookworm "$system"
fi
chroot "$system" id user >/dev/null 2>&1 || chroot "$system" useradd --create-home user
rm -rf "$system/home/user" "$system/opt/rust"
mkdir -p "$system/home/user/.cargo" "$system/opt"
cp -a "$toolchain" "$system/opt/rust"
# Crates that were downloaded here need not be downloaded again.
cp -a "$cargo_home/registry" "$system/home/user/.cargo/registry"
git clone -q --depth 1 "file://$root" "$system/home/user/diskette"
cat >"$system/home/user/steps.sh" <<'STEPS'
set -eux
cd ~/diskette
make demo
export PATH="$PWD/target/release:$PATH"
diskette --version
mkdir ~/work && cd ~/work
cp ~/diskette/testdata/demo-* .
diskette init --image quay.io/me/demo
cat diskette.yaml
diskette build -o oci:out
diskette verify oci:out
diskette inspect oci:out
diskette extract oci:out -o disk.again
diskette doctor 127.0.0.1:5000
diskette build -t 127.0.0.1:5000/me/demo:1 --push
diskette verify 127.0.0.1:5000/me/demo:1
diskette manifests vm 127.0.0.1:5000/me/demo:1 >vm.yaml
touch /usr/here 2>/dev/null && exit 1
test "$(id -u)" != 0
STEPS
chroot "$system" chown -R user: /home/user
# No network but a registry on it, no other processes to see, and nothing to write to outside of the home and /tmp.
cat >"$system/registry.yml" <<'REGISTRY'
version: 0.1
log: { accesslog: { disabled: true }, level: error }
storage: { filesystem: { rootdirectory: /tmp/registry } }
http: { addr: 127.0.0.1:5000, secret: of this test }
REGISTRY
# shellcheck disable=SC2016
unshare --net --mount --pid --fork bash -euc '
    mount --bind "$0" "$0"
    mount --bind "$0/home/user" "$0/home/user"
    mount -o remount,ro,bind "$0"
    mount -t tmpfs tmpfs "$0/tmp"
    mount -t proc proc "$0/proc"
    mount --bind /dev "$0/dev"
    mount -t tmpfs tmpfs /tmp
    busybox ip link set lo up
    docker-registry serve "$0/registry.yml" &
    chroot --userspec=user:user "$0" /usr/bin/env -i HOME=/home/user PATH=/opt/rust/bin:/usr/bin:/bin \
        CARGO_NET_OFFLINE=true sh /home/user/steps.sh
' "$system"
echo "the test user is content"
