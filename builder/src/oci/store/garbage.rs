//! The *garbage* of a layout: blobs that its index does not reach, and temporary files that an
//! interrupted build left behind. Builds hold a lock while they write to the layout, so that no blob
//! of theirs is removed before the index lists it.

use std::collections::BTreeMap;
use std::io;

use cap_std::fs::Dir;

use super::BLOBS;
use super::layout_dir::LayoutDir;
use super::locks::{BlobsLock, BusyLayout, IndexLock};
use super::reachable::ReachableSearch;
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::new_file::is_temporary_name;

/// The garbage of a layout. The layout is locked as long as this exists.
#[derive(Debug)]
pub struct LayoutGarbage {
    layout: LayoutDir,
    files: Vec<GarbageFile>,
    _blobs: BlobsLock,
    _index: IndexLock,
}

/// A file of a layout that is not needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GarbageFile {
    /// Path in the layout.
    pub path: String,
    /// Length in bytes.
    pub size: u64,
    /// Digest of a blob; none for a temporary file.
    pub digest: Option<Digest>,
}

impl LayoutGarbage {
    /// Finds the garbage of the layout in a directory, and locks the layout; none if a build writes to
    /// it that is not to be waited for. `path` is the path of the layout in messages.
    pub fn find(dir: Dir, path: &str, busy: BusyLayout) -> Result<Option<Self>, StorageError> {
        let layout = LayoutDir::open(dir, path)?;
        let blobs = BlobsLock::exclusive(layout.blobs_dir(), path, busy)?;
        let Some(blobs) = blobs else { return Ok(None) };
        let index = IndexLock::take(layout.dir(), path)?;
        let files = list_garbage(&layout)?;
        Ok(Some(Self { layout, files, _blobs: blobs, _index: index }))
    }

    /// Returns the files, blobs first.
    pub fn files(&self) -> &[GarbageFile] {
        &self.files
    }

    /// Removes the files. If it is interrupted, the images of the layout are complete, and the rest is
    /// found again.
    pub fn remove(&self) -> Result<(), StorageError> {
        self.files.iter().try_for_each(|file| {
            let removed = self.layout.dir().remove_file(&file.path);
            removed.map_err(StorageError::io("remove", self.layout.path_of(&file.path)))
        })
    }
}

fn list_garbage(layout: &LayoutDir) -> Result<Vec<GarbageFile>, StorageError> {
    let blobs = list_files(layout.blobs_dir(), &format!("{BLOBS}/"));
    let blobs = blobs.map_err(StorageError::io("list", layout.path_of(BLOBS)))?;
    let others = list_files(layout.dir(), "");
    let others = others.map_err(StorageError::io("list", layout.path()))?;
    let sizes: BTreeMap<Digest, u64> =
        blobs.iter().filter_map(|file| Some((file.digest?, file.size))).collect();
    let reached = ReachableSearch::run(layout, &sizes)?;
    let is_temporary = |file: &GarbageFile| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        // Of the files beside the blobs, those with a dot may be of another program.
        is_temporary_name(name.as_ref())
            || is_uuid(name)
            || (name.starts_with('.') && name != file.path)
    };
    let is_garbage = |file: &GarbageFile| match file.digest {
        Some(digest) => !reached.contains(&digest),
        None => is_temporary(file),
    };
    let mut files: Vec<GarbageFile> = blobs.into_iter().chain(others).filter(is_garbage).collect();
    files.sort_by(|a, b| (a.digest.is_none(), &a.path).cmp(&(b.digest.is_none(), &b.path)));
    Ok(files)
}

/// Lists the regular files of a directory. `prefix` is the path of the directory in the layout.
fn list_files(dir: &Dir, prefix: &str) -> io::Result<Vec<GarbageFile>> {
    let mut files = Vec::new();
    for entry in dir.entries()? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && entry.file_type()?.is_file()
        {
            let digest = (!prefix.is_empty()).then(|| format!("sha256:{name}").parse().ok());
            let (size, digest) = (entry.metadata()?.len(), digest.flatten());
            files.push(GarbageFile { path: format!("{prefix}{name}"), size, digest });
        }
    }
    Ok(files)
}

/// Returns whether a text is a UUID, as other tools name files that are to replace others.
fn is_uuid(name: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    name.len() == 36 && name.bytes().enumerate().all(fits)
}
