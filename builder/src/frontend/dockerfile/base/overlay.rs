//! An *overlay* applies a layer to the tree below it
//! (<https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets>). Where
//! the specification is silent it does what containerd does (`pkg/archive/tar.go`).

use std::collections::HashSet;
use std::sync::Arc;

use thiserror::Error;

use super::index::LayerIndex;
use crate::frontend::dockerfile::tree::{
    FileNode, FollowLast, Inode, Tree, TreeError, TreeNode, TreeNodeKind,
};
use crate::oci::image::whiteout;
use crate::oci::tar::Owner;
use crate::oci::tar::{TarEntry, TarEntryKind};
use crate::recipe::path::{join, split};
use crate::recipe::{SourceLocation, SourceRecipe, SourceRole, SpecialKind, TarMember, TarOrigin};

/// Prefix of AUFS's own metadata.
const META: &str = ".wh..wh.";

const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// Why a layer does not fit the tree below it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OverlayError {
    /// A path leads through something that is not a directory.
    #[error("`/{path}` cannot be put there: {error}")]
    Path {
        /// Path in the layer.
        path: String,
        /// Why the tree refuses it.
        error: TreeError,
    },
    /// A whiteout names no file, or is used as a directory.
    #[error("`/{0}` is not a whiteout that can be applied")]
    Whiteout(String),
    /// A hard link to something that does not exist.
    #[error("`/{path}` is a hard link to `/{target}`, which does not exist")]
    MissingLink {
        /// Path of the link.
        path: String,
        /// Target of the link.
        target: String,
    },
    /// A hard link to a directory, or to what the link replaces.
    #[error("`/{path}` is a hard link to `/{target}`, which cannot be linked to")]
    Link {
        /// Path of the link.
        path: String,
        /// Target of the link.
        target: String,
    },
}

/// Applies a layer to a tree; `archive` is the layer itself, from which the content of files is
/// read.
pub(super) fn apply_layer(
    tree: &mut Tree,
    layer: &LayerIndex,
    archive: &Arc<TarOrigin>,
) -> Result<(), OverlayError> {
    let mut overlay = Overlay {
        tree,
        layer,
        archive,
        own_paths: HashSet::new(),
        cleared: HashSet::new(),
        parent: None,
    };
    layer.members.iter().try_for_each(|found| overlay.add_entry(found))
}

/// Returns a node of this kind with the metadata of an entry.
fn new_node(kind: TreeNodeKind, found: &TarEntry) -> TreeNode {
    TreeNode { xattrs: found.xattrs.clone(), ..TreeNode::new(kind, found.mode, found.owner()) }
}

struct Overlay<'a> {
    tree: &'a mut Tree,
    layer: &'a LayerIndex,
    archive: &'a Arc<TarOrigin>,
    /// Paths that the layer itself added, which its whiteouts do not hide.
    own_paths: HashSet<String>,
    /// Directories from which everything of the layers below was removed.
    cleared: HashSet<String>,
    /// The directory that was resolved last and its resolved path: entries of one directory follow
    /// each other.
    parent: Option<(String, String)>,
}

impl Overlay<'_> {
    fn add_entry(&mut self, found: &TarEntry) -> Result<(), OverlayError> {
        if found.path.is_empty() && found.kind != TarEntryKind::Directory {
            return Ok(());
        }
        if found.path.is_empty() {
            return self.put_node(found, String::new(), new_node(TreeNodeKind::Directory, found));
        }
        let (dir, name) = split(&found.path);
        if found.path.starts_with(META) && found.path != whiteout::OPAQUE {
            return Ok(());
        }
        if dir.split('/').any(|part| part.starts_with(whiteout::PREFIX)) {
            return Err(OverlayError::Whiteout(found.path.clone()));
        }
        let parent = self.resolve_parent(found, dir)?;
        match name.strip_prefix(whiteout::PREFIX) {
            _ if name == whiteout::OPAQUE => self.clear_directory(&parent),
            Some("" | "." | "..") => return Err(OverlayError::Whiteout(found.path.clone())),
            Some(hidden) => self.hide_path(&join(&parent, hidden)),
            None => {
                let path = join(&parent, name);
                let node = self.make_node(found, &path)?;
                self.put_node(found, path, node)?;
            }
        }
        Ok(())
    }

    /// Returns the resolved parent directory of an entry; creates it if it is missing.
    fn resolve_parent(&mut self, found: &TarEntry, dir: &str) -> Result<String, OverlayError> {
        if let Some((known, resolved)) = &self.parent
            && known == dir
        {
            return Ok(resolved.clone());
        }
        let wrong = |error| OverlayError::Path { path: found.path.clone(), error };
        let resolved = self.tree.resolve("", dir, FollowLast::Yes).map_err(wrong)?.path;
        self.tree.make_parents(&join(&resolved, "x"), 0o755, ROOT).map_err(wrong)?;
        self.parent = Some((dir.to_owned(), resolved.clone()));
        Ok(resolved)
    }

    fn make_node(&mut self, found: &TarEntry, path: &str) -> Result<TreeNode, OverlayError> {
        let kind = match &found.kind {
            TarEntryKind::Directory => TreeNodeKind::Directory,
            TarEntryKind::File => TreeNodeKind::File(self.file_node(found)),
            TarEntryKind::Symlink(target) => TreeNodeKind::Symlink(target.clone()),
            TarEntryKind::Hardlink(target) => return self.linked_node(found, path, target),
            TarEntryKind::Fifo => TreeNodeKind::Special(SpecialKind::Fifo),
            &TarEntryKind::Character { major, minor } => {
                TreeNodeKind::Special(SpecialKind::Character { major, minor })
            }
            &TarEntryKind::Block { major, minor } => {
                TreeNodeKind::Special(SpecialKind::Block { major, minor })
            }
        };
        Ok(new_node(kind, found))
    }

    fn file_node(&self, found: &TarEntry) -> FileNode {
        let location = match self.layer.kept.get(&found.offset) {
            Some(bytes) => SourceLocation::Inline(bytes.as_slice().into()),
            None => SourceLocation::Member(TarMember {
                archive: Arc::clone(self.archive),
                offset: found.offset,
                size: found.size,
            }),
        };
        let source = SourceRecipe::new(location, SourceRole::File);
        FileNode { source, size: Some(found.size), inode: None }
    }

    /// Returns the node that a hard link shares; the mode and owner of the link apply to it.
    fn linked_node(
        &mut self,
        found: &TarEntry,
        path: &str,
        link: &str,
    ) -> Result<TreeNode, OverlayError> {
        let names = || (found.path.clone(), link.to_owned());
        let (dir, name) = split(link);
        let resolved = self.tree.resolve("", dir, FollowLast::Yes);
        let target = resolved
            .map(|dir| join(&dir.path, name))
            .map_err(|error| OverlayError::Path { path: link.to_owned(), error })?;
        let Some(node) = self.tree.get(&target) else {
            let (path, target) = names();
            return Err(OverlayError::MissingLink { path, target });
        };
        let mut node = node.clone();
        // What the link replaces is removed before the link is made.
        let replaced = target
            .strip_prefix(path)
            .is_some_and(|rest| matches!(rest.as_bytes(), [] | [b'/', ..]));
        if node.kind == TreeNodeKind::Directory || replaced {
            let (path, target) = names();
            return Err(OverlayError::Link { path, target });
        }
        if let TreeNodeKind::File(file) = &mut node.kind {
            file.inode.get_or_insert(Inode(self.layer.inode_number(), found.offset));
        }
        // Unpacking sets them on the link, and so on all names of the file.
        if !matches!(node.kind, TreeNodeKind::Symlink(_)) {
            (node.mode, node.owner) = (found.mode, found.owner());
            node.xattrs.remove_capability();
            node.xattrs.extend(&found.xattrs);
        }
        let put = self.tree.put_unrecorded(&target, node.clone());
        put.map_err(|error| OverlayError::Path { path: target, error })?;
        Ok(node)
    }

    fn put_node(
        &mut self,
        found: &TarEntry,
        path: String,
        node: TreeNode,
    ) -> Result<(), OverlayError> {
        let is_directory = |node: &TreeNode| node.kind == TreeNodeKind::Directory;
        let old = self.tree.get(&path);
        let replaced = old.is_some_and(|old| is_directory(old) != is_directory(&node));
        if replaced || old.is_some_and(|old| matches!(old.kind, TreeNodeKind::Symlink(_))) {
            self.parent = None;
        }
        if replaced {
            self.tree.remove(&path);
        }
        let put = self.tree.put_unrecorded(&path, node);
        put.map_err(|error| OverlayError::Path { path: found.path.clone(), error })?;
        self.own_paths.insert(path);
        Ok(())
    }

    /// Removes what the layers below have at a path.
    fn hide_path(&mut self, path: &str) {
        self.clear_directory(path);
        if !self.own_paths.contains(path) && self.tree.children(path).next().is_none() {
            self.tree.remove(path);
        }
    }

    /// Removes what the layers below have in a directory.
    fn clear_directory(&mut self, dir: &str) {
        self.parent = None;
        if !self.cleared.insert(dir.to_owned()) {
            return;
        }
        let below = self.tree.below(dir).map(|(path, _)| path);
        let below: Vec<String> =
            below.filter(|path| !self.own_paths.contains(*path)).map(str::to_owned).collect();
        // Contents are removed before their directory, which stays if something in it stays.
        for path in below.iter().rev() {
            if self.tree.children(path).next().is_none() {
                self.tree.remove(path);
            }
        }
    }
}
