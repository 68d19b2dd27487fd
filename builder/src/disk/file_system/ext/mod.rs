//! *ext2*, *ext3* and *ext4* (Linux' `Documentation/filesystems/ext4`). Directories are read from front to
//! back, which their indexes allow; checksums are not checked.
//!
//! - `superblock`: the numbers that everything else is found by
//! - `inode`: a node as it is stored, and where it is
//! - `blocks`: the blocks of a node: extents, or the lists of ext2
//! - `inline`: contents that are stored in the inode
//! - `directory`: the entries of a directory
//! - `free`: the blocks that nothing uses

mod blocks;
mod directory;
mod free;
mod inline;
mod inode;
mod superblock;

use std::ops::ControlFlow;

pub(super) use self::free::open_maps;
use self::inline::inline_content;
use self::superblock::Superblock;
use super::limits::LimitedVolume;
use super::node::{Node, NodeId};
use super::runs::read_runs;
use super::{EachName, FileSystem};
use crate::disk::Fault;

/// Number of the root directory's inode.
const ROOT: u64 = 2;

/// Length in bytes of the longest directory that is read.
const DIRECTORY_MAX: u64 = 64 << 20;

/// An ext file system.
pub(super) struct Ext<'a> {
    volume: LimitedVolume<'a>,
    superblock: Superblock,
}

/// Opens a file system.
pub(super) fn open(volume: LimitedVolume<'_>) -> Result<Ext<'_>, Fault> {
    let superblock = Superblock::read(&volume)?;
    Ok(Ext { volume, superblock })
}

impl FileSystem for Ext<'_> {
    fn roots(&self) -> Result<Vec<NodeId>, Fault> {
        Ok(vec![NodeId::of_inode(ROOT)])
    }

    fn node(&self, id: NodeId) -> Result<Node, Fault> {
        inode::read_node(&self.volume, &self.superblock, id)
    }

    fn list(&self, node: &Node, each: &mut EachName<'_>) -> Result<(), Fault> {
        let has_types = self.superblock.has_types();
        if let Some(content) = inline_content(node) {
            return directory::list_inline(&content, has_types, each);
        }
        let block_len = self.superblock.block_len;
        let mut block = vec![0; usize::try_from(block_len).unwrap_or(0)];
        let mut at = 0;
        while at < node.size.min(DIRECTORY_MAX) {
            let len = block.len().min(usize::try_from(node.size - at).unwrap_or(usize::MAX));
            let part = &mut block[..len];
            self.read(node, part, at)?;
            if directory::list_block(part, has_types, each)? == ControlFlow::Break(()) {
                return Ok(());
            }
            at += block_len;
        }
        Ok(())
    }

    fn read(&self, node: &Node, space: &mut [u8], at: u64) -> Result<(), Fault> {
        if let Some(content) = inode::short_link(node).or_else(|| inline_content(node)) {
            let part =
                usize::try_from(at).ok().and_then(|at| content.get(at..)?.get(..space.len()));
            let part = part.ok_or_else(|| {
                Fault::malformed(format!("the content in inode {} is too short", node.id.inode))
            })?;
            space.copy_from_slice(part);
            return Ok(());
        }
        inode::refuse_encrypted(node)?;
        read_runs(&self.volume, self.superblock.block_len, space, at, &|index| {
            blocks::find_run(&self.volume, &self.superblock, node, index)
        })
    }

    fn notes(&self) -> Vec<String> {
        let note = "its journal was not applied: the machine was not shut down, and what it wrote \
                    last may be missing";
        if self.superblock.needs_recovery() { vec![note.into()] } else { Vec::new() }
    }
}
