//! The *listing* of a context: what is in it, without what is ignored.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::frontend::dockerfile::pattern::{IgnoreFile, IgnoreRule};
use crate::recipe::path::is_below;

/// What is in a context, in the order of a walk: by name, a directory before what is in it.
#[derive(Debug, Clone)]
pub struct ContextListing {
    root: ContextEntry,
    /// Sorted by [`tree_order`], no path twice.
    entries: Vec<(String, ContextEntry)>,
    ignore: IgnoreFile,
    /// The files that have several paths.
    linked: BTreeSet<FileIdentity>,
}

/// Something in a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextEntry {
    /// What it is.
    pub kind: ContextEntryKind,
    /// Permission bits with set-user-id, set-group-id and sticky, at most `0o7777`.
    pub mode: u32,
}

/// What something in a context is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextEntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// In bytes.
        size: u64,
        /// The same for two paths that are hard links to one file.
        identity: FileIdentity,
    },
    /// A symbolic link, and what it leads to as it is written there.
    Symlink(String),
    /// A device, a pipe or a socket.
    Special,
}

/// Which file of a machine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileIdentity {
    /// The device it lies on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

impl ContextListing {
    /// Returns what is at a path, which has to be clean and relative; the root is `""`. Symbolic
    /// links are not followed.
    pub fn get(&self, path: &str) -> Option<&ContextEntry> {
        if path.is_empty() {
            return Some(&self.root);
        }
        self.position(path).ok().map(|at| &self.entries[at].1)
    }

    /// Returns everything below a directory with its whole path, in the order of a walk.
    pub fn below(&self, directory: &str) -> impl Iterator<Item = (&str, &ContextEntry)> {
        let start = match self.position(directory) {
            _ if directory.is_empty() => 0,
            Ok(at) => at + 1,
            Err(_) => self.entries.len(),
        };
        let entries = self.entries[start..].iter().map(|(path, found)| (path.as_str(), found));
        entries.take_while(move |(path, _)| is_below(path, directory))
    }

    /// Tells whether a file has several paths in the listing.
    pub(crate) fn is_linked(&self, identity: FileIdentity) -> bool {
        self.linked.contains(&identity)
    }

    /// Returns the rule that keeps a path out of the listing, if there is one; whether something
    /// is there is not known.
    pub(crate) fn hidden(&self, path: &str) -> Option<IgnoreRule> {
        self.ignore.hider(path)
    }

    fn position(&self, path: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|(other, _)| tree_order(other, path))
    }
}

/// Compares part by part, so that what is below a directory follows it at once.
fn tree_order(one: &str, other: &str) -> Ordering {
    one.split('/').cmp(other.split('/'))
}

/// Makes a listing from what a walk comes upon.
///
/// The walk asks [`IgnoreFile::is_ignored`] first. What is ignored is not added, but for directories
/// that may hold something that is not: these are *passed*, and are listed only if something below
/// them is.
#[derive(Debug)]
pub struct ContextListingBuilder {
    listing: ContextListing,
    /// Each is below the one before it.
    passed: Vec<(String, ContextEntry)>,
}

impl ContextListingBuilder {
    /// Begins with an empty directory that has this mode.
    pub fn new(ignore: IgnoreFile, mode: u32) -> Self {
        let root = ContextEntry { kind: ContextEntryKind::Directory, mode };
        let listing = ContextListing { root, entries: Vec::new(), ignore, linked: BTreeSet::new() };
        Self { listing, passed: Vec::new() }
    }

    /// Adds what is not ignored; directories before what is in them.
    pub fn add(&mut self, path: String, found: ContextEntry) {
        self.leave(&path);
        self.listing.entries.append(&mut self.passed);
        self.listing.entries.push((path, found));
    }

    /// Remembers a directory that is ignored, until something below it is added.
    pub fn pass(&mut self, path: String, found: ContextEntry) {
        self.leave(&path);
        self.passed.push((path, found));
    }

    /// Returns the listing.
    pub fn finish(mut self) -> ContextListing {
        self.listing.entries.sort_by(|(one, _), (other, _)| tree_order(one, other));
        let mut seen = BTreeSet::new();
        let files = self.listing.entries.iter().filter_map(|(_, found)| match &found.kind {
            ContextEntryKind::File { identity, .. } => Some(*identity),
            _ => None,
        });
        self.listing.linked = files.filter(|identity| !seen.insert(*identity)).collect();
        self.listing
    }

    /// Forgets passed directories that `path` is not below.
    fn leave(&mut self, path: &str) {
        while self.passed.pop_if(|(directory, _)| !is_below(path, directory)).is_some() {}
    }
}
