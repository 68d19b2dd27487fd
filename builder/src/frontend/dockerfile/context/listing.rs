//! The *listing* of a context has all its entries that are not ignored.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::frontend::dockerfile::pattern::{IgnoreFile, IgnoreRule};
use crate::oci::tar::ExtendedAttributes;
use crate::recipe::SpecialKind;
use crate::recipe::path::is_below;

/// Entries of a context in the order of a walk: by name, a directory before its contents.
#[derive(Debug, Clone)]
pub struct ContextListing {
    root: ContextEntry,
    /// Sorted by [`tree_order`], no path twice.
    entries: Vec<(String, ContextEntry)>,
    ignore: IgnoreFile,
    /// Files that have several paths.
    linked: BTreeSet<FileIdentity>,
}

/// A file, directory or link in a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextEntry {
    /// Kind of the entry.
    pub kind: ContextEntryKind,
    /// Permission bits with set-user-id, set-group-id and sticky, at most `0o7777`.
    pub mode: u32,
    /// Extended attributes.
    pub xattrs: ExtendedAttributes,
}

/// Kind of an entry of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextEntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Size in bytes.
        size: u64,
        /// Identity, the same for two paths that are hard links to one file.
        identity: FileIdentity,
    },
    /// A symbolic link with its target.
    Symlink(String),
    /// A socket, which is not copied.
    Socket,
    /// A device or a pipe.
    Special(SpecialKind),
}

/// Identity of a file on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileIdentity {
    /// Number of the device.
    pub device: u64,
    /// Inode number on the device.
    pub inode: u64,
}

impl ContextListing {
    /// Returns the entry at a path, which has to be clean and relative; the root is `""`. Symbolic
    /// links are not followed.
    pub fn get(&self, path: &str) -> Option<&ContextEntry> {
        if path.is_empty() {
            return Some(&self.root);
        }
        self.position(path).ok().map(|at| &self.entries[at].1)
    }

    /// Returns the entries below a directory with their full paths, in the order of a walk.
    pub fn below(&self, directory: &str) -> impl Iterator<Item = (&str, &ContextEntry)> {
        let start = match self.position(directory) {
            _ if directory.is_empty() => 0,
            Ok(at) => at + 1,
            Err(_) => self.entries.len(),
        };
        let entries = self.entries[start..].iter().map(|(path, found)| (path.as_str(), found));
        entries.take_while(move |(path, _)| is_below(path, directory))
    }

    /// Returns whether a file has several paths in the listing.
    pub(crate) fn is_linked(&self, identity: FileIdentity) -> bool {
        self.linked.contains(&identity)
    }

    /// Returns the rule that ignores a path, if there is one; the path need not exist.
    pub(crate) fn hiding_rule(&self, path: &str) -> Option<IgnoreRule> {
        self.ignore.hiding_rule(path)
    }

    fn position(&self, path: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|(other, _)| tree_order(other, path))
    }
}

/// Compares paths part by part, so that the contents of a directory follow it immediately.
fn tree_order(one: &str, other: &str) -> Ordering {
    one.split('/').cmp(other.split('/'))
}

/// Builds a listing from the entries that a walk finds.
///
/// The walk calls [`IgnoreFile::is_ignored`] first. Ignored entries are not added, except for
/// directories that may contain entries that are not ignored: these are listed only if something
/// below them is.
#[derive(Debug)]
pub struct ContextListingBuilder {
    listing: ContextListing,
    /// Ignored directories above the current entry, each below the one before it.
    passed: Vec<(String, ContextEntry)>,
}

impl ContextListingBuilder {
    /// Returns a builder with an empty root directory of this mode.
    pub fn new(ignore: IgnoreFile, mode: u32) -> Self {
        let xattrs = ExtendedAttributes::default();
        let root = ContextEntry { kind: ContextEntryKind::Directory, mode, xattrs };
        let listing = ContextListing { root, entries: Vec::new(), ignore, linked: BTreeSet::new() };
        Self { listing, passed: Vec::new() }
    }

    /// Adds an entry that is not ignored; a directory before its contents.
    pub fn add(&mut self, path: String, found: ContextEntry) {
        self.forget_passed(&path);
        self.listing.entries.append(&mut self.passed);
        self.listing.entries.push((path, found));
    }

    /// Adds an ignored directory, which is listed only if something below it is added.
    pub fn add_ignored_directory(&mut self, path: String, found: ContextEntry) {
        self.forget_passed(&path);
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

    /// Forgets ignored directories that `path` is not below.
    fn forget_passed(&mut self, path: &str) {
        while self.passed.pop_if(|(directory, _)| !is_below(path, directory)).is_some() {}
    }
}
