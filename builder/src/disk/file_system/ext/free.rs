//! The free blocks of ext2, ext3 and ext4: each group has a map of its blocks, or of its clusters of several blocks.
//! A map counts only if its group's descriptor has as many free ones, and if its checksum is right.

use std::sync::Arc;

use super::super::free::{FreeSpaceError, UnitGeometry, UnitMaps, count_free};
use super::superblock::{self, GroupDescriptor, Superblock};
use crate::disk::bytes::{fill_part, le16, le32, read_part};
use crate::disk::joined::{Joined, JoinedPart};
use crate::disk::volumes::Volume;
use crate::disk::{Fault, FlawKind, ReadAt};

/// Features that make a difference to who changes a file system, as bits.
mod feature {
    /// Of those that may be unknown: only two groups have copies of the superblock.
    pub(super) const TWO_COPIES: u32 = 0x200;
    /// Of those that have to be known for reading: the seed of checksums is in the superblock.
    pub(super) const SEED: u32 = 0x2000;
    /// Of those that have to be known for writing.
    pub(super) const GROUP_CHECKSUMS: u32 = 0x10;
    pub(super) const CLUSTERS: u32 = 0x200;
    pub(super) const CHECKSUMS: u32 = 0x400;
    /// Sparse copies of the superblock, large files, trees of directories, huge files, many links, large inodes,
    /// quotas, read-only images, projects, shared blocks, verity, a list of orphans.
    const OTHERS: u32 =
        0x1 | 0x2 | 0x4 | 0x8 | 0x20 | 0x40 | 0x100 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x1_0000;
    pub(super) const KNOWN: u32 = GROUP_CHECKSUMS | CLUSTERS | CHECKSUMS | OTHERS;
}

/// State of a file system: it was unmounted, and it has errors.
const UNMOUNTED: u16 = 0x1;
const ERRORS: u16 = 0x2;

/// Flag of a group whose map was not written yet, for it has only what every group has.
const UNINITIALIZED: u16 = 0x2;

/// The fewest blocks that `mke2fs` gives a group.
const GROUP_MIN: u64 = 256;

/// The maps of an ext file system.
pub(in crate::disk::file_system) struct ExtMaps {
    volume: Joined<'static>,
    superblock: Superblock,
    /// Logarithm of the number of blocks in a unit of the maps.
    cluster_bits: u32,
    /// Number of groups, and the groups with copies of the superblock if they are not as in other file systems.
    groups: u64,
    copies: Option<[u64; 2]>,
    /// Blocks behind the descriptors that are kept for more of them.
    reserved_blocks: u64,
    /// Features that have to be known for writing.
    writing: u32,
    /// Checksum that all others begin with.
    seed: u32,
}

/// Opens the maps of a volume.
pub(in crate::disk::file_system) fn open_maps(
    disk: &Arc<dyn ReadAt>,
    volume: &Volume,
) -> Result<ExtMaps, FreeSpaceError> {
    let len = volume.len.min(disk.len().saturating_sub(volume.start));
    let part = JoinedPart { file: Arc::clone(disk), offset: volume.start, len };
    let volume = Joined::new([part]);
    let superblock = Superblock::read(&volume)?;
    let fields: [u8; 1024] = read_part(&volume, superblock::AT, "the superblock of ext4")?;
    let writing = le32(&fields, 0x64);
    if writing & !feature::KNOWN != 0 {
        let unknown = writing & !feature::KNOWN;
        let detail = format!("its ext4 has features that only readers may ignore ({unknown:#x})");
        return Err(Fault::new(FlawKind::UnknownFeature, detail).into());
    }
    let state = le16(&fields, 0x3a);
    if superblock.needs_recovery() {
        return Err(FreeSpaceError::Unclean("its journal has changes that were not applied"));
    }
    if state & UNMOUNTED == 0 {
        return Err(FreeSpaceError::Unclean("it was not unmounted"));
    }
    if state & ERRORS != 0 {
        return Err(FreeSpaceError::Unclean("it is marked as having errors"));
    }
    let has_clusters = writing & feature::CLUSTERS != 0;
    let cluster_bits =
        if has_clusters { le32(&fields, 0x1c).checked_sub(le32(&fields, 0x18)) } else { Some(0) };
    let blocks = superblock.blocks.saturating_sub(superblock.first_block);
    let seed = if superblock.has_feature(feature::SEED) {
        le32(&fields, 0x270)
    } else {
        checksum(u32::MAX, fields.get(0x68..0x78).unwrap_or_default())
    };
    let two_copies = le32(&fields, 0x5c) & feature::TWO_COPIES != 0;
    let maps = ExtMaps {
        cluster_bits: cluster_bits.unwrap_or(u32::MAX),
        groups: blocks.div_ceil(superblock.blocks_per_group),
        copies: two_copies.then(|| [0x24c, 0x250].map(|at| le32(&fields, at).into())),
        reserved_blocks: le16(&fields, 0xce).into(),
        writing,
        seed,
        volume,
        superblock,
    };
    maps.check_numbers()?;
    Ok(maps)
}

impl ExtMaps {
    /// Checks the numbers that the superblock has for its maps.
    fn check_numbers(&self) -> Result<(), Fault> {
        let superblock = &self.superblock;
        let len = superblock.blocks.checked_mul(superblock.block_len);
        let units = superblock.blocks_per_group.checked_shr(self.cluster_bits).unwrap_or(0);
        let is_valid = len.is_some_and(|len| len <= self.volume.len())
            && superblock.first_block < superblock.blocks
            && superblock.blocks_per_group >= GROUP_MIN
            && self.cluster_bits < 32
            && units << self.cluster_bits == superblock.blocks_per_group
            && (1..=superblock.block_len * 8).contains(&units)
            && units.is_multiple_of(8);
        if is_valid {
            return Ok(());
        }
        Err(Fault::malformed("the superblock of ext4 has impossible numbers of blocks"))
    }

    /// Returns the number of units in each group but the last.
    fn units_per_group(&self) -> u64 {
        self.superblock.blocks_per_group >> self.cluster_bits
    }

    /// Returns the number of units of a group.
    fn units_of(&self, group: u64) -> u64 {
        let before = group.saturating_mul(self.units_per_group());
        self.geometry().units.saturating_sub(before).min(self.units_per_group())
    }

    /// Checks the checksum of a descriptor, if it has one that is made of it alone.
    fn check_descriptor(&self, descriptor: &GroupDescriptor, group: u32) -> bool {
        const AT: usize = 0x1e;
        if self.writing & feature::CHECKSUMS == 0 {
            return true;
        }
        let bytes = &descriptor.0;
        let mut sum = checksum(self.seed, &group.to_le_bytes());
        sum = checksum(sum, bytes.get(..AT).unwrap_or_default());
        sum = checksum(sum, &[0; 2]);
        sum = checksum(sum, bytes.get(AT + 2..).unwrap_or_default());
        sum & 0xffff == u32::from(le16(bytes, AT))
    }

    /// Checks the checksum of a map.
    fn check_map(&self, map: &[u8], descriptor: &GroupDescriptor) -> bool {
        const HIGH_AT: usize = 0x38;
        let bytes = &descriptor.0;
        let sum = checksum(self.seed, map);
        let has_high = bytes.len() >= HIGH_AT + 2;
        self.writing & feature::CHECKSUMS == 0
            || sum & 0xffff == u32::from(le16(bytes, 0x18))
                && (!has_high || sum >> 16 == u32::from(le16(bytes, HIGH_AT)))
    }

    /// Makes the map of a group that has only what every group has.
    fn initial_map(&self, descriptor: &GroupDescriptor, group: u64) -> Vec<u8> {
        let superblock = &self.superblock;
        let units = self.units_per_group();
        let mut map = vec![0; usize::try_from(units / 8).unwrap_or(0)];
        let first = superblock.first_block + group * superblock.blocks_per_group;
        let mut mark = |block: u64, count: u64| {
            let last = block.saturating_add(count).saturating_sub(1);
            let Some(last) = last.checked_sub(first) else { return };
            let start = block.saturating_sub(first) >> self.cluster_bits;
            for unit in start..units.min((last >> self.cluster_bits) + 1) {
                if let Some(byte) = usize::try_from(unit / 8).ok().and_then(|at| map.get_mut(at)) {
                    *byte |= 1 << (unit % 8);
                }
            }
        };
        mark(first, self.leading_blocks(group));
        mark(descriptor.block_map(), 1);
        mark(descriptor.inode_map(), 1);
        let inodes_len = superblock.inodes_per_group.saturating_mul(superblock.inode_len);
        let inode_blocks = inodes_len.div_ceil(superblock.block_len);
        mark(descriptor.inode_table(), inode_blocks.min(superblock.blocks_per_group));
        map
    }

    /// Returns how many blocks at the start of a group have the superblock and descriptors.
    fn leading_blocks(&self, group: u64) -> u64 {
        let superblock = &self.superblock;
        let has_copy = match self.copies {
            Some(copies) => group == 0 || copies.contains(&group),
            None => superblock.has_copy(group),
        };
        let per_block = superblock.block_len / superblock.descriptor_len;
        let descriptors = if superblock.has_meta_group(group) {
            let place = group % per_block;
            u64::from(place <= 1 || place == per_block - 1)
        } else if !has_copy {
            0
        } else if superblock.has_meta_groups() {
            superblock.first_meta_group + self.reserved_blocks
        } else {
            self.groups.div_ceil(per_block) + self.reserved_blocks
        };
        u64::from(has_copy).saturating_add(descriptors).min(superblock.blocks_per_group)
    }
}

impl UnitMaps for ExtMaps {
    fn geometry(&self) -> UnitGeometry {
        let superblock = &self.superblock;
        let unit_len = superblock.block_len << self.cluster_bits;
        let blocks = superblock.blocks.saturating_sub(superblock.first_block);
        UnitGeometry {
            start: superblock.first_block * superblock.block_len,
            unit_len,
            // `mke2fs` makes no unit that is not complete.
            units: blocks >> self.cluster_bits,
            units_per_group: self.units_per_group(),
        }
    }

    fn read_map(&self, group: u64) -> Result<Vec<u8>, Fault> {
        let wrong =
            |what: &str| Fault::malformed(format!("{what} of group {group} of ext4 is wrong"));
        let descriptor = self.superblock.read_descriptor(&self.volume, group)?;
        if !self.check_descriptor(&descriptor, u32::try_from(group).unwrap_or(u32::MAX)) {
            return Err(wrong("the checksum of the descriptor"));
        }
        let has_flags = self.writing & (feature::GROUP_CHECKSUMS | feature::CHECKSUMS) != 0;
        let map = if has_flags && le16(&descriptor.0, 0x12) & UNINITIALIZED != 0 {
            self.initial_map(&descriptor, group)
        } else {
            let mut map = vec![0; usize::try_from(self.units_per_group() / 8).unwrap_or(0)];
            let at = self.superblock.offset_of(descriptor.block_map())?;
            fill_part(&self.volume, &mut map, at, "a map of blocks of ext4")?;
            if !self.check_map(&map, &descriptor) {
                return Err(wrong("the checksum of the map of the blocks"));
            }
            map
        };
        let declared =
            u64::from(le16(&descriptor.0, 0xc)) | u64::from(le16(&descriptor.0, 0x2c)) << 16;
        if count_free(&map, self.units_of(group)) != declared {
            return Err(wrong("the number of free blocks"));
        }
        Ok(map)
    }
}

/// Continues a CRC-32C as Linux does: without inverting it.
fn checksum(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
}
