//! The *superblock*, 1024 bytes behind the start of the volume, and the descriptors of block groups.

use crate::disk::bytes::{fill_part, le16, le32, read_part};
use crate::disk::{Fault, FlawKind, ReadAt};

const MAGIC: u16 = 0xef53;

/// Offset of the superblock in the volume, in bytes.
pub(super) const AT: u64 = 1024;

/// Features without which the file system cannot be read, as bits.
mod feature {
    pub(super) const TYPES: u32 = 0x2;
    pub(super) const RECOVERY: u32 = 0x4;
    pub(super) const META_GROUPS: u32 = 0x10;
    pub(super) const WIDE: u32 = 0x80;
    /// Those that make no difference to a reader: extents and inline data, which inodes are marked with,
    /// multiple mount protection, flexible groups, large attributes, a checksum seed, large
    /// directories, encryption, case folding.
    pub(super) const HARMLESS: u32 =
        0x40 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x3_0000;
    pub(super) const KNOWN: u32 = TYPES | RECOVERY | META_GROUPS | WIDE | HARMLESS;
}

/// Length in bytes of a group's descriptor in file systems of 32 bits, and the longest.
const DESCRIPTOR_LEN: u64 = 32;
const DESCRIPTOR_MAX: u64 = 1024;

/// What is needed of the superblock.
#[derive(Debug)]
pub(super) struct Superblock {
    /// Length of a block in bytes.
    pub(super) block_len: u64,
    /// Number of blocks.
    pub(super) blocks: u64,
    /// Number of the first block that belongs to a group.
    pub(super) first_block: u64,
    pub(super) blocks_per_group: u64,
    inodes: u64,
    pub(super) inodes_per_group: u64,
    /// Length of an inode in bytes, from 128 to the length of a block.
    pub(super) inode_len: u64,
    /// Length of a group's descriptor in bytes.
    pub(super) descriptor_len: u64,
    /// Number of the first group of descriptors that are with their groups.
    pub(super) first_meta_group: u64,
    /// Features, as bits.
    incompatible: u32,
    read_only: u32,
}

impl Superblock {
    /// Reads the superblock.
    pub(super) fn read(volume: &dyn ReadAt) -> Result<Self, Fault> {
        let fields: [u8; 1024] = read_part(volume, AT, "the superblock of ext4")?;
        let long = |at: usize| u64::from(le32(&fields, at));
        let malformed = || Fault::malformed("the superblock of ext4 has impossible numbers");
        let incompatible = le32(&fields, 0x60);
        if le16(&fields, 0x38) != MAGIC || long(0x18) > 6 {
            return Err(malformed());
        }
        if incompatible & !feature::KNOWN != 0 {
            let unknown = incompatible & !feature::KNOWN;
            let detail = format!("its ext4 has features that are not read ({unknown:#x})");
            return Err(Fault::new(FlawKind::UnknownFeature, detail));
        }
        let is_wide = incompatible & feature::WIDE != 0;
        let descriptor_len = if is_wide { u64::from(le16(&fields, 0xfe)) } else { DESCRIPTOR_LEN };
        let inode_len = if long(0x4c) == 0 { 128 } else { u64::from(le16(&fields, 0x58)) };
        let found = Self {
            block_len: 1024 << long(0x18),
            blocks: long(0x4) | if is_wide { long(0x150) << 32 } else { 0 },
            first_block: long(0x14),
            blocks_per_group: long(0x20),
            inodes: long(0x0),
            inodes_per_group: long(0x28),
            inode_len,
            descriptor_len,
            first_meta_group: long(0x104),
            incompatible,
            read_only: le32(&fields, 0x64),
        };
        let is_valid = found.blocks_per_group > 0
            && found.inodes_per_group > 0
            && (128..=found.block_len).contains(&inode_len)
            && (DESCRIPTOR_LEN..=DESCRIPTOR_MAX).contains(&descriptor_len);
        if is_valid { Ok(found) } else { Err(malformed()) }
    }

    /// Returns whether entries of directories have the types of what they name.
    pub(super) fn has_types(&self) -> bool {
        self.has_feature(feature::TYPES)
    }

    /// Returns whether the journal has changes that were not applied.
    pub(super) fn needs_recovery(&self) -> bool {
        self.has_feature(feature::RECOVERY)
    }

    /// Returns the offset of a block in the volume, in bytes.
    pub(super) fn offset_of(&self, block: u64) -> Result<u64, Fault> {
        let offset = block.checked_mul(self.block_len).filter(|_| block < self.blocks);
        offset.ok_or_else(|| {
            Fault::malformed(format!("ext4 refers to block {block}, which it has not"))
        })
    }

    /// Returns the offset of an inode in the volume, in bytes.
    pub(super) fn inode_offset(&self, volume: &dyn ReadAt, inode: u64) -> Result<u64, Fault> {
        let wrong = || Fault::malformed(format!("ext4 refers to inode {inode}, which it has not"));
        let index = inode.checked_sub(1).filter(|_| inode <= self.inodes).ok_or_else(wrong)?;
        let (group, index) = (index / self.inodes_per_group, index % self.inodes_per_group);
        let descriptor = self.read_descriptor(volume, group)?;
        let start = self.offset_of(descriptor.inode_table())?;
        start.checked_add(index * self.inode_len).ok_or_else(wrong)
    }

    /// Reads the descriptor of a group.
    pub(super) fn read_descriptor(
        &self,
        volume: &dyn ReadAt,
        group: u64,
    ) -> Result<GroupDescriptor, Fault> {
        let at = self.descriptor_offset(group)?;
        let mut bytes = vec![0; usize::try_from(self.descriptor_len).unwrap_or(0)];
        fill_part(volume, &mut bytes, at, "a group descriptor of ext4")?;
        Ok(GroupDescriptor(bytes))
    }

    /// Returns whether the descriptors from a group on are with their groups, not behind the superblock.
    pub(super) fn has_meta_group(&self, group: u64) -> bool {
        let per_block = self.block_len / self.descriptor_len;
        self.has_meta_groups() && group / per_block >= self.first_meta_group
    }

    /// Returns whether some descriptors are with their groups.
    pub(super) fn has_meta_groups(&self) -> bool {
        self.has_feature(feature::META_GROUPS)
    }

    /// Returns whether the file system has a feature, as a bit, that readers have to know.
    pub(super) fn has_feature(&self, bit: u32) -> bool {
        self.incompatible & bit != 0
    }

    /// Returns the offset of a group's descriptor in the volume, in bytes: behind the first superblock, or, in
    /// newer file systems, in the first group of those that it belongs to.
    fn descriptor_offset(&self, group: u64) -> Result<u64, Fault> {
        let per_block = self.block_len / self.descriptor_len;
        let (table_block, index) = (group / per_block, group % per_block);
        // With clusters the first group begins in front of the superblock, even where blocks are short.
        let own_block = AT / self.block_len;
        let block = if self.has_meta_group(group) {
            let first = table_block * per_block;
            let start = first.saturating_mul(self.blocks_per_group);
            let skipped = if first == 0 { own_block } else { self.first_block };
            start.saturating_add(skipped + u64::from(self.has_copy(first)))
        } else {
            own_block + 1 + table_block
        };
        Ok(self.offset_of(block)? + index * self.descriptor_len)
    }

    /// Returns whether a group has a copy of the superblock: all groups, or those whose numbers are powers of
    /// 3, 5 or 7.
    pub(super) fn has_copy(&self, group: u64) -> bool {
        const SPARSE: u32 = 0x1;
        let is_power = |base: u64| {
            let mut power = base;
            while power < group {
                power = power.saturating_mul(base);
            }
            power == group
        };
        self.read_only & SPARSE == 0 || group <= 1 || [3, 5, 7].into_iter().any(is_power)
    }
}

/// The descriptor of a group of blocks. Short descriptors have no upper halves, which read as zero.
#[derive(Debug)]
pub(super) struct GroupDescriptor(pub(super) Vec<u8>);

impl GroupDescriptor {
    /// Returns the block with the map of the group's blocks.
    pub(super) fn block_map(&self) -> u64 {
        self.wide(0x0, 0x20)
    }

    /// Returns the block with the map of the group's inodes.
    pub(super) fn inode_map(&self) -> u64 {
        self.wide(0x4, 0x24)
    }

    /// Returns the first block of the group's inodes.
    pub(super) fn inode_table(&self) -> u64 {
        self.wide(0x8, 0x28)
    }

    fn wide(&self, low: usize, high: usize) -> u64 {
        u64::from(le32(&self.0, low)) | u64::from(le32(&self.0, high)) << 32
    }
}
