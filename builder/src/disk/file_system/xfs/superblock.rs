//! The *superblock*, at the start of the volume.

use super::super::limits::LimitedVolume;
use crate::disk::bytes::{be16, be32, be64, read_part};
use crate::disk::{Fault, FlawKind};

/// Features of version 5 without which the file system cannot be read, as bits: types in directories, sparse inodes,
/// an own UUID, long times, a need for repair, many extents, exchanged ranges, parents, metadata in
/// directories.
const KNOWN: u32 = 0x1ff;
const TYPES: u32 = 0x1;
const MANY_EXTENTS: u32 = 0x20;

/// Bit of the second features of version 4: types in directories.
const TYPES_OF_4: u32 = 0x200;

/// What is needed of the superblock.
#[derive(Debug)]
pub(super) struct Superblock {
    /// Length of a block in bytes, and of a block of a directory.
    pub(super) block_len: u64,
    pub(super) directory_block_len: u64,
    /// Number of the root directory's inode.
    pub(super) root: u64,
    /// Blocks of an allocation group, and how many bits of a block's number count them.
    group_blocks: u64,
    group_bits: u32,
    groups: u64,
    /// Length of an inode in bytes, and how many bits of an inode's number count those of a block.
    pub(super) inode_len: u64,
    inode_bits: u32,
    /// Whether it is version 5, in which blocks have longer heads.
    pub(super) has_checksums: bool,
    /// Whether entries of directories have the types of what they name.
    pub(super) has_types: bool,
    /// Whether the number of extents of an inode has 64 bits.
    pub(super) has_many_extents: bool,
}

impl Superblock {
    /// Reads the superblock.
    pub(super) fn read(volume: &LimitedVolume<'_>) -> Result<Self, Fault> {
        let fields: [u8; 264] = read_part(volume, 0, "the superblock of XFS")?;
        let malformed = || Fault::malformed("the superblock of XFS has impossible numbers");
        let version = be16(&fields, 100) & 0xf;
        if !matches!(version, 4 | 5) {
            let detail = format!("its XFS has the version {version}, which is not read");
            return Err(Fault::new(FlawKind::UnknownFeature, detail));
        }
        let features = if version == 5 { be32(&fields, 216) } else { 0 };
        if features & !KNOWN != 0 {
            let detail =
                format!("its XFS has features that are not read ({:#x})", features & !KNOWN);
            return Err(Fault::new(FlawKind::UnknownFeature, detail));
        }
        let block_len = u64::from(be32(&fields, 4));
        let directory_bits = u32::from(fields[192]);
        let found = Self {
            block_len,
            directory_block_len: block_len.checked_shl(directory_bits).unwrap_or(0),
            root: be64(&fields, 56),
            group_blocks: be32(&fields, 84).into(),
            group_bits: fields[124].into(),
            groups: be32(&fields, 88).into(),
            inode_len: be16(&fields, 104).into(),
            inode_bits: fields[123].into(),
            has_checksums: version == 5,
            has_types: match version {
                5 => features & TYPES != 0,
                _ => be32(&fields, 200) & TYPES_OF_4 != 0,
            },
            has_many_extents: features & MANY_EXTENTS != 0,
        };
        let is_valid = block_len.is_power_of_two()
            && (512..=65536).contains(&block_len)
            && (block_len..=65536).contains(&found.directory_block_len)
            && directory_bits <= 7
            && found.inode_len.is_power_of_two()
            && (256..=block_len.min(2048)).contains(&found.inode_len)
            && found.inode_len << found.inode_bits.min(16) == block_len
            && found.group_bits <= 32
            && found.group_blocks > 0;
        if is_valid { Ok(found) } else { Err(malformed()) }
    }

    /// Returns the offset of a block in the volume, in bytes.
    pub(super) fn offset_of(&self, block: u64) -> Result<u64, Fault> {
        let (group, in_group) = (block >> self.group_bits, block & ((1 << self.group_bits) - 1));
        let is_inside = group < self.groups && in_group < self.group_blocks;
        let offset = group
            .checked_mul(self.group_blocks)
            .and_then(|start| start.checked_add(in_group)?.checked_mul(self.block_len));
        offset.filter(|_| is_inside).ok_or_else(|| {
            Fault::malformed(format!("XFS refers to block {block}, which it has not"))
        })
    }

    /// Returns the offset of an inode in the volume, in bytes.
    pub(super) fn inode_offset(&self, inode: u64) -> Result<u64, Fault> {
        let index = inode & ((1 << self.inode_bits) - 1);
        Ok(self.offset_of(inode >> self.inode_bits)? + index * self.inode_len)
    }
}
