//! *Inline* contents, which are stored in the inode: the first 60 bytes in place of the blocks, the rest in an
//! extended attribute `system.data` behind the fields (`fs/ext4/inline.c` in Linux).

use super::super::node::Node;
use super::inode::{INLINE, block_part, marks};
use crate::disk::bytes::{le16, le32};

/// Length in bytes of the fields that every inode has.
const FIELDS: usize = 128;

/// Magic in front of the attributes in an inode.
const MAGIC: u32 = 0xea02_0000;

/// Number that stands for `system.` in names.
const SYSTEM: u8 = 7;

const NAME: &[u8] = b"data";

/// Length in bytes of an entry without its name.
const ENTRY: usize = 16;

/// Returns the content of a node that is stored in its inode.
pub(super) fn inline_content(node: &Node) -> Option<Vec<u8>> {
    if marks(node) & INLINE == 0 {
        return None;
    }
    let mut content = block_part(node).to_vec();
    content.extend_from_slice(find_data(&node.stored).unwrap_or_default());
    content.truncate(usize::try_from(node.size).unwrap_or(usize::MAX));
    Some(content)
}

/// Returns the value of the attribute.
fn find_data(stored: &[u8]) -> Option<&[u8]> {
    let start = FIELDS + usize::from(le16(stored, FIELDS));
    if le32(stored, start) != MAGIC {
        return None;
    }
    let entries = stored.get(start + 4..)?;
    let mut at = 0;
    loop {
        let entry = entries.get(at..)?;
        let (name_len, index) = (usize::from(*entry.first()?), *entry.get(1)?);
        if le32(entry, 0) == 0 {
            return None;
        }
        if index == SYSTEM && entry.get(ENTRY..)?.get(..name_len)? == NAME {
            let (offset, len) = (usize::from(le16(entry, 2)), le32(entry, 8));
            return entries.get(offset..)?.get(..usize::try_from(len).ok()?);
        }
        at += (ENTRY + name_len).next_multiple_of(4);
    }
}
