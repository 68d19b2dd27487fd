//! A *kit* is the directory `vmware-vix-disklib-distrib/` of VMware's archive, as it is stored in the
//! image: readable for every user, since the image is run as an arbitrary one.

use std::sync::Arc;

use super::content::{FileContent, is_library, is_mac_metadata};
use super::error::VddkKitError;
use super::links::{LinkProblem, join_paths, resolve_path};
use super::node::{KIT_DIRECTORY, KitNode, KitNodeKind, KitNodes, LIBRARY_PATH, NODES_MAX};
use crate::oci::tar::{Owner, TarEntry, TarEntryKind, TarReadError};
use crate::recipe::{
    LayerEntry, LayerEntryKind, SourceLocation, SourceRecipe, SourceRole, TarMember, TarOrigin,
};

const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// Mode of directories that have no entry in the archive.
const DIRECTORY_MODE: u32 = 0o755;

/// A kit that was read and found complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VddkKit {
    nodes: KitNodes,
    /// Paths in the kit of files that were left out: metadata of macOS.
    pub(super) left_out: Vec<String>,
}

impl VddkKit {
    /// Collects the kit from the members of an archive, each with its first bytes.
    pub(crate) fn from_members(
        members: impl IntoIterator<Item = Result<(TarEntry, Vec<u8>), TarReadError>>,
    ) -> Result<Self, VddkKitError> {
        let (mut nodes, mut left_out) = (KitNodes::new(), Vec::new());
        for found in members {
            let (found, start) = found?;
            let Some(path) = path_in_kit(&found.path) else { continue };
            let path = path.to_owned();
            if is_mac_metadata(&path) {
                if found.kind != TarEntryKind::Directory {
                    left_out.push(path);
                }
                continue;
            }
            let content = FileContent::new(&path, &start, found.size);
            let node = read_node(found, content, &nodes)?;
            nodes.insert(path, node);
        }
        let kit = Self { nodes, left_out };
        kit.complete()
    }

    /// Adds the directories that have no entry in the archive, and checks links and library.
    fn complete(mut self) -> Result<Self, VddkKitError> {
        let paths: Vec<String> =
            self.nodes.keys().filter(|path| !path.is_empty()).cloned().collect();
        for path in &paths {
            self.add_parents(path)?;
            if self.nodes.len() > NODES_MAX {
                return Err(VddkKitError::TooMany);
            }
        }
        if self.nodes.get("").is_none_or(|tree| tree.kind != KitNodeKind::Directory) {
            return Err(VddkKitError::NoTree);
        }
        self.check_links()?;
        self.check_contents()?;
        self.check_library()?;
        Ok(self)
    }

    fn add_parents(&mut self, path: &str) -> Result<(), VddkKitError> {
        let ends = path.match_indices('/').map(|(end, _)| end);
        for end in std::iter::once(0).chain(ends) {
            let directory = KitNode { kind: KitNodeKind::Directory, mode: DIRECTORY_MODE };
            let parent = self.nodes.entry(path[..end].to_owned()).or_insert(directory);
            if parent.kind != KitNodeKind::Directory {
                return Err(VddkKitError::NoDirectory(path.to_owned()));
            }
        }
        Ok(())
    }

    /// Checks that no link leaves the kit, which is all that is copied. Links may dangle: VMware's do.
    fn check_links(&self) -> Result<(), VddkKitError> {
        for (path, node) in &self.nodes {
            if !matches!(node.kind, KitNodeKind::Symlink(_)) {
                continue;
            }
            match resolve_path(&self.nodes, path) {
                Err(broken) if broken.problem == LinkProblem::Outside => return Err(broken.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks that no library is empty, or the target of a link as a text: the loader would stop there.
    fn check_contents(&self) -> Result<(), VddkKitError> {
        for (path, node) in self.nodes.iter().filter(|(path, _)| is_library(path)) {
            let KitNodeKind::File { content, .. } = &node.kind else { continue };
            match content {
                FileContent::LinkText(target) => {
                    let (path, target) = (path.clone(), target.clone());
                    return Err(VddkKitError::LostLink { path, target });
                }
                FileContent::Empty => {
                    return Err(VddkKitError::NotALibrary(path.clone(), "is empty".into()));
                }
                FileContent::Library | FileContent::OtherProgram(_) | FileContent::Other => {}
            }
        }
        Ok(())
    }

    fn check_library(&self) -> Result<(), VddkKitError> {
        let path = resolve_path(&self.nodes, LIBRARY_PATH)?.ok_or(VddkKitError::NoLibrary)?;
        match self.nodes.get(&path).map(|node| &node.kind) {
            Some(KitNodeKind::File { content: FileContent::Library, .. }) => Ok(()),
            Some(KitNodeKind::File { content: FileContent::OtherProgram(what), .. }) => {
                Err(VddkKitError::NotALibrary(path, format!("is {what}")))
            }
            Some(KitNodeKind::File { .. }) => {
                Err(VddkKitError::NotALibrary(path, "is no ELF file".into()))
            }
            _ => Err(VddkKitError::NotAFile(path)),
        }
    }

    /// Returns the entries of a layer with the kit. Files are in the order of the archive, so that it
    /// is read once.
    pub(crate) fn layer_entries(&self, archive: &Arc<TarOrigin>) -> Vec<LayerEntry> {
        let mut nodes: Vec<(&String, &KitNode)> = self.nodes.iter().collect();
        nodes.sort_by_key(|(path, node)| (sort_key(&node.kind), path.as_str()));
        nodes.into_iter().map(|(path, node)| layer_entry(path, node, archive)).collect()
    }
}

/// Returns a key that sorts directories first, then links, then files by their offset.
fn sort_key(kind: &KitNodeKind) -> (u8, u64) {
    match kind {
        KitNodeKind::Directory => (0, 0),
        KitNodeKind::Symlink(_) => (1, 0),
        KitNodeKind::File { offset, .. } => (2, *offset),
    }
}

/// Returns the path in the kit of a member of the archive, or `None` for members outside the kit.
fn path_in_kit(path: &str) -> Option<&str> {
    let below = path.strip_prefix(KIT_DIRECTORY)?;
    if below.is_empty() { Some(below) } else { below.strip_prefix('/') }
}

fn read_node(
    found: TarEntry,
    content: FileContent,
    nodes: &KitNodes,
) -> Result<KitNode, VddkKitError> {
    let special = |what| Err(VddkKitError::Special { path: found.path.clone(), what });
    let kind = match found.kind {
        TarEntryKind::Directory => KitNodeKind::Directory,
        TarEntryKind::File => KitNodeKind::File { offset: found.offset, size: found.size, content },
        TarEntryKind::Symlink(target) => KitNodeKind::Symlink(target),
        // `cp` would make two files of a hard link anyway.
        TarEntryKind::Hardlink(path) => match path_in_kit(&path).and_then(|path| nodes.get(path)) {
            Some(file) if file.kind != KitNodeKind::Directory => return Ok(file.clone()),
            _ => return special("another name of what is not a file in the tree"),
        },
        TarEntryKind::Character { .. } | TarEntryKind::Block { .. } => {
            return special("a device");
        }
        TarEntryKind::Fifo => return special("a named pipe"),
    };
    // A container that is run again overwrites its earlier copy: the owner must be able to write.
    let mode = match kind {
        KitNodeKind::Directory => found.mode & 0o777 | 0o755,
        KitNodeKind::Symlink(_) => 0o777,
        KitNodeKind::File { .. } => {
            let execute = if found.mode & 0o100 == 0 { 0 } else { 0o111 };
            found.mode & 0o777 | 0o644 | execute
        }
    };
    Ok(KitNode { kind, mode })
}

fn layer_entry(path: &str, node: &KitNode, archive: &Arc<TarOrigin>) -> LayerEntry {
    let kind = match &node.kind {
        KitNodeKind::Directory => LayerEntryKind::Directory,
        KitNodeKind::Symlink(target) => LayerEntryKind::Symlink(target.clone()),
        KitNodeKind::File { offset, size, .. } => LayerEntryKind::File(SourceRecipe::new(
            SourceLocation::Member(TarMember {
                archive: Arc::clone(archive),
                offset: *offset,
                size: *size,
            }),
            SourceRole::File,
        )),
    };
    LayerEntry::new(&join_paths(KIT_DIRECTORY, path), kind, node.mode, ROOT)
}
