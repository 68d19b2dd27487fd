#!/usr/bin/env bash
# Makes disks that boot, for amd64 and arm64: Debian's installer on a GPT disk with an EFI system partition, which speaks
# on the serial console. No root, no mounts. Disks that are there are kept.
# Usage: make-bootable.sh DIRECTORY. Needs a Debian apt configuration, and qemu-utils.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
cd "$1"
machines=$(cd .. && pwd)/machines
BOOTABLE=1 "$here/machines.sh" "$machines"
libraries=$machines/usr/lib/$(uname -m)-linux-gnu:$machines/lib/$(uname -m)-linux-gnu
PATH=$machines/usr/bin:$machines/usr/sbin:$machines/sbin:$PATH:/usr/sbin:/sbin
work=$(mktemp -d "$PWD/making.XXXXXX")
trap 'rm -rf "$work"' EXIT

# bootable ARCH LOADER CONSOLE
bootable() {
    local installer=$machines/usr/lib/debian-installer/images/12/$1/text/debian-installer/$1
    [ ! -e "installer-$1.qcow2" ] || return 0
    cat >"$work/grub.cfg" <<END
echo "loading Debian's installer"
linux /debian-installer/$1/linux console=$3 DEBIAN_FRONTEND=text
initrd /debian-installer/$1/initrd.gz
boot
END
    # A partition of its own, then the disk around it.
    truncate -s 200M "$work/esp"
    mkfs.vfat -F 32 -n EFI "$work/esp" >/dev/null
    mmd -i "$work/esp" ::EFI ::EFI/BOOT ::debian-installer "::debian-installer/$1" "::debian-installer/$1/grub"
    mcopy -i "$work/esp" "$installer"/grub*64.efi "::EFI/BOOT/$2"
    mcopy -i "$work/esp" "$work/grub.cfg" "::debian-installer/$1/grub/grub.cfg"
    mcopy -i "$work/esp" "$installer/linux" "$installer/initrd.gz" "::debian-installer/$1"
    truncate -s 202M "$work/disk"
    LD_LIBRARY_PATH=$libraries sfdisk -q "$work/disk" <<<'label: gpt
start=2048, size=409600, type=uefi'
    dd if="$work/esp" of="$work/disk" bs=1M seek=1 conv=notrunc,sparse status=none
    qemu-img convert -f raw -O qcow2 -c "$work/disk" "$work/qcow2"
    mv "$work/qcow2" "installer-$1.qcow2"
    rm "$work/disk" "$work/esp"
}

bootable amd64 BOOTX64.EFI ttyS0
bootable arm64 BOOTAA64.EFI ttyAMA0
