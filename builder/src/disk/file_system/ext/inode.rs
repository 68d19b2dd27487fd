//! An *inode*: a node as it is stored.

use super::super::limits::LimitedVolume;
use super::super::node::{Node, NodeId, NodeKind};
use super::superblock::Superblock;
use crate::disk::bytes::{fill_part, le16, le32};
use crate::disk::{Fault, FlawKind};

/// Offset and length of the part of an inode that says where its content is, in bytes.
pub(super) const BLOCKS_AT: usize = 0x28;
pub(super) const BLOCKS_LEN: usize = 60;

/// Marks of inodes, as bits.
pub(super) const ENCRYPTED: u32 = 0x800;
pub(super) const EXTENTS: u32 = 0x8_0000;
pub(super) const INLINE: u32 = 0x1000_0000;

/// Reads a node.
pub(super) fn read_node(
    volume: &LimitedVolume<'_>,
    superblock: &Superblock,
    id: NodeId,
) -> Result<Node, Fault> {
    let at = superblock.inode_offset(volume, id.inode)?;
    let mut stored = vec![0; usize::try_from(superblock.inode_len).unwrap_or(0)];
    fill_part(volume, &mut stored, at, "an inode of ext4")?;
    let kind = NodeKind::of_mode(le16(&stored, 0).into());
    let low = u64::from(le32(&stored, 0x4));
    let high = u64::from(le32(&stored, 0x6c)) << 32;
    // In ext2 the upper half of others is something else.
    let size = if kind == NodeKind::File { low | high } else { low };
    Ok(Node { id, kind, size, stored })
}

/// Returns the marks of an inode.
pub(super) fn marks(node: &Node) -> u32 {
    le32(&node.stored, 0x20)
}

/// Returns the part of an inode that says where its content is.
pub(super) fn block_part(node: &Node) -> &[u8] {
    node.stored.get(BLOCKS_AT..BLOCKS_AT + BLOCKS_LEN).unwrap_or_default()
}

/// Returns the target of a link that is short enough to be stored in place of its blocks.
pub(super) fn short_link(node: &Node) -> Option<Vec<u8>> {
    let is_short = node.kind == NodeKind::Symlink
        && node.size < BLOCKS_LEN as u64
        && marks(node) & (EXTENTS | INLINE | ENCRYPTED) == 0;
    is_short.then(|| block_part(node).to_vec())
}

/// Fails if the content of a node is encrypted.
pub(super) fn refuse_encrypted(node: &Node) -> Result<(), Fault> {
    if marks(node) & ENCRYPTED == 0 {
        return Ok(());
    }
    Err(Fault::new(FlawKind::Encrypted, "its ext4 has an encrypted file or directory on the way"))
}
