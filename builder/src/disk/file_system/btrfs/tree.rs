//! The *trees*: items by their keys.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::limits::LimitedVolume;
use super::chunks::Chunks;
use super::key::Key;
use crate::disk::Fault;
use crate::disk::bytes::{fill_part, le32, le64};

/// Lengths in bytes of the head of a node, of a reference to another, and of the head of an item.
const HEAD: usize = 101;
const REFERENCE: usize = 33;
const ITEM: usize = 25;

/// Levels of a tree at most (`BTRFS_MAX_LEVEL` in Linux).
const LEVELS_MAX: u8 = 8;

/// How many nodes are kept.
const KEPT: usize = 32;

/// Reads nodes.
pub(super) struct TreeReader<'a> {
    volume: LimitedVolume<'a>,
    node_len: usize,
    chunks: Chunks,
    /// Nodes by their addresses, the oldest first.
    kept: Mutex<VecDeque<(u64, Arc<[u8]>)>>,
}

/// What receives items.
pub(super) type EachItem<'f> = dyn FnMut(Key, &[u8]) -> Result<ControlFlow<()>, Fault> + 'f;

fn damaged() -> Fault {
    Fault::malformed("a tree of btrfs is damaged")
}

impl<'a> TreeReader<'a> {
    pub(super) fn new(volume: LimitedVolume<'a>, node_len: usize, chunks: Chunks) -> Self {
        Self { volume, node_len, chunks, kept: Mutex::default() }
    }

    /// Uses other chunks.
    pub(super) fn with_chunks(self, chunks: Chunks) -> Self {
        Self { chunks, ..self }
    }

    /// Fills `space` with the bytes from a logical address on.
    pub(super) fn read(&self, space: &mut [u8], address: u64, what: &str) -> Result<(), Fault> {
        let (mut space, mut address) = (space, address);
        while !space.is_empty() {
            let (at, len) = self.chunks.locate(address)?;
            let count = usize::try_from(len).unwrap_or(usize::MAX).min(space.len());
            let (part, rest) = space.split_at_mut(count);
            fill_part(&self.volume, part, at, what)?;
            (space, address) = (rest, address.saturating_add(count as u64));
        }
        Ok(())
    }

    /// Passes the items with keys from `first` to `last`, until it is told to stop.
    pub(super) fn each_item(
        &self,
        root: u64,
        first: Key,
        last: Key,
        each: &mut EachItem<'_>,
    ) -> Result<(), Fault> {
        let node = self.node(root, None)?;
        self.each_below(&node, first, last, each).map(|_| ())
    }

    fn each_below(
        &self,
        node: &Node,
        first: Key,
        last: Key,
        each: &mut EachItem<'_>,
    ) -> Result<ControlFlow<()>, Fault> {
        if node.level == 0 {
            for (key, item) in node.items()? {
                if key >= first && key <= last && each(key, item)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            return Ok(ControlFlow::Continue(()));
        }
        let references = node.references()?;
        // What is in front of the second key is in the first node.
        let start = references.partition_point(|(key, _)| *key <= first).saturating_sub(1);
        for (_, address) in references.iter().skip(start).take_while(|(key, _)| *key <= last) {
            let child = self.node(*address, Some(node.level))?;
            if self.each_below(&child, first, last, each)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Returns the last item whose key is not behind a key.
    pub(super) fn find_last(&self, root: u64, key: Key) -> Result<Option<(Key, Vec<u8>)>, Fault> {
        let mut node = self.node(root, None)?;
        while node.level > 0 {
            let references = node.references()?;
            let next = references.partition_point(|(start, _)| *start <= key);
            let Some((_, address)) = next.checked_sub(1).and_then(|at| references.get(at)) else {
                return Ok(None);
            };
            node = self.node(*address, Some(node.level))?;
        }
        let items = node.items()?;
        let found = items.into_iter().rev().find(|(found, _)| *found <= key);
        Ok(found.map(|(found, item)| (found, item.to_vec())))
    }

    /// Reads a node; one that another refers to is a level below.
    fn node(&self, address: u64, above: Option<u8>) -> Result<Node, Fault> {
        let bytes = self.bytes(address)?;
        let level = bytes.get(HEAD - 1).copied().unwrap_or(u8::MAX);
        let is_below = above.is_none_or(|above| level.checked_add(1) == Some(above));
        if level >= LEVELS_MAX || !is_below || le64(&bytes, 48) != address {
            return Err(damaged());
        }
        let count = usize::try_from(le32(&bytes, 96)).unwrap_or(usize::MAX);
        Ok(Node { bytes, level, count })
    }

    fn bytes(&self, address: u64) -> Result<Arc<[u8]>, Fault> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = kept.iter().find(|(known, _)| *known == address) {
            return Ok(Arc::clone(bytes));
        }
        let mut bytes = vec![0; self.node_len];
        self.read(&mut bytes, address, "a tree of btrfs")?;
        let bytes: Arc<[u8]> = bytes.into();
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((address, Arc::clone(&bytes)));
        Ok(bytes)
    }
}

/// A node.
struct Node {
    bytes: Arc<[u8]>,
    level: u8,
    /// Number of its items or references.
    count: usize,
}

impl Node {
    /// Returns the keys and addresses of the nodes below.
    fn references(&self) -> Result<Vec<(Key, u64)>, Fault> {
        let all = self.bytes.get(HEAD..).unwrap_or_default().as_chunks::<REFERENCE>().0;
        let all = all.get(..self.count).ok_or_else(damaged)?;
        Ok(all.iter().map(|bytes| (Key::parse(bytes), le64(bytes, Key::LEN))).collect())
    }

    /// Returns the items.
    fn items(&self) -> Result<Vec<(Key, &[u8])>, Fault> {
        let content = self.bytes.get(HEAD..).unwrap_or_default();
        let heads = content.as_chunks::<ITEM>().0.get(..self.count).ok_or_else(damaged)?;
        let item = |head: &[u8; ITEM]| {
            let [at, len] =
                [17, 21].map(|at| usize::try_from(le32(head, at)).unwrap_or(usize::MAX));
            let item = at.checked_add(len).and_then(|end| content.get(at..end));
            Ok((Key::parse(head), item.ok_or_else(damaged)?))
        };
        heads.iter().map(item).collect()
    }
}
