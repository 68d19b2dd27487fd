//! A *temporary directory* whose content may be read-only.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Permissions, PermissionsExt as _};
use diskette_builder::recipe::diagnostic::Diagnostic;
use tempfile::TempDir;
use walkdir::WalkDir;

use crate::error::cannot;
use crate::ui::signal::on_forced_exit;

/// A directory that is removed with its content when it is dropped, or when a signal ends the program.
#[derive(Debug)]
pub(crate) struct TemporaryDir {
    path: PathBuf,
    /// Empty once it was removed.
    dir: Arc<Mutex<Option<TempDir>>>,
}

impl TemporaryDir {
    /// Makes a directory in another one.
    pub(crate) fn new(parent: &Path) -> Result<Self, Diagnostic> {
        let made = tempfile::Builder::new().prefix("diskette-").tempdir_in(parent);
        let dir = made.map_err(cannot("make a temporary directory in", parent.display()))?;
        let path = dir.path().to_owned();
        let dir = Arc::new(Mutex::new(Some(dir)));
        let left = Arc::downgrade(&dir);
        on_forced_exit(move || {
            if let Some(dir) = left.upgrade() {
                remove(&dir);
            }
        });
        Ok(Self { path, dir })
    }

    /// Returns the path of the directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryDir {
    fn drop(&mut self) {
        remove(&self.dir);
    }
}

/// Removes a directory. Its directories are made writable: otherwise their content cannot be removed.
fn remove(dir: &Mutex<Option<TempDir>>) {
    let Some(temporary) = dir.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    let Ok(dir) = Dir::open_ambient_dir(temporary.path(), ambient_authority()) else { return };
    for entry in WalkDir::new(temporary.path()).min_depth(1).into_iter().flatten() {
        if let Ok(path) = entry.path().strip_prefix(temporary.path())
            && entry.file_type().is_dir()
        {
            drop(dir.set_permissions(path, Permissions::from_mode(0o700)));
        }
    }
}
