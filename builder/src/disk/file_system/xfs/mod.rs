//! *XFS*, versions 4 and 5 ("XFS Algorithms & Data Structures", 3rd edition). Directories are read from front
//! to back without their indexes; checksums are not checked, and neither is whether the log was applied.
//!
//! - `superblock`: the numbers that everything else is found by
//! - `inode`: a node as it is stored
//! - `extents`: the blocks of a node
//! - `directory`: the entries of a directory

mod directory;
mod extents;
mod inode;
mod superblock;

use std::ops::ControlFlow;

use self::inode::ForkFormat;
use self::superblock::Superblock;
use super::limits::LimitedVolume;
use super::node::{Node, NodeId, NodeKind};
use super::runs::read_runs;
use super::{EachName, FileSystem};
use crate::disk::Fault;
use crate::disk::bytes::fill_part;

/// Length in bytes of the longest directory that is read.
const DIRECTORY_MAX: u64 = 64 << 20;

/// Length in bytes of what stands in front of a part of a link that is not stored in the inode, in version 5.
const LINK_HEAD: u64 = 56;

/// An XFS file system.
pub(super) struct Xfs<'a> {
    volume: LimitedVolume<'a>,
    superblock: Superblock,
}

/// Opens a file system.
pub(super) fn open(volume: LimitedVolume<'_>) -> Result<Xfs<'_>, Fault> {
    let superblock = Superblock::read(&volume)?;
    Ok(Xfs { volume, superblock })
}

impl Xfs<'_> {
    /// Reads a link whose target is in blocks, in version 5.
    fn read_link(&self, node: &Node, space: &mut [u8]) -> Result<(), Fault> {
        let block_len = self.superblock.block_len;
        let (mut index, mut rest) = (0, space);
        while !rest.is_empty() {
            let run = extents::find_run(&self.volume, &self.superblock, node, index)?;
            let wrong = || Fault::malformed("a symbolic link of XFS has no blocks");
            let at = run.at.ok_or_else(wrong)?;
            let len = run.count.saturating_mul(block_len).saturating_sub(LINK_HEAD);
            let count = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
            let (part, later) = rest.split_at_mut(count);
            fill_part(&self.volume, part, at.saturating_add(LINK_HEAD), "a symbolic link")?;
            (index, rest) = (index.saturating_add(run.count), later);
        }
        Ok(())
    }
}

impl FileSystem for Xfs<'_> {
    fn roots(&self) -> Result<Vec<NodeId>, Fault> {
        Ok(vec![NodeId::of_inode(self.superblock.root)])
    }

    fn node(&self, id: NodeId) -> Result<Node, Fault> {
        inode::read_node(&self.volume, &self.superblock, id)
    }

    fn list(&self, node: &Node, each: &mut EachName<'_>) -> Result<(), Fault> {
        let superblock = &self.superblock;
        if inode::format(node)? == ForkFormat::Local {
            return directory::list_short(inode::data_fork(node), superblock.has_types, each);
        }
        let block_len = superblock.directory_block_len;
        let mut block = vec![0; usize::try_from(block_len).unwrap_or(0)];
        let mut at = 0;
        while at < node.size.min(DIRECTORY_MAX) {
            let run = extents::find_run(&self.volume, superblock, node, at / superblock.block_len)?;
            if run.at.is_some() {
                self.read(node, &mut block, at)?;
                if directory::list_block(&block, superblock, each)? == ControlFlow::Break(()) {
                    return Ok(());
                }
            }
            at += block_len;
        }
        Ok(())
    }

    fn read(&self, node: &Node, space: &mut [u8], at: u64) -> Result<(), Fault> {
        if inode::format(node)? == ForkFormat::Local {
            let fork = inode::data_fork(node);
            let part = usize::try_from(at).ok().and_then(|at| fork.get(at..)?.get(..space.len()));
            let part = part.ok_or_else(|| Fault::malformed("a file in an inode is too short"))?;
            space.copy_from_slice(part);
            return Ok(());
        }
        if node.kind == NodeKind::Symlink && self.superblock.has_checksums {
            // A link is always read as a whole.
            return self.read_link(node, space);
        }
        read_runs(&self.volume, self.superblock.block_len, space, at, &|index| {
            extents::find_run(&self.volume, &self.superblock, node, index)
        })
    }
}
