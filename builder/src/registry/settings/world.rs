//! Files in memory for tests.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::SettingsFiles;

/// Files in memory, by path.
#[derive(Debug, Default)]
pub(super) struct TestFiles(BTreeMap<PathBuf, &'static str>);

impl TestFiles {
    pub(super) fn new(files: &[(&str, &'static str)]) -> Self {
        Self(files.iter().map(|(path, text)| (path.into(), *text)).collect())
    }
}

impl SettingsFiles for TestFiles {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match self.0.get(path) {
            Some(&"denied") => Err(io::ErrorKind::PermissionDenied.into()),
            text => Ok(text.map(|text| text.as_bytes().to_vec())),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Option<Vec<String>>> {
        if self.0.get(dir) == Some(&"denied") {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let inside = self.0.keys().filter(|path| path.parent() == Some(dir)).rev();
        let names = inside.map(|path| path.file_name().unwrap().to_str().unwrap().into());
        Ok(Some(names.collect::<Vec<_>>()).filter(|names| !names.is_empty()))
    }
}
