//! The entries of a *directory*. The nodes of an index look like entries that are not used.

use std::ops::ControlFlow;

use super::super::EachName;
use super::super::node::NodeId;
use crate::disk::Fault;
use crate::disk::bytes::{le16, le32};

/// Length in bytes of an entry without its name.
const ENTRY: usize = 8;

/// Length in bytes of the first part of a directory in an inode, and of the number of its parent there.
const FIRST_PART: usize = 60;
const PARENT: usize = 4;

/// Passes the entries of a directory that is stored in its inode.
pub(super) fn list_inline(
    content: &[u8],
    has_types: bool,
    each: &mut EachName<'_>,
) -> Result<(), Fault> {
    let (first, rest) = content.split_at(FIRST_PART.min(content.len()));
    let first = first.get(PARENT..).unwrap_or_default();
    if list_block(first, has_types, each)? == ControlFlow::Continue(()) {
        let _end = list_block(rest, has_types, each)?;
    }
    Ok(())
}

/// Passes the entries of a block.
pub(super) fn list_block(
    block: &[u8],
    has_types: bool,
    each: &mut EachName<'_>,
) -> Result<ControlFlow<()>, Fault> {
    let wrong = || Fault::malformed("a directory of ext4 is damaged");
    let mut rest = block;
    while !rest.is_empty() {
        // The longest block has a length that 16 bits cannot hold.
        let len = match le16(rest, 4) {
            0 | u16::MAX if block.len() > usize::from(u16::MAX) => rest.len(),
            len => usize::from(len),
        };
        let (entry, later) = rest.split_at_checked(len).ok_or_else(wrong)?;
        if len < ENTRY {
            return Err(wrong());
        }
        rest = later;
        let inode = le32(entry, 0);
        // An entry that is not used may have anything in it, for example the checksum of the block.
        if inode == 0 {
            continue;
        }
        // Without types their byte is the upper half of the length.
        let name_len = if has_types { usize::from(entry[6]) } else { le16(entry, 6).into() };
        let name = entry.get(ENTRY..ENTRY + name_len).ok_or_else(wrong)?;
        if each(name, NodeId::of_inode(inode.into())).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
