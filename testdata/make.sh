#!/usr/bin/env bash
# Makes the demo disks in the directory of this script; run it only to change them. They are real
# disks, and small: a boot sector, a partition table, and an ext4 filesystem with a few files.
# Needs e2fsprogs, qemu-utils and xz-utils; neither root nor mounts.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sectors_before=2048 # of 512 bytes: the partition begins at 1 MiB, as everywhere
filesystem_mib=8
export E2FSPROGS_FAKE_TIME=1 # so that running this again gives the same disks

# Prints a number as four bytes, lowest first.
number() {
    local n=$1
    # shellcheck disable=SC2059
    printf "$(printf '\\x%02x' $((n & 255)) $((n >> 8 & 255)) $((n >> 16 & 255)) $((n >> 24)))"
}

# A boot sector: code for a PC that prints a line, one Linux partition, the signature.
boot_sector() {
    local text="diskette demo: this disk boots no further."
    # xor ax,ax; mov ds,ax; cld; mov si,0x7c19; lodsb; test al,al; jz hlt; mov ah,14; mov bx,7;
    # int 16; jmp lodsb; hlt; jmp hlt
    {
        printf '\x31\xc0\x8e\xd8\xfc\xbe\x19\x7c\xac\x84\xc0\x74\x09\xb4\x0e\xbb\x07\x00'
        printf '\xcd\x10\xeb\xf2\xf4\xeb\xfd%s\r\n\0' "$text"
        head -c 446 /dev/zero
    } | head -c 446
    printf '\x80\xfe\xff\xff\x83\xfe\xff\xff' # active, addressed by sector, type Linux
    number "$sectors_before"
    number $((filesystem_mib * 2048))
    head -c 48 /dev/zero
    printf '\x55\xaa'
}

# make ARCHITECTURE: $work/ARCHITECTURE.qcow2
make_disk() {
    local name=$1 root=$work/$1 raw=$work/$1.raw
    mkdir -p "$root/etc"
    echo "demo-$name" >"$root/etc/hostname"
    printf 'NAME="diskette demo"\nID=diskette-demo\nARCHITECTURE=%s\n' "$name" >"$root/etc/os-release"
    echo "A disk for trying out diskette." >"$root/README"
    find "$root" -exec touch -h -d @1 {} +
    truncate -s $((1 + filesystem_mib))M "$raw"
    boot_sector | dd of="$raw" conv=notrunc status=none
    mke2fs -q -t ext4 -O ^has_journal,^resize_inode -b 4096 -N 64 -m 0 -L demo \
        -U 00000000-0000-4000-8000-00000000d15c \
        -E offset=$((sectors_before * 512)),hash_seed=00000000-0000-4000-8000-00000000d15c,root_owner=0:0 \
        -d "$root" "$raw" ${filesystem_mib}m
    qemu-img convert -f raw -O qcow2 -o cluster_size=4k,compat=1.1 "$raw" "$work/$name.qcow2"
}

for name in x86_64 aarch64; do
    make_disk "$name"
done
cp "$work/x86_64.qcow2" "$here/demo-x86_64.qcow2"
xz -9e --stdout "$work/aarch64.qcow2" >"$here/demo-aarch64.qcow2.xz"
ls -l "$here"/demo-*
