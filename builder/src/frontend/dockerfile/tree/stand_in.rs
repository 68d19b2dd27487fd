//! A *stand-in* is a tree for the files of a base that is not loaded, as long as nothing of the base
//! is used. It has the directories that every distribution has, and notes whether more is needed.

use std::cell::Cell;

use super::{Tree, TreeNode, TreeNodeKind};
use crate::oci::tar::Owner;

/// Directories that are assumed to exist, and their modes.
const DIRECTORIES: [(&str, u32); 18] = [
    ("bin", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("lib", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("root", 0o700),
    ("run", 0o755),
    ("srv", 0o755),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/bin", 0o755),
    ("usr/lib", 0o755),
    ("usr/local", 0o755),
    ("usr/local/bin", 0o755),
    ("var", 0o755),
    ("var/tmp", 0o1777),
];

/// Whether the base was needed after all.
#[derive(Debug, Clone, Default)]
pub(super) struct StandIn {
    is_base_used: Cell<bool>,
}

impl Tree {
    /// Returns the tree of a base that is not loaded.
    pub(crate) fn stand_in() -> Self {
        let mut tree = Self::new();
        let owner = Owner { uid: 0, gid: 0 };
        for (path, mode) in DIRECTORIES {
            let directory = TreeNode::new(TreeNodeKind::Directory, mode, owner);
            // Parents come first, so that nothing is in the way.
            let put = tree.put_unrecorded(path, directory);
            debug_assert!(put.is_ok(), "{path}");
        }
        tree.stand_in = Some(StandIn::default());
        tree
    }

    /// Notes that a result depends on files or settings of the base.
    pub(crate) fn use_base(&self) {
        if let Some(stand_in) = &self.stand_in {
            stand_in.is_base_used.set(true);
        }
    }

    /// Returns whether the base must be loaded.
    pub(crate) fn is_base_used(&self) -> bool {
        self.stand_in.as_ref().is_some_and(|stand_in| stand_in.is_base_used.get())
    }

    /// Notes that what is in a directory matters.
    pub(super) fn note_listing(&self, dir: &str) {
        if dir.is_empty() || DIRECTORIES.iter().any(|(known, _)| *known == dir) {
            self.use_base();
        }
    }
}
