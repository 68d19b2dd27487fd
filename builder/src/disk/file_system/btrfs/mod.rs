//! *btrfs* on one device ("On-disk Format" in its documentation). Logical addresses are turned into those of the
//! volume by a list of chunks, and everything else is in trees. Checksums are not checked.
//!
//! - `superblock`: the numbers that everything else is found by
//! - `chunks`: logical addresses
//! - `tree`: items by their keys
//! - `key`: what items are found by
//! - `extents`: the content of files
//! - `compression`: parts of files that are compressed

mod chunks;
mod compression;
mod extents;
mod key;
mod superblock;
mod tree;

use std::ops::ControlFlow;

use self::chunks::Chunks;
use self::extents::RecentExtents;
use self::key::{ItemKind, Key};
use self::superblock::Superblock;
use self::tree::TreeReader;
use super::limits::LimitedVolume;
use super::node::{Node, NodeId, NodeKind};
use super::{EachName, FileSystem};
use crate::disk::Fault;
use crate::disk::bytes::{le16, le32, le64};

/// Numbers of the tree of files that every file system has, and of the root directory of a tree of files.
const FILES: u64 = 5;
const ROOT: u64 = 256;

/// Names of the subvolumes that distributions have their root in, if it is not the default one: Fedora; Ubuntu and
/// Arch; Debian; openSUSE.
const ROOTS: [&[&[u8]]; 4] =
    [&[b"root"], &[b"@"], &[b"@rootfs"], &[b"@", b".snapshots", b"1", b"snapshot"]];

/// Length in bytes of an entry of a directory without its name.
const ENTRY: usize = 30;

/// Offset in an item of a tree of the address of its first node, in bytes.
const ROOT_NODE_AT: usize = 176;

/// A btrfs file system.
pub(super) struct Btrfs<'a> {
    trees: TreeReader<'a>,
    superblock: Superblock,
    extents: RecentExtents,
}

/// Opens a file system.
pub(super) fn open(volume: LimitedVolume<'_>) -> Result<Btrfs<'_>, Fault> {
    let superblock = Superblock::read(&volume)?;
    let system = Chunks::of_superblock(&superblock)?;
    let chunk_root = superblock.chunk_root;
    let trees = TreeReader::new(volume, superblock.node_len, system);
    let mut chunks = Chunks::default();
    trees.each_item(chunk_root, Key::MIN, Key::MAX, &mut |key, item| {
        if key.kind == ItemKind::CHUNK {
            chunks.add(key.offset, item, superblock.device)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let trees = trees.with_chunks(chunks);
    Ok(Btrfs { trees, superblock, extents: RecentExtents::default() })
}

impl Btrfs<'_> {
    /// Returns the address of the first node of a tree.
    fn tree(&self, tree: u64) -> Result<u64, Fault> {
        let first = Key { id: tree, kind: ItemKind::ROOT, offset: 0 };
        let last = Key { offset: u64::MAX, ..first };
        let mut found = None;
        self.trees.each_item(self.superblock.root, first, last, &mut |_, item| {
            found = Some(le64(item, ROOT_NODE_AT));
            Ok(ControlFlow::Continue(()))
        })?;
        found.ok_or_else(|| {
            Fault::malformed(format!("btrfs refers to tree {tree}, which it has not"))
        })
    }

    /// Returns the number of the tree that is mounted if none is named.
    fn default_tree(&self) -> Result<u64, Fault> {
        let first =
            Key { id: self.superblock.root_directory, kind: ItemKind::DIRECTORY, offset: 0 };
        let last = Key { offset: u64::MAX, ..first };
        let mut found = FILES;
        self.trees.each_item(self.superblock.root, first, last, &mut |_, item| {
            list_entries(item, &mut |name, key| {
                if name == b"default" {
                    found = key.id;
                }
                ControlFlow::Continue(())
            })
        })?;
        Ok(found)
    }

    /// Finds a directory by the parts of its path.
    fn find(&self, path: &[&[u8]]) -> Result<Option<NodeId>, Fault> {
        let mut id = NodeId { tree: FILES, inode: ROOT };
        for part in path {
            let directory = self.node(id)?;
            let mut found = None;
            self.list(&directory, &mut |name, child| {
                if name == *part {
                    found = Some(child);
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
            let Some(child) = found else { return Ok(None) };
            id = child;
        }
        let is_directory = self.node(id)?.kind == NodeKind::Directory;
        Ok(is_directory.then_some(id))
    }
}

impl FileSystem for Btrfs<'_> {
    fn roots(&self) -> Result<Vec<NodeId>, Fault> {
        let mut roots = vec![NodeId { tree: self.default_tree()?, inode: ROOT }];
        for path in ROOTS {
            let found = self.find(path)?;
            roots.extend(found.filter(|root| !roots.contains(root)));
        }
        Ok(roots)
    }

    fn node(&self, id: NodeId) -> Result<Node, Fault> {
        let key = Key { id: id.inode, kind: ItemKind::INODE, offset: 0 };
        let found = self.trees.find_last(self.tree(id.tree)?, key)?;
        let wrong =
            || Fault::malformed(format!("btrfs refers to inode {}, which it has not", id.inode));
        let (_, stored) = found.filter(|(found, _)| *found == key).ok_or_else(wrong)?;
        let kind = NodeKind::of_mode(le32(&stored, 52));
        Ok(Node { id, kind, size: le64(&stored, 16), stored })
    }

    fn list(&self, node: &Node, each: &mut EachName<'_>) -> Result<(), Fault> {
        let first = Key { id: node.id.inode, kind: ItemKind::ENTRY, offset: 0 };
        let last = Key { offset: u64::MAX, ..first };
        self.trees.each_item(self.tree(node.id.tree)?, first, last, &mut |_, item| {
            list_entries(item, &mut |name, key| {
                // A subvolume is a tree of its own.
                let id = match key.kind {
                    ItemKind::ROOT => NodeId { tree: key.id, inode: ROOT },
                    _ => NodeId { tree: node.id.tree, inode: key.id },
                };
                each(name, id)
            })
        })
    }

    fn read(&self, node: &Node, space: &mut [u8], at: u64) -> Result<(), Fault> {
        let tree = self.tree(node.id.tree)?;
        extents::read(&self.trees, &self.extents, (tree, node.id.inode), space, at)
    }

    fn notes(&self) -> Vec<String> {
        let note = "its log was not applied: the machine was not shut down, and what it wrote last \
                    may be missing";
        if self.superblock.has_log { vec![note.into()] } else { Vec::new() }
    }
}

/// Passes the entries of a directory in an item: what a name stands for is a key.
fn list_entries(
    item: &[u8],
    each: &mut dyn FnMut(&[u8], Key) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Fault> {
    let damaged = || Fault::malformed("a directory of btrfs is damaged");
    let mut rest = item;
    while !rest.is_empty() {
        let [data_len, name_len] = [25, 27].map(|at| usize::from(le16(rest, at)));
        let name = rest.get(ENTRY..ENTRY + name_len).ok_or_else(damaged)?;
        if each(name, Key::parse(rest)).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        rest = rest.get(ENTRY + name_len + data_len..).ok_or_else(damaged)?;
    }
    Ok(ControlFlow::Continue(()))
}
