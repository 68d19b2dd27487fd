//! The *signatures* of file systems and other contents of a volume, as `blkid` of util-linux knows them.

use std::fmt;

use super::bytes::{be32, be64, le32, le64, read_padded};
use super::{Fault, ReadAt};

/// What is in a volume, as its signature shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VolumeContent {
    /// ext2, ext3 or ext4.
    Ext,
    /// XFS.
    Xfs,
    /// btrfs.
    Btrfs,
    /// FAT of 12, 16 or 32 bits.
    Fat,
    /// A physical volume of LVM.
    Lvm,
    /// An encrypted volume.
    Luks,
    /// A member of an array of Linux's md.
    Raid,
    /// A file system or another content of this name that is not read.
    Other(&'static str),
    /// Nothing that is known.
    Unknown,
}

impl fmt::Display for VolumeContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ext => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::Fat => "fat",
            Self::Lvm => "LVM",
            Self::Luks => "LUKS, encrypted",
            Self::Raid => "a member of a RAID",
            Self::Other(name) => name,
            Self::Unknown => "unknown",
        })
    }
}

/// The length of the longest signature in bytes.
const SIGNATURE_LEN: usize = 24;

/// Offsets in a volume, the bytes there, and what has them: what encloses others, or is beneath them, comes first.
const SIGNATURES: [(u64, &[u8], VolumeContent); 34] = [
    (0, b"LUKS\xba\xbe", VolumeContent::Luks),
    (0, b"LABELONE", VolumeContent::Lvm),
    (512, b"LABELONE", VolumeContent::Lvm),
    (1024, b"LABELONE", VolumeContent::Lvm),
    (1536, b"LABELONE", VolumeContent::Lvm),
    (0, b"\xfc\x4e\x2b\xa9", VolumeContent::Raid),
    (4096, b"\xfc\x4e\x2b\xa9", VolumeContent::Raid),
    (0, b"XFSB", VolumeContent::Xfs),
    (1024 + 0x38, b"\x53\xef", VolumeContent::Ext),
    (0, b"hsqs", VolumeContent::Other("squashfs")),
    (1024, b"\xe2\xe1\xf5\xe0", VolumeContent::Other("erofs")),
    (1024, b"\x10\x20\xf5\xf2", VolumeContent::Other("f2fs")),
    (4086, b"SWAPSPACE2", VolumeContent::Other("swap")),
    (3, b"NTFS    ", VolumeContent::Other("ntfs")),
    (3, b"-FVE-FS-", VolumeContent::Other("BitLocker")),
    (3, b"EXFAT   ", VolumeContent::Other("exfat")),
    (54, b"FAT", VolumeContent::Fat),
    (82, b"FAT32", VolumeContent::Fat),
    (BTRFS_AT, b"_BHRfS_M", VolumeContent::Btrfs),
    (DESCRIPTORS_AT, b"CD001", VolumeContent::Other("iso9660")),
    (DESCRIPTORS_AT, b"BEA01", VolumeContent::Other("udf")),
    (0, b"bluestore block device", VolumeContent::Other("bluestore")),
    (4096 + 24, BCACHE, VolumeContent::Other("bcache")),
    (8192 + 52, b"ReIsEr", VolumeContent::Other("reiserfs")),
    ((64 << 10) + 52, b"ReIsEr", VolumeContent::Other("reiserfs")),
    (32 << 10, b"JFS1", VolumeContent::Other("jfs")),
    (8192 + UFS_AT, b"\x54\x19\x01\x00", VolumeContent::Other("ufs")),
    (8192 + UFS_AT, b"\x00\x01\x19\x54", VolumeContent::Other("ufs")),
    (8192 + UFS_AT, b"\x19\x01\x54\x19", VolumeContent::Other("ufs")),
    (8192 + UFS_AT, b"\x19\x54\x01\x19", VolumeContent::Other("ufs")),
    ((64 << 10) + UFS_AT, b"\x19\x01\x54\x19", VolumeContent::Other("ufs")),
    ((64 << 10) + UFS_AT, b"\x19\x54\x01\x19", VolumeContent::Other("ufs")),
    (1 << 20, b"\x0d\xd0\x01\xc0", VolumeContent::Other("vmfs")),
    (2 << 20, b"\x0d\xf1\xab\x2f", VolumeContent::Other("vmfs")),
];

const BTRFS_AT: u64 = (64 << 10) + 64;
const DESCRIPTORS_AT: u64 = (32 << 10) + 1;
const UFS_AT: u64 = 1372;
const BCACHE: &[u8] = b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81";

/// Magic of an uberblock of ZFS, which has 128 of them, one a KiB, in the second half of each of its four labels.
const ZFS_MAGIC: u64 = 0x00ba_b10c;
const ZFS_LABEL_LEN: u64 = 256 << 10;
const ZFS: VolumeContent = VolumeContent::Other("zfs");

/// Magic of a member of an array of Linux's md.
const MD_MAGIC: u32 = 0xa92b_4efc;

/// Returns what is in the volume that begins at an offset of the disk. What lies behind the end of the disk is zero.
pub(super) fn recognize(disk: &dyn ReadAt, start: u64, len: u64) -> Result<VolumeContent, Fault> {
    Ok(find_signature(disk, start, len, &|_| true)?.unwrap_or(VolumeContent::Unknown))
}

/// Returns another content than `known` whose signature a volume has too: what was there before, or leaves the beginning of
/// a volume alone.
pub(super) fn find_other_content(
    disk: &dyn ReadAt,
    start: u64,
    len: u64,
    known: VolumeContent,
) -> Result<Option<VolumeContent>, Fault> {
    if let Some(other) = find_signature(disk, start, len, &|content| content != known)? {
        return Ok(Some(other));
    }
    if has_zfs_label(disk, start, len)? {
        return Ok(Some(ZFS));
    }
    // Version 0.90 is in the last whole 64 KiB, 1.0 at least 8 KiB before the end.
    let places = [(len & !0xffff).checked_sub(64 << 10), (len & !0xfff).checked_sub(8 << 10)];
    for offset in places.into_iter().flatten() {
        let found: [u8; 4] = read_padded(disk, start.saturating_add(offset))?;
        if [le32(&found, 0), be32(&found, 0)].contains(&MD_MAGIC) {
            return Ok(Some(VolumeContent::Raid));
        }
    }
    Ok(None)
}

/// Returns the first content in the order of [`SIGNATURES`] that a volume has and that is looked for.
fn find_signature(
    disk: &dyn ReadAt,
    start: u64,
    len: u64,
    is_wanted: &dyn Fn(VolumeContent) -> bool,
) -> Result<Option<VolumeContent>, Fault> {
    let near: Box<[u8; 8192]> = Box::new(read_padded(disk, start)?);
    for (offset, magic, content) in SIGNATURES {
        if !is_wanted(content) || offset.saturating_add(magic.len() as u64) > len {
            continue;
        }
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let has_it = if let Some(found) = near.get(at..at.saturating_add(SIGNATURE_LEN)) {
            found.starts_with(magic)
        } else {
            let at = start.saturating_add(offset);
            read_padded::<SIGNATURE_LEN>(disk, at)?.starts_with(magic)
        };
        if has_it {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

/// Returns whether a volume has a label of ZFS that was written to.
fn has_zfs_label(disk: &dyn ReadAt, start: u64, len: u64) -> Result<bool, Fault> {
    let count = len / ZFS_LABEL_LEN;
    let labels = if count < 4 { Vec::new() } else { vec![0, 1, count - 2, count - 1] };
    for label in labels {
        for number in 0..128 {
            let offset = label * ZFS_LABEL_LEN + ZFS_LABEL_LEN / 2 + (number << 10);
            let found: [u8; 8] = read_padded(disk, start.saturating_add(offset))?;
            if [le64(&found, 0), be64(&found, 0)].contains(&ZFS_MAGIC) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each signature is read as a whole, is in front of no other that has the same bytes, and is found.
    #[test]
    fn each_signature_is_found_where_it_is() {
        for (offset, magic, content) in SIGNATURES {
            assert!(magic.len() <= SIGNATURE_LEN, "{content}");
            let mut disk = vec![0; 3 << 20];
            let at = usize::try_from(offset).unwrap();
            disk[at..at + magic.len()].copy_from_slice(magic);
            let len = disk.len() as u64;
            assert_eq!(recognize(&disk, 0, len).unwrap(), content, "{offset}");
            assert_eq!(find_other_content(&disk, 0, len, content).unwrap(), None, "{offset}");
            // It is not that of a volume that ends before it.
            assert_eq!(recognize(&disk, 0, offset).unwrap(), VolumeContent::Unknown, "{offset}");
        }
    }
}
