//! An *inode*: a node as it is stored.

use super::super::limits::LimitedVolume;
use super::super::node::{Node, NodeId, NodeKind};
use super::superblock::Superblock;
use crate::disk::bytes::{be16, be64, fill_part};
use crate::disk::{Fault, FlawKind};

const MAGIC: u16 = 0x494e;

/// Length in bytes of the fields of an inode, in version 3 of inodes and in earlier ones.
const FIELDS: usize = 176;
const SHORT_FIELDS: usize = 100;

/// Mark of an inode whose content is on another device, as a bit.
const REALTIME: u16 = 1;

/// How a content is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ForkFormat {
    /// In the inode.
    Local,
    /// In blocks that the inode lists.
    Extents,
    /// In blocks that a tree lists.
    Tree,
}

/// Reads a node.
pub(super) fn read_node(
    volume: &LimitedVolume<'_>,
    superblock: &Superblock,
    id: NodeId,
) -> Result<Node, Fault> {
    let at = superblock.inode_offset(id.inode)?;
    let mut stored = vec![0; usize::try_from(superblock.inode_len).unwrap_or(0)];
    fill_part(volume, &mut stored, at, "an inode of XFS")?;
    if be16(&stored, 0) != MAGIC {
        let detail = format!("XFS refers to inode {}, which is none", id.inode);
        return Err(Fault::malformed(detail));
    }
    if be16(&stored, 90) & REALTIME != 0 {
        let detail = "its XFS has files on a device for real time";
        return Err(Fault::new(FlawKind::DataFile, detail));
    }
    let (kind, size) = (NodeKind::of_mode(be16(&stored, 2).into()), be64(&stored, 56));
    Ok(Node { id, kind, size, stored })
}

/// Returns how the content of a node is stored.
pub(super) fn format(node: &Node) -> Result<ForkFormat, Fault> {
    match node.stored.get(5) {
        Some(1) => Ok(ForkFormat::Local),
        Some(2) => Ok(ForkFormat::Extents),
        Some(3) => Ok(ForkFormat::Tree),
        _ => Err(Fault::malformed("an inode of XFS has an unknown form")),
    }
}

/// Returns the part of an inode that has the content, or says where it is. Extended attributes follow.
pub(super) fn data_fork(node: &Node) -> &[u8] {
    let stored = &node.stored;
    let start = if stored.get(4) == Some(&3) { FIELDS } else { SHORT_FIELDS };
    let fork = stored.get(start..).unwrap_or_default();
    let len = match stored.get(82) {
        None | Some(0) => fork.len(),
        Some(words) => usize::from(*words) * 8,
    };
    fork.get(..len).unwrap_or(fork)
}
