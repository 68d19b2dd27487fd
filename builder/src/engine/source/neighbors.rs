//! *Neighbors* of a disk's file: the other files of a disk that consists of several. Their names come
//! from the disk, so they lie in its directory or below.

use std::path::{Component, Path};
use std::sync::Arc;

use super::file::OpenedFile;
use super::{InputFiles, SourceErrorKind};
use crate::disk::{DiskFiles, Fault, Flaw, FlawKind, ReadAt};
use crate::recipe::InputFile;

/// What to do about a file that cannot be opened.
const GATHER: &str =
    "put all files of the disk into one directory, under the names that the disk has for them";

/// The neighbors of a file, as far as they were opened.
pub(super) struct NeighborFiles<'a> {
    inputs: &'a dyn InputFiles,
    /// The file, if it has neighbors at all.
    file: Option<&'a InputFile>,
    opened: Vec<OpenedFile<'a>>,
}

impl<'a> NeighborFiles<'a> {
    pub(super) fn new(inputs: &'a dyn InputFiles, file: &'a InputFile) -> Self {
        Self { inputs, file: Some(file), opened: Vec::new() }
    }

    /// Returns the neighbors of a file that has none.
    pub(super) fn none(inputs: &'a dyn InputFiles) -> Self {
        Self { inputs, file: None, opened: Vec::new() }
    }

    /// Returns the files that were opened.
    pub(super) fn into_opened(self) -> Vec<OpenedFile<'a>> {
        self.opened
    }
}

impl DiskFiles<'static> for NeighborFiles<'_> {
    fn open(&mut self, name: &str) -> Result<Arc<dyn ReadAt>, Fault> {
        let shown = name.escape_debug();
        let refuse = |why: String| {
            let detail = format!("its file `{shown}` {why}");
            Fault::Flaw(Flaw::new(FlawKind::DataFile, detail).with_remedy(GATHER))
        };
        let is_inside = |name| matches!(name, Component::Normal(_));
        if name.is_empty() || !Path::new(name).components().all(is_inside) {
            return Err(refuse("is not in the directory of the disk".into()));
        }
        let Some(file) = self.file else {
            return Err(refuse("is not beside a download or in an archive".into()));
        };
        let opened = OpenedFile::open_neighbor(self.inputs, file, Path::new(name));
        let opened =
            opened.map_err(|kind: SourceErrorKind| refuse(format!("cannot be read: {kind}")))?;
        let bytes = opened.bytes().map_err(|kind| refuse(format!("cannot be read: {kind}")))?;
        self.opened.push(opened);
        Ok(Arc::new(bytes))
    }
}
