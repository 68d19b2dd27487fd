//! The *extents* of a file: parts of its content, which are in the tree, or elsewhere, and may be compressed.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use super::compression::{Compression, decompress};
use super::key::{ItemKind, Key};
use super::tree::TreeReader;
use crate::disk::Fault;
use crate::disk::bytes::le64;

/// Length in bytes of the fields of an extent in front of its content or its address.
const FIELDS: usize = 21;

/// Lengths in bytes of the longest compressed extent, and of its content; Linux divides files into such parts.
const COMPRESSED_MAX: u64 = 256 << 10;
const CONTENT_MAX: u64 = 128 << 10;

/// How many decompressed extents are kept.
const KEPT: usize = 8;

/// Kinds of extents: in the tree, elsewhere, and reserved but not written.
const INLINE: u8 = 0;
const REGULAR: u8 = 1;

/// Decompressed extents by their addresses, the oldest first.
#[derive(Default)]
pub(super) struct RecentExtents(Mutex<VecDeque<(u64, Arc<[u8]>)>>);

/// Fills `space` with the content of a file from `at` on. The file is an inode in the tree with a first node.
pub(super) fn read(
    trees: &TreeReader<'_>,
    recent: &RecentExtents,
    (tree, inode): (u64, u64),
    mut space: &mut [u8],
    mut at: u64,
) -> Result<(), Fault> {
    let key = |offset: u64| Key { id: inode, kind: ItemKind::EXTENT, offset };
    while !space.is_empty() {
        let found = trees.find_last(tree, key(at))?;
        let found = found.filter(|(found, _)| (found.id, found.kind) == (inode, ItemKind::EXTENT));
        let extent = found.map(|(key, item)| Extent::parse(key.offset, &item)).transpose()?;
        let extent = extent.filter(|extent| at - extent.start < extent.len);
        let len = match &extent {
            Some(extent) => extent.len - (at - extent.start),
            None => next_start(trees, tree, key(at.saturating_add(1)), key(u64::MAX))? - at,
        };
        let count = usize::try_from(len.max(1)).unwrap_or(usize::MAX).min(space.len());
        let (part, rest) = space.split_at_mut(count);
        match extent {
            Some(extent) => extent.read(trees, recent, part, at - extent.start)?,
            None => part.fill(0),
        }
        (space, at) = (rest, at.saturating_add(count as u64));
    }
    Ok(())
}

/// Returns where the next extent of a file begins.
fn next_start(trees: &TreeReader<'_>, tree: u64, first: Key, last: Key) -> Result<u64, Fault> {
    let mut start = u64::MAX;
    trees.each_item(tree, first, last, &mut |key, _| {
        start = key.offset;
        Ok(ControlFlow::Break(()))
    })?;
    Ok(start)
}

/// An extent.
struct Extent {
    /// Offset in the file, and length there, in bytes.
    start: u64,
    len: u64,
    content: ExtentContent,
}

/// Where the content of an extent is.
enum ExtentContent {
    Zeros,
    /// In the tree.
    Inline {
        bytes: Vec<u8>,
        compression: Compression,
    },
    /// At a logical address, from an offset on.
    Plain {
        address: u64,
        offset: u64,
    },
    /// At a logical address; the content is from an offset in what was compressed on.
    Compressed {
        address: u64,
        stored: u64,
        content: u64,
        offset: u64,
        compression: Compression,
    },
}

impl Extent {
    fn parse(start: u64, item: &[u8]) -> Result<Self, Fault> {
        let damaged = || Fault::malformed("an extent of btrfs is damaged");
        let (content, compression) = (le64(item, 8), Compression::parse(item.get(16))?);
        let kind = *item.get(FIELDS - 1).ok_or_else(damaged)?;
        if kind == INLINE {
            if content > CONTENT_MAX {
                return Err(damaged());
            }
            let bytes = item.get(FIELDS..).unwrap_or_default().to_vec();
            let content_in_tree = ExtentContent::Inline { bytes, compression };
            return Ok(Self { start, len: content, content: content_in_tree });
        }
        let [address, stored, offset, len] = [21, 29, 37, 45].map(|at| le64(item, at));
        let content = match (kind, address, compression) {
            // An address of 0 is a hole.
            (REGULAR, 0, _) => ExtentContent::Zeros,
            (REGULAR, _, Compression::None) => ExtentContent::Plain { address, offset },
            (REGULAR, _, _) if stored > COMPRESSED_MAX || content > CONTENT_MAX => {
                return Err(damaged());
            }
            (REGULAR, _, compression) => {
                ExtentContent::Compressed { address, stored, content, offset, compression }
            }
            _ => ExtentContent::Zeros,
        };
        Ok(Self { start, len, content })
    }

    /// Fills `space` with the content from `skip` on.
    fn read(
        &self,
        trees: &TreeReader<'_>,
        recent: &RecentExtents,
        space: &mut [u8],
        skip: u64,
    ) -> Result<(), Fault> {
        match &self.content {
            ExtentContent::Zeros => space.fill(0),
            ExtentContent::Inline { bytes, compression } => {
                let content = decompress(*compression, bytes, self.len)?;
                copy_padded(&content, skip, space);
            }
            ExtentContent::Plain { address, offset } => {
                let address = address.saturating_add(*offset).saturating_add(skip);
                trees.read(space, address, "a part of a file")?;
            }
            ExtentContent::Compressed { address, stored, content, offset, compression } => {
                let content = recent.get(*address, || {
                    let mut bytes = vec![0; usize::try_from(*stored).unwrap_or(0)];
                    trees.read(&mut bytes, *address, "a part of a file")?;
                    decompress(*compression, &bytes, *content)
                })?;
                copy_padded(&content, offset.saturating_add(skip), space);
            }
        }
        Ok(())
    }
}

/// Copies a part of a content, behind which are zeros.
fn copy_padded(content: &[u8], at: u64, space: &mut [u8]) {
    let rest = usize::try_from(at).ok().and_then(|at| content.get(at..)).unwrap_or_default();
    let count = rest.len().min(space.len());
    let (inside, behind) = space.split_at_mut(count);
    inside.copy_from_slice(&rest[..count]);
    behind.fill(0);
}

impl RecentExtents {
    /// Returns the content of an extent, which is read if it was not read lately.
    fn get(
        &self,
        address: u64,
        read: impl FnOnce() -> Result<Vec<u8>, Fault>,
    ) -> Result<Arc<[u8]>, Fault> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, content)) = kept.iter().find(|(known, _)| *known == address) {
            return Ok(Arc::clone(content));
        }
        let content: Arc<[u8]> = read()?.into();
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((address, Arc::clone(&content)));
        Ok(content)
    }
}
