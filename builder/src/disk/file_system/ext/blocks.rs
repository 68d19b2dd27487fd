//! The *blocks* of a node: a tree of extents, or, in ext2 and ext3, lists of blocks and lists of lists.

use super::super::limits::LimitedVolume;
use super::super::node::Node;
use super::super::runs::BlockRun;
use super::inode::{EXTENTS, block_part, marks};
use super::superblock::Superblock;
use crate::disk::Fault;
use crate::disk::bytes::{fill_part, le16, le32};

const EXTENT_MAGIC: u16 = 0xf30a;

/// Length in bytes of the head of a node of the tree, and of an entry.
const ENTRY: usize = 12;

/// Levels below the first node at most (`EXT4_MAX_EXTENT_DEPTH` in Linux).
const DEPTH_MAX: u16 = 5;

/// An extent that is longer than this is not written yet, and reads as zeros.
const WRITTEN_MAX: u16 = 32768;

/// How many blocks a file has at most, and the block that no file has.
const FILE_BLOCKS: u64 = 1 << 32;

/// Number of blocks that the inode lists itself; three lists of lists follow.
const DIRECT: u64 = 12;
const LEVELS: u32 = 3;

/// Finds the block of a node with this index, and those that follow it.
pub(super) fn find_run(
    volume: &LimitedVolume<'_>,
    superblock: &Superblock,
    node: &Node,
    index: u64,
) -> Result<BlockRun, Fault> {
    if index >= FILE_BLOCKS {
        return Ok(BlockRun::hole(u64::MAX / superblock.block_len));
    }
    if marks(node) & EXTENTS != 0 {
        return find_extent(volume, superblock, node, index);
    }
    find_listed(volume, superblock, node, index)
}

/// Walks down the tree of extents.
fn find_extent(
    volume: &LimitedVolume<'_>,
    superblock: &Superblock,
    node: &Node,
    index: u64,
) -> Result<BlockRun, Fault> {
    let wrong = || Fault::malformed("a tree of extents of ext4 is damaged");
    let mut tree_node = block_part(node).to_vec();
    // Where what the current node lists ends.
    let mut end = FILE_BLOCKS;
    let mut depth_max = DEPTH_MAX;
    loop {
        let depth = le16(&tree_node, 6);
        if le16(&tree_node, 0) != EXTENT_MAGIC || depth > depth_max {
            return Err(wrong());
        }
        let entries = tree_node.get(ENTRY..).unwrap_or_default().as_chunks::<ENTRY>().0;
        let entries = entries.get(..usize::from(le16(&tree_node, 2))).ok_or_else(wrong)?;
        let next = entries.partition_point(|entry| u64::from(le32(entry, 0)) <= index);
        end = entries.get(next).map_or(end, |entry| le32(entry, 0).into());
        let Some(entry) = next.checked_sub(1).and_then(|found| entries.get(found)) else {
            return Ok(BlockRun::hole(end.saturating_sub(index)));
        };
        if depth == 0 {
            return extent_run(superblock, entry, index, end);
        }
        let child = u64::from(le32(entry, 4)) | u64::from(le16(entry, 8)) << 32;
        let mut stored = vec![0; usize::try_from(superblock.block_len).unwrap_or(0)];
        let at = superblock.offset_of(child)?;
        fill_part(volume, &mut stored, at, "a tree of extents of ext4")?;
        (tree_node, depth_max) = (stored, depth - 1);
    }
}

/// Returns the blocks of an extent from an index on, or the hole behind it.
fn extent_run(
    superblock: &Superblock,
    entry: &[u8; ENTRY],
    index: u64,
    end: u64,
) -> Result<BlockRun, Fault> {
    let (first, stored_len) = (u64::from(le32(entry, 0)), le16(entry, 4));
    let is_written = stored_len <= WRITTEN_MAX;
    let len = u64::from(if is_written { stored_len } else { stored_len - WRITTEN_MAX });
    let skip = index - first;
    if skip >= len {
        return Ok(BlockRun::hole(end.saturating_sub(index)));
    }
    let start = u64::from(le32(entry, 8)) | u64::from(le16(entry, 6)) << 32;
    let at = is_written.then(|| superblock.offset_of(start + skip)).transpose()?;
    Ok(BlockRun { at, count: len - skip })
}

/// Finds a block in the lists of ext2.
fn find_listed(
    volume: &LimitedVolume<'_>,
    superblock: &Superblock,
    node: &Node,
    index: u64,
) -> Result<BlockRun, Fault> {
    let list = block_part(node);
    if index < DIRECT {
        return listed_run(superblock, &list[..4 * 12], index);
    }
    let per_list = superblock.block_len / 4;
    let (mut rest, mut level, mut span) = (index - DIRECT, 0, per_list);
    while rest >= span {
        rest -= span;
        level += 1;
        span = span.saturating_mul(per_list);
        if level == LEVELS {
            return Ok(BlockRun::hole(FILE_BLOCKS - index));
        }
    }
    let mut list_block = u64::from(le32(list, 4 * (12 + level as usize)));
    let mut stored = vec![0; usize::try_from(superblock.block_len).unwrap_or(0)];
    loop {
        if list_block == 0 {
            return Ok(BlockRun::hole(span - rest));
        }
        let at = superblock.offset_of(list_block)?;
        fill_part(volume, &mut stored, at, "a list of blocks of ext2")?;
        if level == 0 {
            return listed_run(superblock, &stored, rest);
        }
        span /= per_list;
        let number = usize::try_from(rest / span).unwrap_or(0);
        list_block = le32(&stored, 4 * number).into();
        (rest, level) = (rest % span, level - 1);
    }
}

/// Returns the blocks of a list from an index on, as far as they follow each other.
fn listed_run(superblock: &Superblock, list: &[u8], index: u64) -> Result<BlockRun, Fault> {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    let blocks = list.as_chunks::<4>().0.get(index..).unwrap_or_default();
    let mut blocks = blocks.iter().map(|block| u64::from(u32::from_le_bytes(*block)));
    let first = blocks.next().unwrap_or(0);
    let follows = |(number, block): &(u64, u64)| match first {
        0 => *block == 0,
        first => *block == first + number + 1,
    };
    let more = (0..).zip(blocks).take_while(follows).count() as u64;
    let at = (first != 0).then(|| superblock.offset_of(first)).transpose()?;
    Ok(BlockRun { at, count: more + 1 })
}
