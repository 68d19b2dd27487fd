//! *Changes* are the differences between a tree and the layers below it. A layer is made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::key::{KeyPath, TreeKey};
use super::{Inode, Tree, TreeNode, TreeNodeKind};
use crate::oci::tar::Owner;
use crate::recipe::path::is_below;
use crate::recipe::{LayerEntry, LayerEntryKind, SourceLocation, SourceRecipe, TarOrigin};

/// How a path differs from what the layers below have there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TreeChange {
    /// They have nothing at the path.
    New,
    /// They have something else at the path. If nothing exists now, it was removed.
    Altered,
    /// A directory was removed with its contents. If one exists now, it is a new one.
    Cleared,
}

impl Tree {
    /// Records the removal of `node` and of everything below it.
    pub(super) fn record_removal(&mut self, path: &str, node: &TreeNode) {
        let from = Bound::Excluded::<&dyn KeyPath>(&path);
        let later = self.changes.range::<dyn KeyPath, _>((from, Bound::Unbounded));
        let below = later.map(|(key, _)| key).take_while(|key| is_below(key.path(), path));
        for key in below.cloned().collect::<Vec<_>>() {
            self.changes.remove(&key);
        }
        let removed = match node.kind {
            TreeNodeKind::Directory => TreeChange::Cleared,
            _ => TreeChange::Altered,
        };
        match self.changes.get::<dyn KeyPath>(&path) {
            Some(TreeChange::New) => drop(self.changes.remove::<dyn KeyPath>(&path)),
            Some(TreeChange::Cleared) => {}
            Some(TreeChange::Altered) | None => {
                self.changes.insert(TreeKey::new(path), removed);
            }
        }
    }
}

/// An entry of a layer, with the values that it is sorted by.
struct EntryRow {
    turn: EntryTurn,
    /// Key that it is sorted by within its turn.
    sort_key: String,
    entry: LayerEntry,
    inode: Option<Inode>,
}

/// Position of an entry in a layer, before its path is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum EntryTurn {
    /// Directories, and whiteouts of removed paths.
    Directory,
    /// Links, and files whose content is not in an archive.
    Other,
    /// Files from archives: each archive is read once, from front to back.
    Member { archive: usize, offset: u64 },
}

/// Returns the entries of a layer with these changes.
pub(super) fn layer_entries(
    tree: &Tree,
    changes: &BTreeMap<TreeKey, TreeChange>,
) -> Vec<LayerEntry> {
    let mut rows: Vec<EntryRow> =
        unchanged_parents(changes).into_iter().filter_map(|p| node_row(tree, p)).collect();
    for (key, change) in changes {
        let path = key.path();
        let node = tree.get(path);
        match (node.map(|node| &node.kind), change) {
            (None, _) => rows.push(removal_row(path, LayerEntryKind::Whiteout)),
            (Some(TreeNodeKind::Directory), TreeChange::Cleared) => {
                rows.push(removal_row(path, LayerEntryKind::Opaque));
            }
            _ => {}
        }
        rows.extend(node_row(tree, path));
    }
    set_turns(&mut rows);
    rows.sort_by(|a, b| {
        (a.turn, &a.sort_key, &a.entry.path).cmp(&(b.turn, &b.sort_key, &b.entry.path))
    });
    link_shared_files(&mut rows);
    rows.into_iter().map(|row| row.entry).collect()
}

/// Returns the unchanged directories above changed paths.
fn unchanged_parents(changes: &BTreeMap<TreeKey, TreeChange>) -> BTreeSet<&str> {
    let above =
        |key: &'_ TreeKey| key.path().match_indices('/').map(|(end, _)| end).collect::<Vec<_>>();
    let all = changes.keys().flat_map(|key| above(key).into_iter().map(|end| &key.path()[..end]));
    all.filter(|path| !changes.contains_key::<dyn KeyPath>(path)).collect()
}

fn node_row(tree: &Tree, path: &str) -> Option<EntryRow> {
    let node = tree.get(path)?;
    let (kind, inode) = match &node.kind {
        TreeNodeKind::Directory => (LayerEntryKind::Directory, None),
        TreeNodeKind::File(file) => (LayerEntryKind::File(file.source.clone()), file.inode),
        TreeNodeKind::Symlink(target) => (LayerEntryKind::Symlink(target.clone()), None),
        TreeNodeKind::Special(kind) => (LayerEntryKind::Special(*kind), None),
    };
    let xattrs = node.xattrs.clone();
    let entry = LayerEntry { xattrs, ..LayerEntry::new(path, kind, node.mode, node.owner) };
    Some(EntryRow { turn: EntryTurn::Directory, sort_key: path.to_owned(), entry, inode })
}

/// Returns the row of a removed path. It is sorted between its directory and the other entries of
/// that directory.
fn removal_row(path: &str, kind: LayerEntryKind) -> EntryRow {
    let directory = match kind {
        LayerEntryKind::Opaque => path,
        _ => path.rfind('/').map_or("", |end| &path[..end]),
    };
    let sort_key = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    let (mode, owner) = (0, Owner { uid: 0, gid: 0 });
    let entry = LayerEntry::new(path, kind, mode, owner);
    EntryRow { turn: EntryTurn::Directory, sort_key, entry, inode: None }
}

/// Sets the turns of rows. Without files from archives all have the same one, and paths alone
/// decide.
fn set_turns(rows: &mut [EntryRow]) {
    rows.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
    let has_members = rows.iter().any(|row| archive_member(&row.entry).is_some());
    if !has_members {
        return;
    }
    let mut archives: Vec<Arc<TarOrigin>> = Vec::new();
    for row in rows {
        row.turn = match (&row.entry.kind, archive_member(&row.entry)) {
            (LayerEntryKind::Directory | LayerEntryKind::Whiteout | LayerEntryKind::Opaque, _) => {
                EntryTurn::Directory
            }
            (_, None) => EntryTurn::Other,
            (_, Some((archive, offset))) => {
                let is_same =
                    |other: &Arc<TarOrigin>| Arc::ptr_eq(other, archive) || other == archive;
                let archive = archives.iter().position(is_same).unwrap_or_else(|| {
                    archives.push(Arc::clone(archive));
                    archives.len() - 1
                });
                EntryTurn::Member { archive, offset }
            }
        };
    }
}

fn archive_member(entry: &LayerEntry) -> Option<(&Arc<TarOrigin>, u64)> {
    match &entry.kind {
        LayerEntryKind::File(source) => match &source.location {
            SourceLocation::Member(member) => Some((&member.archive, member.offset)),
            _ => None,
        },
        _ => None,
    }
}

/// Turns files into links to the first of the same inode, unless mode, owner or extended attributes
/// differ.
fn link_shared_files(rows: &mut [EntryRow]) {
    let mut firsts: BTreeMap<(Inode, u32, u32, u32), usize> = BTreeMap::new();
    for at in 0..rows.len() {
        let EntryRow { inode: Some(inode), entry, .. } = &rows[at] else { continue };
        let LayerEntry { mode, owner, .. } = *entry;
        let first = *firsts.entry((*inode, mode, owner.uid, owner.gid)).or_insert(at);
        if first != at && can_share(&rows[first].entry, entry) {
            rows[at].entry.kind = LayerEntryKind::Hardlink(rows[first].entry.path.clone());
        }
    }
}

/// Returns whether two files whose numbers are equal share an inode: both must come from one
/// origin.
fn can_share(one: &LayerEntry, other: &LayerEntry) -> bool {
    let is_same = match (&one.kind, &other.kind) {
        (LayerEntryKind::File(one), LayerEntryKind::File(other)) => is_same_file(one, other),
        _ => false,
    };
    is_same && one.xattrs == other.xattrs
}

/// Returns whether files whose numbers are equal are the same file.
pub(super) fn is_same_file(one: &SourceRecipe, other: &SourceRecipe) -> bool {
    match (&one.location, &other.location) {
        (SourceLocation::File(one), SourceLocation::File(other)) => {
            one.directory == other.directory
        }
        (one, other) => one == other,
    }
}
