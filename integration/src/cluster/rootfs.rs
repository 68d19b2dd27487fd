//! A **rootfs** has the files that a container sees: the layers of an image, applied in order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use super::blob;
use super::store::ChosenImage;
use crate::disk::sha256;

/// Maximum number of symbolic links that are followed for a path.
const LINKS_MAX: usize = 40;

/// Name of the opaque whiteout, which removes the content of a directory from lower layers.
const OPAQUE: &str = ".wh..wh..opq";

/// A tree of files.
#[derive(Debug, Default)]
pub(super) struct Rootfs {
    /// Files by path, without slashes at either end; the path of the root is empty.
    nodes: BTreeMap<String, RootfsNode>,
}

/// One file, directory or link.
#[derive(Debug, Clone)]
pub(super) struct RootfsNode {
    pub(super) kind: NodeKind,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
}

/// Kind of a node, with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NodeKind {
    Directory,
    File(Vec<u8>),
    Link(String),
    /// A device or a pipe.
    Other,
    /// A whiteout that overlayfs does not hide.
    Whiteout,
}

/// An entry of a layer.
struct RootfsEntry {
    path: String,
    node: RootfsNode,
    /// Path of the file that a hard link is a name of.
    original: Option<String>,
}

impl Rootfs {
    /// Unpacks an image as a container runtime does, and checks all digests.
    pub(super) fn unpack(image: &ChosenImage) -> Result<Self, String> {
        let ids = image.config["rootfs"]["diff_ids"].as_array();
        let ids = ids.ok_or("the config has no rootfs")?;
        if ids.len() != image.layers.len() {
            let (ids, layers) = (ids.len(), image.layers.len());
            return Err(format!("mismatched image rootfs and manifest layers: {ids}, {layers}"));
        }
        let mut rootfs = Self::default();
        rootfs.nodes.insert(String::new(), directory());
        for (layer, id) in image.layers.iter().zip(ids) {
            let tar = blob::decompress_as_runtime(layer.checked_blob()?)?;
            if *id != format!("sha256:{}", sha256(&tar)) {
                return Err(format!("wrong diff id calculated on extraction: {id}"));
            }
            rootfs.apply(&tar).map_err(|error| format!("failed to extract layer: {error}"))?;
        }
        Ok(rootfs)
    }

    /// Applies a layer: first its whiteouts, then its files.
    ///
    /// A whiteout is a device in overlayfs, which hides it only if a directory of the layer and one of a
    /// lower layer are merged: otherwise its name is listed.
    fn apply(&mut self, tar: &[u8]) -> Result<(), String> {
        let entries = entries(tar)?;
        let mut seen = BTreeSet::new();
        if !entries.iter().all(|entry| seen.insert(&entry.path)) {
            return Err("duplicates of file paths not supported".into());
        }
        let is_merged = |path: &str| {
            let parent = split(path).0;
            entries.iter().any(|entry| entry.path == parent || split(&entry.path).0 == parent)
        };
        self.nodes.retain(|path, node| node.kind != NodeKind::Whiteout || !is_merged(path));
        let mut listed = Vec::new();
        let is_opaque = |dir: &str| entries.iter().any(|entry| entry.path == join(dir, OPAQUE));
        for entry in &entries {
            let (parent, name) = split(&entry.path);
            match name.strip_prefix(".wh.") {
                Some(".wh..opq") => self.remove_under(parent),
                Some(hidden) => {
                    let path = join(parent, hidden);
                    if self.follow(parent).is_none() || is_opaque(parent) {
                        listed.push(path.clone());
                    }
                    self.remove(&path);
                }
                None => {}
            }
        }
        let mut added =
            entries.into_iter().filter(|entry| !split(&entry.path).1.starts_with(".wh."));
        added.try_for_each(|entry| self.add(entry))?;
        for path in listed {
            self.nodes
                .entry(path)
                .or_insert(RootfsNode { kind: NodeKind::Whiteout, ..directory() });
        }
        Ok(())
    }

    fn add(&mut self, entry: RootfsEntry) -> Result<(), String> {
        if entry.path.is_empty() {
            return Ok(());
        }
        let (parent, name) = split(&entry.path);
        let parent = self.make_parents(parent)?;
        let path = if name.is_empty() { String::new() } else { join(&parent, name) };
        let node = match &entry.original {
            None => entry.node,
            Some(original) => {
                let node = self.nodes.get(original);
                node.cloned().ok_or_else(|| format!("link: no such file: {original}"))?
            }
        };
        let both = |node: &RootfsNode| node.kind == NodeKind::Directory;
        if !(both(&node) && self.nodes.get(&path).is_some_and(both)) {
            self.remove(&path);
        }
        self.nodes.insert(path, node);
        Ok(())
    }

    /// Creates the missing directories of a path, and returns the resolved path.
    fn make_parents(&mut self, parent: &str) -> Result<String, String> {
        let mut at = String::new();
        for part in parent.split('/').filter(|part| !part.is_empty()) {
            let next = join(&at, part);
            at = self.follow(&next).unwrap_or(next);
            let node = self.nodes.entry(at.clone()).or_insert_with(directory);
            if node.kind != NodeKind::Directory {
                return Err(format!("mkdir /{at}: not a directory"));
            }
        }
        Ok(at)
    }

    /// Resolves the symbolic links of a path inside the tree; `None` if it leads nowhere.
    pub(super) fn follow(&self, path: &str) -> Option<String> {
        let mut rest: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let (mut at, mut links) = (String::new(), 0);
        while let Some(part) = rest.pop() {
            match &*part {
                "" | "." => {}
                ".." => at = split(&at).0.to_owned(),
                name => {
                    let next = join(&at, name);
                    let NodeKind::Link(target) = &self.nodes.get(&next)?.kind else {
                        at = next;
                        continue;
                    };
                    links += 1;
                    if links > LINKS_MAX {
                        return None;
                    }
                    if target.starts_with('/') {
                        at.clear();
                    }
                    rest.extend(target.split('/').rev().map(str::to_owned));
                }
            }
        }
        Some(at)
    }

    /// Returns the node at a path, without following links.
    pub(super) fn node(&self, path: &str) -> Option<&RootfsNode> {
        self.nodes.get(path)
    }

    /// Returns the names in a directory.
    pub(super) fn list(&self, path: &str) -> Vec<&str> {
        let below = self.nodes.keys().filter(|other| !other.is_empty());
        below
            .map(|other| split(other))
            .filter(|split| split.0 == path)
            .map(|split| split.1)
            .collect()
    }

    fn remove(&mut self, path: &str) {
        self.nodes.remove(path);
        self.remove_under(path);
    }

    fn remove_under(&mut self, path: &str) {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.nodes.retain(|other, _| other.is_empty() || !other.starts_with(&prefix));
    }
}

/// Returns a directory that no layer has an entry for.
fn directory() -> RootfsNode {
    RootfsNode { kind: NodeKind::Directory, mode: 0o755, uid: 0, gid: 0 }
}

fn entries(tar: &[u8]) -> Result<Vec<RootfsEntry>, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut archive = tar::Archive::new(tar);
    let mut found = Vec::new();
    for entry in archive.entries().map_err(text)? {
        let mut entry = match entry.map_err(text) {
            // Go, and so umoci, reads a tar whose last block is not padded; `tar` requires the padding.
            Err(error) if error == "unexpected EOF during skip" => break,
            entry => entry?,
        };
        let path = clean(&String::from_utf8_lossy(&entry.path_bytes()));
        let header = entry.header();
        let (mode, kind) = (header.mode().map_err(text)?, header.entry_type());
        let (uid, gid) = (header.uid().map_err(text)?, header.gid().map_err(text)?);
        let target =
            entry.link_name_bytes().map(|name| String::from_utf8_lossy(&name).into_owned());
        let original = kind.is_hard_link().then(|| clean(target.as_deref().unwrap_or_default()));
        let kind = match kind {
            tar::EntryType::XGlobalHeader => continue,
            tar::EntryType::Directory => NodeKind::Directory,
            tar::EntryType::Symlink => NodeKind::Link(target.unwrap_or_default()),
            kind if kind.is_file() || kind.is_hard_link() => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(text)?;
                if (bytes.len() as u64) < entry.size() && !kind.is_hard_link() {
                    return Err("unexpected EOF".into());
                }
                NodeKind::File(bytes)
            }
            _ => NodeKind::Other,
        };
        found.push(RootfsEntry { path, node: RootfsNode { kind, mode, uid, gid }, original });
    }
    Ok(found)
}

/// Returns a path relative to the root; `..` does not lead above it.
pub(super) fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}
