//! The *directory* of a layout, and its index.

use std::io::{self, Write};

use cap_std::fs::Dir;
use oci_spec::image::OciLayout;
use ocidir::OciDir;
use rustix::fs::{FlockOperation, flock};

use super::INDEX;
use super::file::read_document_file;
use super::index::LayoutIndex;
use super::locks::IndexLock;
use crate::oci::error::StorageError;
use crate::oci::new_file::NewFile;

/// The only version of OCI layouts.
const LAYOUT_VERSION: &str = "1.0.0";

/// The directory of a layout.
#[derive(Debug)]
pub(super) struct LayoutDir {
    oci: OciDir,
    path: String,
}

impl LayoutDir {
    /// Opens the layout in a directory, or creates one if the directory is empty. `path` is its
    /// path in messages.
    pub(super) fn open_or_create(dir: Dir, path: &str) -> Result<Self, StorageError> {
        // Of several builds that start in the same empty directory, one creates the layout. Errors
        // are ignored, since not all file systems can lock directories.
        let making = dir.open(".").map_err(StorageError::io("open", path))?;
        flock(&making, FlockOperation::LockExclusive).unwrap_or_default();
        let is_layout = dir.try_exists("oci-layout").map_err(StorageError::io("open", path))?;
        let mut entries = dir.entries().map_err(StorageError::io("list", path))?;
        if !is_layout && entries.next().is_some() {
            return Err(StorageError::Unexpected {
                path: path.into(),
                problem: "is neither empty nor an OCI layout".into(),
            });
        }
        let layout = Self::ensure(dir, path, is_layout)?;
        if !is_layout {
            // The names of the directories that were made, `blobs` and `sha256`.
            for made in [".", "blobs"] {
                let synced = layout.dir().open(made).and_then(|dir| dir.sync_all());
                synced.map_err(StorageError::io("sync", path))?;
            }
        }
        Ok(layout)
    }

    /// Opens the layout in a directory.
    pub(super) fn open(dir: Dir, path: &str) -> Result<Self, StorageError> {
        if !dir.try_exists("oci-layout").map_err(StorageError::io("open", path))? {
            let problem = "is not an OCI layout".into();
            return Err(StorageError::Unexpected { path: path.into(), problem });
        }
        Self::ensure(dir, path, true)
    }

    fn ensure(dir: Dir, path: &str, is_layout: bool) -> Result<Self, StorageError> {
        if is_layout {
            check_version(&dir, path)?;
        }
        let oci = OciDir::ensure(dir).map_err(|error| StorageError::Unexpected {
            path: path.into(),
            problem: format!("cannot be used as an OCI layout: {error}"),
        })?;
        let layout = Self { oci, path: path.into() };
        // A malformed index is reported before a long build rather than after it.
        layout.read_index()?;
        Ok(layout)
    }

    pub(super) fn dir(&self) -> &Dir {
        self.oci.dir()
    }

    pub(super) fn blobs_dir(&self) -> &Dir {
        self.oci.blobs_dir()
    }

    /// Returns the path of the layout in messages.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Returns the path of a file of the layout in messages.
    pub(super) fn path_of(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// Reads the index as its bytes and parsed; none if the layout is still being created.
    pub(super) fn read_index(&self) -> Result<Option<(Vec<u8>, LayoutIndex)>, StorageError> {
        let path = self.path_of(INDEX);
        let bytes = match read_document_file(self.dir(), INDEX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(StorageError::io("read", path.as_str()))?,
        };
        let index = LayoutIndex::parse(&bytes);
        index
            .map(|index| Some((bytes, index)))
            .map_err(|problem| StorageError::Unexpected { path, problem })
    }

    /// Changes the index under its lock, and returns what `change` does.
    pub(super) fn change_index<T>(
        &self,
        change: impl FnOnce(&mut LayoutIndex) -> io::Result<T>,
    ) -> Result<T, StorageError> {
        let _lock = IndexLock::take(self.dir(), &self.path)?;
        let (old, mut index) = self.read_index()?.unwrap_or((Vec::new(), LayoutIndex::empty()));
        let compose = StorageError::io("compose", self.path_of(INDEX));
        let changed = change(&mut index).and_then(|result| Ok((index.to_bytes()?, result)));
        let (new, result) = changed.map_err(compose)?;
        // An unchanged index keeps its modification time, which make compares.
        if new != old {
            self.write_index(&new)?;
        }
        Ok(result)
    }

    fn write_index(&self, bytes: &[u8]) -> Result<(), StorageError> {
        let write = || {
            let mut file = NewFile::new(self.dir())?;
            file.as_file_mut().write_all(bytes)?;
            file.as_file().sync_all()?;
            file.replace(INDEX)?;
            sync_dir(self.dir())
        };
        write().map_err(StorageError::io("write", self.path_of(INDEX)))
    }
}

/// Refuses layouts of an unknown version.
fn check_version(dir: &Dir, path: &str) -> Result<(), StorageError> {
    let bytes = read_document_file(dir, "oci-layout").map_err(StorageError::io("open", path))?;
    let version = match serde_json::from_slice::<OciLayout>(&bytes) {
        Ok(layout) if layout.image_layout_version() == LAYOUT_VERSION => return Ok(()),
        Ok(layout) => format!("version {}", layout.image_layout_version()),
        Err(_) => "an unknown version".to_owned(),
    };
    Err(StorageError::Unexpected {
        path: path.into(),
        problem: format!("is an OCI layout of {version}, not {LAYOUT_VERSION}"),
    })
}

/// Writes the entries of a directory to disk.
pub(super) fn sync_dir(dir: &Dir) -> io::Result<()> {
    dir.open(".")?.sync_all()
}
