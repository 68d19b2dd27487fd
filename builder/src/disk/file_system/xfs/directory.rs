//! The entries of a *directory*: in the inode, or in blocks.

use std::ops::ControlFlow;

use super::super::EachName;
use super::super::node::NodeId;
use super::superblock::Superblock;
use crate::disk::Fault;
use crate::disk::bytes::{be16, be32, be64};

/// Magics of blocks with entries, and the length of their heads in bytes; the second of each pair is of a
/// directory that has one block, at whose end its index is.
const BLOCKS_4: [&[u8]; 2] = [b"XD2D", b"XD2B"];
const BLOCKS_5: [&[u8]; 2] = [b"XDD3", b"XDB3"];
const HEAD_4: usize = 16;
const HEAD_5: usize = 64;

/// Length in bytes of an entry of the index at the end of a block, and of the two numbers behind it.
const INDEX_ENTRY: usize = 8;
const INDEX_END: usize = 8;

/// Mark of space that is not used.
const FREE: u16 = 0xffff;

/// Entries begin at multiples of this, in bytes.
const ALIGN: usize = 8;

fn damaged() -> Fault {
    Fault::malformed("a directory of XFS is damaged")
}

/// Passes the entries of a directory that is stored in its inode.
pub(super) fn list_short(
    fork: &[u8],
    has_types: bool,
    each: &mut EachName<'_>,
) -> Result<(), Fault> {
    let [count, wide, rest @ ..] = fork else { return Err(damaged()) };
    let number = if *wide == 0 { 4 } else { 8 };
    // The number of the parent is in front.
    let mut rest = rest.get(number..).ok_or_else(damaged)?;
    let count = if *wide == 0 { *count } else { (*count).max(*wide) };
    for _ in 0..count {
        let name_len = usize::from(*rest.first().ok_or_else(damaged)?);
        let name = rest.get(3..3 + name_len).ok_or_else(damaged)?;
        let inode_at = 3 + name_len + usize::from(has_types);
        let inode = rest.get(inode_at..inode_at + number).ok_or_else(damaged)?;
        let inode = if number == 4 { be32(inode, 0).into() } else { be64(inode, 0) };
        if each(name, NodeId::of_inode(inode)).is_break() {
            return Ok(());
        }
        rest = rest.get(inode_at + number..).unwrap_or_default();
    }
    Ok(())
}

/// Passes the entries of a block.
pub(super) fn list_block(
    block: &[u8],
    superblock: &Superblock,
    each: &mut EachName<'_>,
) -> Result<ControlFlow<()>, Fault> {
    let (magics, head) =
        if superblock.has_checksums { (BLOCKS_5, HEAD_5) } else { (BLOCKS_4, HEAD_4) };
    let kind = magics.iter().position(|magic| block.starts_with(magic)).ok_or_else(damaged)?;
    let end = if kind == 0 {
        block.len()
    } else {
        let index_end = block.len() - INDEX_END;
        let entries = usize::try_from(be32(block, index_end)).unwrap_or(usize::MAX);
        index_end.checked_sub(entries.saturating_mul(INDEX_ENTRY)).ok_or_else(damaged)?
    };
    let mut rest = block.get(head..end).ok_or_else(damaged)?;
    while rest.len() >= ALIGN {
        if be16(rest, 0) == FREE {
            let len = usize::from(be16(rest, 2));
            if len == 0 {
                return Err(damaged());
            }
            rest = rest.get(len..).ok_or_else(damaged)?;
            continue;
        }
        let name_len = usize::from(*rest.get(8).ok_or_else(damaged)?);
        let name = rest.get(9..9 + name_len).ok_or_else(damaged)?;
        if each(name, NodeId::of_inode(be64(rest, 0))).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        // Behind the name are its type and the offset of the entry.
        let len = 9 + name_len + usize::from(superblock.has_types) + 2;
        rest = rest.get(len.next_multiple_of(ALIGN)..).unwrap_or_default();
    }
    Ok(ControlFlow::Continue(()))
}
