#!/usr/bin/env bash
# Unpacks QEMU's machines and their firmware into a directory, without root and without installing anything: what
# is installed may be newer than what Debian has of them, and would be removed. Usage: machines.sh DIRECTORY.
# DIRECTORY/bin goes into PATH. With BOOTABLE set, also what make-bootable.sh makes disks of.
set -euo pipefail
is_installed() { type -P qemu-system-x86_64 qemu-system-aarch64 >/dev/null && [ -e /usr/share/OVMF ] && [ -e /usr/share/AAVMF ]; }
[ -n "${BOOTABLE:-}" ] || ! is_installed || exit 0
type -P apt-get >/dev/null || {
    echo "missing: QEMU's machines for x86_64 and aarch64; tests that boot disks are skipped (outside CI)" >&2
    [ -z "${CI:-}" ]
    exit
}
mkdir -p "$1"
cd "$1"
packages=(qemu-system-x86 qemu-system-arm ovmf qemu-efi-aarch64)
if [ -n "${BOOTABLE:-}" ]; then
    packages+=(mtools dosfstools fdisk debian-installer-12-netboot-{amd64,arm64})
fi
stamp="unpacked ${packages[*]}"
[ ! -e "$stamp" ] || exit 0

# Their dependencies too, unless they are installed.
list=$(mktemp -d "$PWD/download.XXXXXX")
trap 'rm -rf "$list"' EXIT
cd "$list"
chmod 755 .
simulate() { apt-get --simulate install --no-install-recommends "${packages[@]}"; }
# A machine may know of no packages yet.
simulate >/dev/null 2>&1 || $([ "$(id -u)" -eq 0 ] || echo sudo -n) apt-get update -q -o Acquire::Retries=3 >/dev/null
simulate | sed -n 's/^Inst \([^ ]*\).*/\1/p' >packages
# Those that are installed are unpacked from their packages all the same.
printf '%s\n' "${packages[@]}" >>packages
sort -u packages | xargs apt-get download -q -o APT::Sandbox::User=root -o Acquire::Retries=3 >/dev/null
for package in *.deb; do dpkg-deb -x "$package" ..; done
cd ..

# With its own libraries, and its firmware where they are together.
mkdir -p bin share
ln -sfn ../usr/share/OVMF share/OVMF
ln -sfn ../usr/share/AAVMF share/AAVMF
for program in usr/bin/qemu-system-{x86_64,aarch64}; do
    wrapper=bin/${program##*/}
    cat >"$wrapper" <<END
#!/bin/sh
root=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
export LD_LIBRARY_PATH="\$root/usr/lib/\$(uname -m)-linux-gnu:\$root/lib/\$(uname -m)-linux-gnu"
exec "\$root/$program" -L "\$root/usr/share/qemu" -L "\$root/usr/share/seabios" -L "\$root/usr/lib/ipxe/qemu" "\$@"
END
    chmod +x "$wrapper"
done
touch "$stamp"
