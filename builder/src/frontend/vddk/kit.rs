//! A *kit* is the tree `vmware-vix-disklib-distrib/` of VMware's archive, as it shall be in the image:
//! readable for any user, since whoever runs the image copies it as nobody in particular.

use std::sync::Arc;

use thiserror::Error;

use super::links::{BrokenLink, LinkProblem, join, resolve};
use super::node::{KitNode, KitNodeKind, KitNodes};
use crate::oci::tar::{Owner, TarEntry, TarEntryKind, TarReadError};
use crate::recipe::{
    LayerEntry, LayerEntryKind, SourceLocation, SourceRecipe, SourceRole, TarMember, TarOrigin,
};

/// What the tree is called, in the archive, in the image, and where the image copies it.
pub(crate) const TREE: &str = "vmware-vix-disklib-distrib";

/// What nbdkit and virt-v2v load, and Forklift's validator looks at.
pub(crate) const LIBRARY: &str = "lib64/libvixDiskLib.so";

const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// Of directories that the archive does not mention.
const DIRECTORY_MODE: u32 = 0o755;

/// As many directories and files are kept at most, those counted that the archive does not mention.
const NODES_MAX: usize = 20_000;

/// A kit, read and found complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VddkKit {
    nodes: KitNodes,
}

/// Why an archive is not that of a kit.
#[derive(Debug, Error)]
pub(crate) enum VddkKitError {
    /// It is no archive, or not whole.
    #[error(transparent)]
    Archive(#[from] TarReadError),
    /// It holds something else.
    #[error("there is no directory `{TREE}` in it")]
    NoTree,
    /// The library is not in the tree.
    #[error("there is no `{LIBRARY}` in `{TREE}`")]
    NoLibrary,
    /// The library's name leads to a directory.
    #[error("`{0}`, which should be the library, is not a file")]
    NotAFile(String),
    /// A link cannot be followed, and must be.
    #[error(transparent)]
    Link(#[from] BrokenLink),
    /// A file stands below something that is not a directory.
    #[error("`{0}` is in it, and what it stands in is not a directory")]
    NoDirectory(String),
    /// It is too large to be one.
    #[error("there are more than {NODES_MAX} files and directories in it")]
    TooMany,
    /// It holds what no user may make, or what cannot be copied.
    #[error("`{path}` in it is {what}")]
    Special {
        /// Its path in the archive.
        path: String,
        /// e.g. `a device`.
        what: &'static str,
    },
}

impl VddkKit {
    /// Takes the kit out of an archive, member by member.
    pub(crate) fn read(
        members: impl IntoIterator<Item = Result<TarEntry, TarReadError>>,
    ) -> Result<Self, VddkKitError> {
        let mut nodes = KitNodes::new();
        for found in members {
            let found = found?;
            let Some(path) = below_tree(&found.path) else { continue };
            let path = path.to_owned();
            let node = node(found, &nodes)?;
            nodes.insert(path, node);
        }
        let kit = Self { nodes };
        kit.complete()
    }

    /// Adds the directories that the archive leaves out, and refuses what could not be used.
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

    /// Links may dangle, as VMware likes; none may leave the tree, which is all that is copied.
    fn check_links(&self) -> Result<(), VddkKitError> {
        for (path, node) in &self.nodes {
            if !matches!(node.kind, KitNodeKind::Symlink(_)) {
                continue;
            }
            match resolve(&self.nodes, path) {
                Err(broken) if broken.problem == LinkProblem::Outside => return Err(broken.into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn check_library(&self) -> Result<(), VddkKitError> {
        let path = resolve(&self.nodes, LIBRARY)?.ok_or(VddkKitError::NoLibrary)?;
        match self.nodes.get(&path).map(|node| &node.kind) {
            Some(KitNodeKind::File { .. }) => Ok(()),
            _ => Err(VddkKitError::NotAFile(path)),
        }
    }

    /// Returns the entries of a layer with the kit; files stand in the order of the archive, which
    /// can be read once then.
    pub(crate) fn entries(&self, archive: &Arc<TarOrigin>) -> Vec<LayerEntry> {
        let mut nodes: Vec<(&String, &KitNode)> = self.nodes.iter().collect();
        nodes.sort_by_key(|(path, node)| (order(&node.kind), path.as_str()));
        nodes.into_iter().map(|(path, node)| entry(path, node, archive)).collect()
    }
}

/// Directories stand before what is in them.
fn order(kind: &KitNodeKind) -> (u8, u64) {
    match kind {
        KitNodeKind::Directory => (0, 0),
        KitNodeKind::Symlink(_) => (1, 0),
        KitNodeKind::File { offset, .. } => (2, *offset),
    }
}

/// Returns the path below the tree of something in the archive; nothing for what lies elsewhere.
fn below_tree(path: &str) -> Option<&str> {
    let below = path.strip_prefix(TREE)?;
    if below.is_empty() { Some(below) } else { below.strip_prefix('/') }
}

fn node(found: TarEntry, nodes: &KitNodes) -> Result<KitNode, VddkKitError> {
    let special = |what| Err(VddkKitError::Special { path: found.path.clone(), what });
    let kind = match found.kind {
        TarEntryKind::Directory => KitNodeKind::Directory,
        TarEntryKind::File => KitNodeKind::File { offset: found.offset, size: found.size },
        TarEntryKind::Symlink(target) => KitNodeKind::Symlink(target),
        // Copying makes two files of it anyway.
        TarEntryKind::Hardlink(path) => match below_tree(&path).and_then(|path| nodes.get(path)) {
            Some(file) if file.kind != KitNodeKind::Directory => return Ok(file.clone()),
            _ => return special("another name of what is not a file in the tree"),
        },
        TarEntryKind::Character { .. } | TarEntryKind::Block { .. } => {
            return special("a device");
        }
        TarEntryKind::Fifo => return special("a named pipe"),
    };
    // A container that is run again has `cp` write over what it made: its owner may.
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

fn entry(path: &str, node: &KitNode, archive: &Arc<TarOrigin>) -> LayerEntry {
    let kind = match &node.kind {
        KitNodeKind::Directory => LayerEntryKind::Directory,
        KitNodeKind::Symlink(target) => LayerEntryKind::Symlink(target.clone()),
        KitNodeKind::File { offset, size } => LayerEntryKind::File(SourceRecipe::new(
            SourceLocation::Member(TarMember {
                archive: Arc::clone(archive),
                offset: *offset,
                size: *size,
            }),
            SourceRole::File,
        )),
    };
    LayerEntry { path: join(TREE, path), kind, mode: node.mode, owner: ROOT }
}
