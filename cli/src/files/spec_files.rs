//! The *files of a spec*: those that it names, relative to where it lies.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use diskette_builder::engine::source::InputFiles;
use diskette_builder::recipe::InputFile;

use super::dependencies::Reads;
use super::open_file;

/// Files named in a spec: relative to the directory of the spec.
#[derive(Debug)]
pub(crate) struct SpecFiles {
    pub(crate) base: PathBuf,
    /// Remembers what is opened.
    pub(crate) reads: Reads,
}

impl InputFiles for SpecFiles {
    fn open(&self, file: &InputFile) -> io::Result<File> {
        if !file.directory.is_empty() {
            // A spec has one directory, without a name.
            return Err(io::ErrorKind::NotFound.into());
        }
        let path = self.base.join(&file.path);
        self.reads.add(&path);
        open_file(&path)
    }
}
