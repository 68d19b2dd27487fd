//! The *volumes* of a disk, as its virtual machine sees it: its partitions, or the whole of a disk that has
//! no partition table; and what the first bytes show of their contents.

use std::fmt;

use super::bytes::{le16, le32, read_padded};
use super::partitions::list_partitions;
use super::signatures;
use super::{Fault, ReadAt};

/// How many volumes are looked at.
const VOLUMES_MAX: usize = 256;

/// Offset of the copy of an array's metadata of version 1.2, in bytes.
const MD_1_2_AT: usize = 4096;

/// A volume of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Volume {
    /// Number of the partition; `None` for a disk without a partition table.
    pub(crate) partition: Option<u32>,
    /// Where it begins on the disk, in bytes.
    pub(crate) start: u64,
    /// Length in bytes; it may be longer than the disk.
    pub(crate) len: u64,
    /// What is in it.
    pub(crate) content: VolumeContent,
}

/// What is in a volume, as its first bytes show.
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

impl fmt::Display for Volume {
    /// Writes which volume it is, and what it has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.partition {
            Some(number) => write!(f, "partition {number} ({})", self.content),
            None => write!(f, "the whole disk ({})", self.content),
        }
    }
}

/// Lists the volumes of a disk in the order of its table.
pub(crate) fn list_volumes(disk: &dyn ReadAt) -> Result<Vec<Volume>, Fault> {
    let whole = recognize(disk, 0)?;
    // The boot sector of a file system can look like a partition table.
    let partitions = if whole == VolumeContent::Unknown { list_partitions(disk)? } else { None };
    let Some(partitions) = partitions else {
        let volume = Volume { partition: None, start: 0, len: disk.len(), content: whole };
        return Ok(vec![volume]);
    };
    let mut volumes = Vec::new();
    for partition in partitions.iter().take(VOLUMES_MAX) {
        let content = recognize(disk, partition.start)?;
        let (start, len) = (partition.start, partition.len);
        volumes.push(Volume { partition: Some(partition.number), start, len, content });
    }
    Ok(volumes)
}

/// Returns the name of another content whose signature a volume has too: a file system that was there before, or one that
/// leaves the beginning of a volume alone.
pub(crate) fn find_other_signature(
    disk: &dyn ReadAt,
    volume: &Volume,
) -> Result<Option<String>, Fault> {
    let start: Box<[u8; 8192]> = Box::new(read_padded(disk, volume.start)?);
    if let Some(other) = near_contents(&start).find(|content| *content != volume.content) {
        return Ok(Some(other.to_string()));
    }
    Ok(signatures::find_far_signature(disk, volume.start, volume.len)?.map(str::to_owned))
}

/// Returns what begins at an offset of the disk. What lies behind the end of the disk is zero.
fn recognize(disk: &dyn ReadAt, at: u64) -> Result<VolumeContent, Fault> {
    let start: Box<[u8; 8192]> = Box::new(read_padded(disk, at)?);
    if let Some(content) = near_contents(&start).next() {
        return Ok(content);
    }
    let magic: [u8; 8] = read_padded(disk, at.saturating_add(BTRFS_MAGIC_AT))?;
    if magic == *b"_BHRfS_M" {
        return Ok(VolumeContent::Btrfs);
    }
    let iso: [u8; 5] = read_padded(disk, at.saturating_add(ISO_MAGIC_AT))?;
    Ok(if iso == *b"CD001" { VolumeContent::Other("iso9660") } else { VolumeContent::Unknown })
}

/// Returns the contents whose signatures are in the first bytes of a volume.
fn near_contents(start: &[u8; 8192]) -> impl Iterator<Item = VolumeContent> {
    let has = |offset: usize, magic: &[u8]| {
        start.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    let md = [0, MD_1_2_AT].iter().any(|offset| le32(start, *offset) == MD_MAGIC);
    let known = [
        (has(0, b"LUKS\xba\xbe"), VolumeContent::Luks),
        ((0..4).any(|sector| has(sector * 512, b"LABELONE")), VolumeContent::Lvm),
        (md, VolumeContent::Raid),
        (has(0, b"XFSB"), VolumeContent::Xfs),
        (le16(start, 1024 + 0x38) == EXT_MAGIC, VolumeContent::Ext),
        (has(0, b"hsqs"), VolumeContent::Other("squashfs")),
        (has(1024, b"\xe2\xe1\xf5\xe0"), VolumeContent::Other("erofs")),
        (has(1024, b"\x10\x20\xf5\xf2"), VolumeContent::Other("f2fs")),
        (has(4086, b"SWAPSPACE2"), VolumeContent::Other("swap")),
        (has(3, b"NTFS    "), VolumeContent::Other("ntfs")),
        (has(3, b"-FVE-FS-"), VolumeContent::Other("BitLocker")),
        (has(54, b"FAT") || has(82, b"FAT32"), VolumeContent::Fat),
    ];
    known.into_iter().filter(|(is_it, _)| *is_it).map(|(_, content)| content)
}

/// Magics of a member of an array and of ext2, and the offsets of others in bytes.
const MD_MAGIC: u32 = 0xa92b_4efc;
const EXT_MAGIC: u16 = 0xef53;
const BTRFS_MAGIC_AT: u64 = (64 << 10) + 64;
const ISO_MAGIC_AT: u64 = (32 << 10) + 1;
