//! *Changes* tell a tree from the one that the layers below have. A layer is made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::key::{Key, Path};
use super::{Inode, Tree, TreeNode, TreeNodeKind};
use crate::oci::tar::Owner;
use crate::recipe::path::is_below;
use crate::recipe::{LayerEntry, LayerEntryKind, SourceLocation, SourceRecipe, TarOrigin};

/// How a path differs from what the layers below have there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// They have nothing there.
    New,
    /// They have something else there. If there is nothing now it was removed.
    Altered,
    /// A directory was removed with all it held. If there is one again it is another.
    Cleared,
}

impl Tree {
    /// Records that `node` is no longer there, nor anything below it.
    pub(super) fn record_removal(&mut self, path: &str, node: &TreeNode) {
        let from = Bound::Excluded::<&dyn Path>(&path);
        let later = self.changes.range::<dyn Path, _>((from, Bound::Unbounded));
        let below = later.map(|(key, _)| key).take_while(|key| is_below(key.path(), path));
        for key in below.cloned().collect::<Vec<_>>() {
            self.changes.remove(&key);
        }
        let removed = match node.kind {
            TreeNodeKind::Directory => Change::Cleared,
            _ => Change::Altered,
        };
        match self.changes.get::<dyn Path>(&path) {
            Some(Change::New) => drop(self.changes.remove::<dyn Path>(&path)),
            Some(Change::Cleared) => {}
            Some(Change::Altered) | None => drop(self.changes.insert(Key::new(path), removed)),
        }
    }
}

/// An entry on its way into a layer.
struct Row {
    turn: Turn,
    /// What it is sorted by within its turn.
    place: String,
    entry: LayerEntry,
    inode: Option<Inode>,
}

/// When an entry has its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// Directories, and what is gone.
    Directory,
    /// Files and links whose content, if any, comes from anywhere.
    Other,
    /// Files out of archives: each archive is read once, from front to back.
    Member { archive: usize, offset: u64 },
}

/// Returns the entries of a layer with these changes.
pub(super) fn entries(tree: &Tree, changes: &BTreeMap<Key, Change>) -> Vec<LayerEntry> {
    let mut rows: Vec<Row> = parents(changes).into_iter().filter_map(|p| row(tree, p)).collect();
    for (key, change) in changes {
        let path = key.path();
        let node = tree.get(path);
        match (node.map(|node| &node.kind), change) {
            (None, _) => rows.push(gone(path, LayerEntryKind::Whiteout)),
            (Some(TreeNodeKind::Directory), Change::Cleared) => {
                rows.push(gone(path, LayerEntryKind::Opaque));
            }
            _ => {}
        }
        rows.extend(row(tree, path));
    }
    set_turns(&mut rows);
    rows.sort_by(|a, b| (a.turn, &a.place, &a.entry.path).cmp(&(b.turn, &b.place, &b.entry.path)));
    link(&mut rows);
    rows.into_iter().map(|row| row.entry).collect()
}

/// Returns the directories above what was changed that were not changed themselves.
fn parents(changes: &BTreeMap<Key, Change>) -> BTreeSet<&str> {
    let above =
        |key: &'_ Key| key.path().match_indices('/').map(|(end, _)| end).collect::<Vec<_>>();
    let all = changes.keys().flat_map(|key| above(key).into_iter().map(|end| &key.path()[..end]));
    all.filter(|path| !changes.contains_key::<dyn Path>(path)).collect()
}

fn row(tree: &Tree, path: &str) -> Option<Row> {
    let node = tree.get(path)?;
    let (kind, inode) = match &node.kind {
        TreeNodeKind::Directory => (LayerEntryKind::Directory, None),
        TreeNodeKind::File(file) => (LayerEntryKind::File(file.source.clone()), file.inode),
        TreeNodeKind::Symlink(target) => (LayerEntryKind::Symlink(target.clone()), None),
        // None can be changed: see `Tree::put`.
        TreeNodeKind::Special(_) => return None,
    };
    let entry = LayerEntry { path: path.to_owned(), kind, mode: node.mode, owner: node.owner };
    Some(Row { turn: Turn::Directory, place: path.to_owned(), entry, inode })
}

/// Returns a row for what is gone. It is sorted between the directory that it is gone from and
/// what else is in that.
fn gone(path: &str, kind: LayerEntryKind) -> Row {
    let directory = match kind {
        LayerEntryKind::Opaque => path,
        _ => path.rfind('/').map_or("", |end| &path[..end]),
    };
    let place = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    let (mode, owner) = (0, Owner { uid: 0, gid: 0 });
    let entry = LayerEntry { path: path.to_owned(), kind, mode, owner };
    Row { turn: Turn::Directory, place, entry, inode: None }
}

/// Without members all have the same turn: then paths alone decide.
fn set_turns(rows: &mut [Row]) {
    rows.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
    let has_members = rows.iter().any(|row| member(&row.entry).is_some());
    if !has_members {
        return;
    }
    let mut archives: Vec<Arc<TarOrigin>> = Vec::new();
    for row in rows {
        row.turn = match (&row.entry.kind, member(&row.entry)) {
            (LayerEntryKind::Directory | LayerEntryKind::Whiteout | LayerEntryKind::Opaque, _) => {
                Turn::Directory
            }
            (_, None) => Turn::Other,
            (_, Some((archive, offset))) => {
                let is_same =
                    |other: &Arc<TarOrigin>| Arc::ptr_eq(other, archive) || other == archive;
                let archive = archives.iter().position(is_same).unwrap_or_else(|| {
                    archives.push(Arc::clone(archive));
                    archives.len() - 1
                });
                Turn::Member { archive, offset }
            }
        };
    }
}

fn member(entry: &LayerEntry) -> Option<(&Arc<TarOrigin>, u64)> {
    match &entry.kind {
        LayerEntryKind::File(source) => match &source.location {
            SourceLocation::Member(member) => Some((&member.archive, member.offset)),
            _ => None,
        },
        _ => None,
    }
}

/// Makes files into links to the first of the same inode, unless mode or owner differ.
fn link(rows: &mut [Row]) {
    let mut firsts: BTreeMap<(Inode, u32, u32, u32), usize> = BTreeMap::new();
    for at in 0..rows.len() {
        let Row { inode: Some(inode), entry, .. } = &rows[at] else { continue };
        let LayerEntry { mode, owner, .. } = *entry;
        let first = *firsts.entry((*inode, mode, owner.uid, owner.gid)).or_insert(at);
        if first != at && can_share(&rows[first].entry, entry) {
            rows[at].entry.kind = LayerEntryKind::Hardlink(rows[first].entry.path.clone());
        }
    }
}

/// Numbers that are equal mean one inode only where both files come from one place.
fn can_share(one: &LayerEntry, other: &LayerEntry) -> bool {
    let (LayerEntryKind::File(one), LayerEntryKind::File(other)) = (&one.kind, &other.kind) else {
        return false;
    };
    is_one_file(one, other)
}

/// Tells whether files whose numbers are equal are one file.
pub(super) fn is_one_file(one: &SourceRecipe, other: &SourceRecipe) -> bool {
    match (&one.location, &other.location) {
        (SourceLocation::File(one), SourceLocation::File(other)) => {
            one.directory == other.directory
        }
        (one, other) => one == other,
    }
}
