//! A *temporary directory* whose content may be read-only.

use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Permissions, PermissionsExt as _};
use diskette_builder::recipe::diagnostic::Diagnostic;
use tempfile::TempDir;
use walkdir::WalkDir;

use crate::error::cannot;

/// A directory that is removed with its content when it is dropped.
#[derive(Debug)]
pub(crate) struct TemporaryDir(TempDir);

impl TemporaryDir {
    /// Makes a directory in another one.
    pub(crate) fn new(parent: &Path) -> Result<Self, Diagnostic> {
        let made = tempfile::Builder::new().prefix("diskette-").tempdir_in(parent);
        made.map(Self).map_err(cannot("make a temporary directory in", parent.display()))
    }

    /// Returns the path of the directory.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for TemporaryDir {
    /// Makes directories writable: otherwise their content cannot be removed.
    fn drop(&mut self) {
        let Ok(dir) = Dir::open_ambient_dir(self.path(), ambient_authority()) else { return };
        for entry in WalkDir::new(self.path()).min_depth(1).into_iter().flatten() {
            if let Ok(path) = entry.path().strip_prefix(self.path())
                && entry.file_type().is_dir()
            {
                drop(dir.set_permissions(path, Permissions::from_mode(0o700)));
            }
        }
    }
}
