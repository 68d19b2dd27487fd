//! A *key*: what items of a tree are found by, and sorted by.

use crate::disk::bytes::le64;

/// The kind of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ItemKind(pub(super) u8);

impl ItemKind {
    pub(super) const INODE: Self = Self(1);
    /// An entry of a directory, by the hash of its name.
    pub(super) const DIRECTORY: Self = Self(84);
    /// An entry of a directory, by its number.
    pub(super) const ENTRY: Self = Self(96);
    pub(super) const EXTENT: Self = Self(108);
    pub(super) const ROOT: Self = Self(132);
    pub(super) const CHUNK: Self = Self(228);
}

/// A key. Keys are sorted by their fields in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) id: u64,
    pub(super) kind: ItemKind,
    pub(super) offset: u64,
}

impl Key {
    /// Length of a key in bytes.
    pub(super) const LEN: usize = 17;

    pub(super) const MIN: Self = Self { id: 0, kind: ItemKind(0), offset: 0 };
    pub(super) const MAX: Self = Self { id: u64::MAX, kind: ItemKind(u8::MAX), offset: u64::MAX };

    /// Returns the key at the beginning of some bytes.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let kind = ItemKind(bytes.get(8).copied().unwrap_or(0));
        Self { id: le64(bytes, 0), kind, offset: le64(bytes, 9) }
    }
}
