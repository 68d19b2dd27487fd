//! *File systems*, read only and without mounting: the files of a guest, for those who ask what is installed
//! in it. Nothing is written, and a journal that was not applied is left alone.
//!
//! A file system is untrusted as a disk is: no length that it declares is allocated, trees have a depth,
//! lists an end, and all reads together a limit.
//!
//! - `tree`: the files below a root, with symbolic links resolved inside it
//! - `ext`: ext2, ext3 and ext4
//! - `xfs`: XFS; `btrfs`: btrfs
//! - `runs`: parts of a file that are adjacent on the volume
//! - `free`: the parts of a volume that no file uses; `fat`: those of FAT
//! - `limits`: the part of the disk with the file system, and how much is read of it
//! - `node`: a file, a directory or a link

mod btrfs;
mod ext;
mod fat;
mod free;
mod limits;
mod node;
mod runs;
mod tree;
mod xfs;

use std::ops::ControlFlow;
use std::sync::Arc;

use super::signatures::VolumeContent;
use super::volumes::Volume;
use super::{Fault, ReadAt};
pub(crate) use free::{FreeSpace, FreeSpaceError};
use limits::LimitedVolume;
use node::{Node, NodeId};
pub(crate) use tree::FileTree;

/// A file system.
trait FileSystem: Send + Sync {
    /// Returns the directories that can be the root of a system, the likeliest first.
    fn roots(&self) -> Result<Vec<NodeId>, Fault>;

    /// Reads a node.
    fn node(&self, id: NodeId) -> Result<Node, Fault>;

    /// Passes the names of a directory and the nodes that they stand for, until it is told to stop. `.` and
    /// `..` may be among them.
    fn list(&self, directory: &Node, each: &mut EachName<'_>) -> Result<(), Fault>;

    /// Fills `space` with the bytes of a file or a link from `at` on, which must not end behind its end.
    fn read(&self, node: &Node, space: &mut [u8], at: u64) -> Result<(), Fault>;

    /// Returns what a reader should know, as phrases.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What receives the names of a directory.
type EachName<'f> = dyn FnMut(&[u8], NodeId) -> ControlFlow<()> + 'f;

/// Opens the file systems' roots of a volume: each directory that may be the root of a system. Returns none
/// for what is not read.
pub(crate) fn open_trees<'a>(
    disk: &'a dyn ReadAt,
    volume: &Volume,
) -> Result<Vec<FileTree<'a>>, Fault> {
    let part = LimitedVolume::new(disk, volume.start, volume.len);
    let file_system: Box<dyn FileSystem + 'a> = match volume.content {
        VolumeContent::Ext => Box::new(ext::open(part)?),
        VolumeContent::Xfs => Box::new(xfs::open(part)?),
        VolumeContent::Btrfs => Box::new(btrfs::open(part)?),
        _ => return Ok(Vec::new()),
    };
    FileTree::of_roots(file_system)
}

/// Finds the free space of a volume; `None` if its content is one whose free space is not looked for.
pub(crate) fn find_free_space(
    disk: &Arc<dyn ReadAt>,
    volume: &Volume,
) -> Result<Option<FreeSpace>, FreeSpaceError> {
    Ok(Some(match volume.content {
        VolumeContent::Ext => FreeSpace::new(ext::open_maps(disk, volume)?)?,
        VolumeContent::Fat => FreeSpace::new(fat::open_maps(disk, volume)?)?,
        _ => return Ok(None),
    }))
}
