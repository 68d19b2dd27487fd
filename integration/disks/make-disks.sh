#!/usr/bin/env bash
# Makes the benchmark's disks from Debian packages: real files, no root, no mounts. Disks that are there are kept.
# Usage: make-disks.sh DIRECTORY. Needs mmdebstrap, e2fsprogs, qemu-utils, a Debian apt
# configuration and, without root, subordinate ids for mmdebstrap (/etc/subuid).
set -euo pipefail
shopt -s nullglob
# mmdebstrap, too, writes times of this.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1767225600}
mkdir -p "$1"
cd "$1"
work=$(mktemp -d "$PWD/making.XXXXXX")
# Some directories of a system are read-only, which stops rm for everybody but root.
trap 'chmod -R u+rwX "$work" && rm -rf "$work"' EXIT

# The content of (a), (c) and (d): an ordinary installed system, about 0.9 GB of programs and documentation.
system=linux-image-cloud-amd64,python3,perl,gcc,git,vim,openssh-server,sudo,curl,man-db,perl-doc
# A later build of the same system: the file system is made anew, and three packages have come.
second=$system,jq,tmux,htop
# The content of (b) must still be 1.3 GB when compressed; only unpacked, because maintainer scripts take longest.
workstation=$system,linux-image-amd64,linux-image-rt-amd64,firefox-esr,libreoffice,gimp,openjdk-17-jdk,clang
workstation+=,fonts-noto-core

missing() { for disk; do [[ -e $disk ]] || return 0; done; return 1; }

# tree VARIANT PACKAGES: unpacks a system into $work/tree, from the machine's own apt sources.
# Device nodes need root and foreign owners do not matter to a benchmark, so both are left out.
tree() {
  local sources=() file suite
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{sources,list}; do if [[ -s $file ]]; then sources+=("$file"); fi; done
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mkdir "$work/tree"
  mmdebstrap --quiet --mode=auto --variant="$1" --dpkgopt=force-unsafe-io --include="$2" "$suite" - "${sources[@]}" |
    tar -x -C "$work/tree" --no-same-owner --exclude='./dev/*'
}

# raw SIZE NAME: the tree as an ext4 file system on a sparse disk. mke2fs allocates the space of its journal and tables;
# the copy turns every run of zeros into a hole, as a disk that was trimmed has them.
raw() {
  truncate -s "$1" "$work/raw"
  # The same tree makes the same disk: its identity comes from its name, and all times but those of the content from
  # SOURCE_DATE_EPOCH, as mke2fs does by itself from version 1.47.1 on.
  local uuid; uuid=$(md5sum <<<"${2##*/}" | sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/')
  E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mke2fs -q -F -t ext4 -L debian -U "$uuid" \
    -E "root_owner=0:0,hash_seed=$uuid" -d "$work/tree" "$work/raw"
  set_times "$work/raw"
  cp --sparse=always "$work/raw" "$work/sparse"
  rm "$work/raw"
  mv "$work/sparse" "$2"
}

# set_times RAW: when a file was made, read and changed on this machine is no part of the disk.
set_times() {
  local inode last
  last=$(dumpe2fs -h "$1" 2>/dev/null | awk -F: '/^Inode count/ { all = $2 } /^Free inodes/ { free = $2 } END { print all - free }')
  {
    echo "set_current_time @$SOURCE_DATE_EPOCH"
    for ((inode = 2; inode <= last; inode++)); do
      printf "sif <$inode> %s @$SOURCE_DATE_EPOCH\n" atime ctime crtime
      printf "sif <$inode> %s 0\n" atime_extra ctime_extra crtime_extra
    done
  } >"$work/times"
  debugfs -w -f "$work/times" "$1" >/dev/null 2>&1
}

# qcow2 RAW NAME [-c]: converted under another name first, so that a half-made disk is never taken for one.
qcow2() {
  qemu-img convert -f raw -O qcow2 "${@:3}" "$1" "$work/qcow2"
  mv "$work/qcow2" "$2"
}

if missing debian-{plain.qcow2,3g.raw,10g.raw}; then
  tree standard "$system"
  raw 3G debian-3g.raw
  qcow2 debian-3g.raw debian-plain.qcow2
  raw 10G debian-10g.raw
  rm -rf "$work/tree"
fi
if missing second-plain.qcow2; then
  tree standard "$second"
  raw 3G "$work/second"
  qcow2 "$work/second" second-plain.qcow2
  rm -rf "$work/tree"
fi
if missing debian-compressed.qcow2; then
  tree extract "$workstation"
  raw 10G "$work/workstation"
  qcow2 "$work/workstation" debian-compressed.qcow2 -c
fi
