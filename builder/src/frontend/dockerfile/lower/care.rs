//! The *care* that a node gets when it is put into a stage: the owner and mode that COPY and ADD
//! ask for, and where they ask for nothing, what KubeVirt and CDI need of a disk in `/disk`.

use crate::contract::disk::{DIRECTORY, DIRECTORY_MODE, FILE_MODE, QEMU};
use crate::diagnostic::{Diagnostic, Span};
use crate::path::split;
use crate::recipe::{EntryKind, Owner, Role, Step};
use crate::tree::{ModeChange, Node, NodeKind, Subject, Tree, TreeError, UMASK};

const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// Where a node was before it is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// In the `/disk` of a stage, whose instructions have said what it shall be.
    Disk,
    /// Anywhere else.
    Elsewhere,
}

/// What the flags of COPY and ADD ask for.
#[derive(Debug, Clone, Default)]
pub(super) struct Care {
    /// `--chown`.
    pub(super) owner: Option<Owner>,
    /// `--chmod`.
    pub(super) mode: Option<ModeChange>,
}

impl Care {
    /// Puts a copy of a node at a path, and makes the directories above it.
    pub(super) fn put(&self, tree: &mut Tree, path: &str, node: &Node) -> Result<(), TreeError> {
        self.put_from(Before::Elsewhere, tree, path, node)
    }

    /// The same, of a node that may have had this care before.
    pub(super) fn put_from(
        &self,
        before: Before,
        tree: &mut Tree,
        path: &str,
        node: &Node,
    ) -> Result<(), TreeError> {
        self.make_parents(tree, path)?;
        tree.put(path, self.node(before, path, node))
    }

    /// Makes a directory and those above it, unless it is there.
    pub(super) fn make_directory(&self, tree: &mut Tree, path: &str) -> Result<(), TreeError> {
        self.make_parents(tree, path)?;
        if tree.get(path).is_some_and(|node| node.kind == NodeKind::Directory) {
            return Ok(());
        }
        tree.put(path, self.directory(path))
    }

    fn make_parents(&self, tree: &mut Tree, path: &str) -> Result<(), TreeError> {
        for (end, _) in path.match_indices('/') {
            let parent = &path[..end];
            if tree.get(parent).is_none() {
                tree.put(parent, self.directory(parent))?;
            }
        }
        Ok(())
    }

    /// Returns a directory that is made because something is put into it. `--chmod` is not for
    /// it: BuildKit takes it for that too, and a directory of mode 0444 hides the disk in it
    /// (moby/buildkit#5943).
    fn directory(&self, path: &str) -> Node {
        let (mode, owner) = if path == DIRECTORY { (DIRECTORY_MODE, QEMU) } else { (0o755, ROOT) };
        Node { kind: NodeKind::Directory, mode, owner: self.owner.unwrap_or(owner) }
    }

    fn node(&self, before: Before, path: &str, node: &Node) -> Node {
        let mut node = node.clone();
        let subject = match node.kind {
            NodeKind::Directory => Some(Subject::Directory),
            NodeKind::File(_) => Some(Subject::File),
            NodeKind::Symlink(_) | NodeKind::Special(_) => None,
        };
        if let NodeKind::File(file) = &mut node.kind {
            file.source.role = Role::File;
            if is_disk(path) {
                file.source.role = Role::Disk;
                if before == Before::Elsewhere {
                    (node.mode, node.owner) = (FILE_MODE, QEMU);
                }
            }
        }
        if let (Some(change), Some(subject)) = (&self.mode, subject) {
            // A number is taken as it is, for directories too.
            let new = change.apply(node.mode, subject, UMASK);
            node.mode = change.octal().unwrap_or(new);
        }
        node.owner = self.owner.unwrap_or(node.owner);
        node
    }
}

/// Tells of a disk that is in several layers, for example because its mode was changed later: the image
/// is so much larger, and CDI takes the first that it comes to.
pub(super) fn repeated(steps: &[Step], at: &Span) -> Option<Diagnostic> {
    let has_disk = |step: &&Step| match step {
        Step::Layer(layer) => layer
            .entries
            .iter()
            .any(|entry| is_disk(&entry.path) && matches!(entry.kind, EntryKind::File(_))),
        Step::Config { .. } => false,
    };
    let layers = steps.iter().filter(has_disk).count();
    (layers > 1).then(|| {
        Diagnostic::new(format!("{layers} layers have a disk, and CDI takes that of the lowest"))
            .at(at.clone())
            .help("say its owner and mode where it is copied, with `--chown` and `--chmod`")
    })
}

/// Returns what KubeVirt or CDI would not understand of the disk in a finished tree: both want exactly one
/// file, and no directory beside it (KubeVirt `pkg/container-disk`, CDI `pkg/importer/transport.go`).
pub(super) fn doubts(tree: &Tree, at: &Span) -> Option<Diagnostic> {
    let found: Vec<(&str, &Node)> = tree.children(DIRECTORY).collect();
    let files = found.iter().filter(|(_, node)| matches!(node.kind, NodeKind::File(_))).count();
    let problem = match (found.len(), files) {
        (0, _) | (1, 1) => return None,
        (_, 0) => "there is no file in /disk",
        (all, files) if files < all => "/disk has something else in it than a disk",
        _ => "there is more than one file in /disk",
    };
    let names = found.iter().map(|(name, _)| *name).take(5).collect::<Vec<_>>().join(", ");
    let problem = Diagnostic::new(problem).at(at.clone());
    Some(problem.help(format!("KubeVirt and CDI want exactly one file there; it holds {names}")))
}

/// Tells whether a file at this path is what a virtual machine boots from.
pub(super) fn is_disk(path: &str) -> bool {
    split(path).0 == DIRECTORY
}
