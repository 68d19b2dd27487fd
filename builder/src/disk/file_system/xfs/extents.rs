//! The *extents* of a node: a list in the inode, or a tree.

use super::super::limits::LimitedVolume;
use super::super::node::Node;
use super::super::runs::BlockRun;
use super::inode::{ForkFormat, data_fork, format};
use super::superblock::Superblock;
use crate::disk::Fault;
use crate::disk::bytes::{be16, be32, be64, fill_part};

/// Length in bytes of an extent, and of a number or a key.
const EXTENT: usize = 16;
const NUMBER: usize = 8;

/// Length in bytes of the head of a tree's first node, which is in the inode.
const ROOT_HEAD: usize = 4;

/// Magics of the other nodes in version 4 and 5, and the length of their heads in bytes.
const NODE_4: (u32, usize) = (0x424d_4150, 24);
const NODE_5: (u32, usize) = (0x424d_4133, 72);

/// Levels of a tree at most (`XFS_BTREE_MAXLEVELS` in Linux).
const LEVELS_MAX: u16 = 9;

/// Finds the block of a node with this index, and those that follow it.
pub(super) fn find_run(
    volume: &LimitedVolume<'_>,
    superblock: &Superblock,
    node: &Node,
    index: u64,
) -> Result<BlockRun, Fault> {
    let fork = data_fork(node);
    if format(node)? != ForkFormat::Tree {
        let declared = if superblock.has_many_extents {
            be64(&node.stored, 24)
        } else {
            be32(&node.stored, 76).into()
        };
        let all = fork.as_chunks::<EXTENT>().0;
        let count = usize::try_from(declared).unwrap_or(usize::MAX).min(all.len());
        return find_extent(superblock, &all[..count], index, u64::MAX);
    }
    let (mut level, count) = (be16(fork, 0), be16(fork, 2));
    let entries = fork.get(ROOT_HEAD..).unwrap_or_default();
    if level == 0 || level > LEVELS_MAX {
        return Err(damaged());
    }
    let (mut child, mut end) = match find_child(entries, count.into(), index)? {
        Child::Node(block, end) => (block, end),
        Child::None(end) => return Ok(BlockRun::hole(end.saturating_sub(index))),
    };
    let (magic, head) = if superblock.has_checksums { NODE_5 } else { NODE_4 };
    let mut stored = vec![0; usize::try_from(superblock.block_len).unwrap_or(0)];
    loop {
        fill_part(volume, &mut stored, superblock.offset_of(child)?, "a tree of extents of XFS")?;
        level -= 1;
        if be32(&stored, 0) != magic || be16(&stored, 4) != level {
            return Err(damaged());
        }
        let (entries, count) = (stored.get(head..).unwrap_or_default(), be16(&stored, 6).into());
        if level == 0 {
            let all = entries.as_chunks::<EXTENT>().0;
            return find_extent(superblock, all.get(..count).ok_or_else(damaged)?, index, end);
        }
        match find_child(entries, count, index)? {
            Child::Node(block, own_end) => (child, end) = (block, own_end.min(end)),
            Child::None(own_end) => {
                return Ok(BlockRun::hole(own_end.min(end).saturating_sub(index)));
            }
        }
    }
}

fn damaged() -> Fault {
    Fault::malformed("a tree of extents of XFS is damaged")
}

/// Where a node of a tree leads.
enum Child {
    /// To the node in this block, which has what begins before this index.
    Node(u64, u64),
    /// To nothing in front of this index.
    None(u64),
}

/// Finds the child with an index. Keys fill the first half of the space, and the blocks' numbers the second.
fn find_child(entries: &[u8], count: usize, index: u64) -> Result<Child, Fault> {
    let max = entries.len() / (2 * NUMBER);
    let (keys, blocks) = (entries.as_chunks::<NUMBER>().0, entries.get(max * NUMBER..));
    let blocks = blocks.unwrap_or_default().as_chunks::<NUMBER>().0;
    let keys = keys.get(..count).filter(|_| count <= max).ok_or_else(damaged)?;
    let next = keys.partition_point(|key| u64::from_be_bytes(*key) <= index);
    let end = keys.get(next).map_or(u64::MAX, |key| u64::from_be_bytes(*key));
    let block = next.checked_sub(1).and_then(|found| blocks.get(found));
    Ok(block.map_or(Child::None(end), |block| Child::Node(u64::from_be_bytes(*block), end)))
}

/// Finds the extent with an index; what follows ends at `end`.
fn find_extent(
    superblock: &Superblock,
    all: &[[u8; EXTENT]],
    index: u64,
    end: u64,
) -> Result<BlockRun, Fault> {
    let start = |extent: &[u8; EXTENT]| be64(extent, 0) >> 9 & ((1 << 54) - 1);
    let next = all.partition_point(|extent| start(extent) <= index);
    let end = all.get(next).map_or(end, start);
    let hole = BlockRun::hole(end.saturating_sub(index));
    let Some(extent) = next.checked_sub(1).and_then(|found| all.get(found)) else {
        return Ok(hole);
    };
    let (high, low) = (be64(extent, 0), be64(extent, 8));
    let (count, skip) = (low & ((1 << 21) - 1), index - start(extent));
    if skip >= count {
        return Ok(hole);
    }
    let block = (high & 0x1ff) << 43 | low >> 21;
    // One that was reserved and not written reads as zeros.
    let is_written = high >> 63 == 0;
    let at = is_written.then(|| superblock.offset_of(block)).transpose()?;
    let at = at.map(|at| at.saturating_add(skip * superblock.block_len));
    Ok(BlockRun { at, count: count - skip })
}
