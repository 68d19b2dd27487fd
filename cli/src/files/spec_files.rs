//! The *files of a spec*, relative to its directory.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use diskette_builder::engine::source::InputFiles;
use diskette_builder::recipe::InputFile;

use super::dependencies::ReadFiles;
use super::{open_dir, open_file, open_file_in};

/// Opens the files that a spec names.
#[derive(Debug)]
pub(crate) struct SpecFiles {
    pub(crate) base: PathBuf,
    /// Records the files that are opened.
    pub(crate) reads: ReadFiles,
}

impl InputFiles for SpecFiles {
    fn open(&self, file: &InputFile) -> io::Result<File> {
        if !file.directory.is_empty() {
            // A spec has only one input directory, without a name.
            return Err(io::ErrorKind::NotFound.into());
        }
        let path = self.base.join(&file.path);
        self.reads.add(&path);
        open_file(&path)
    }

    fn open_neighbor(&self, file: &InputFile, name: &Path) -> io::Result<File> {
        let path = self.base.join(&file.path);
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        self.reads.add(&parent.join(name));
        open_file_in(&open_dir(parent)?, name)
    }
}
