//! Files that are taken as they are; their holes are not read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::file::{FileExtent, OpenedFile, check_unchanged};
use super::raw::RawStream;
use super::stream::{StreamChecks, StreamContent};
use super::{ContentError, SourceContent, SourceError, SourceErrorKind};
use crate::disk;
use crate::recipe::Checksum;

/// A file that is taken as it is.
#[derive(Debug)]
pub(super) struct PlainFile<'a> {
    pub(super) file: OpenedFile<'a>,
    pub(super) checksum: Option<Checksum>,
    /// What the disk is, if it is one.
    pub(super) disk: Option<disk::DiskInfo>,
}

impl PlainFile<'_> {
    pub(super) fn content<'s>(
        &'s self,
        location: &'s str,
    ) -> Result<Box<dyn SourceContent + 's>, ContentError> {
        let Some(checksum) = self.checksum.clone() else {
            let (file, known) = (None, FileExtent::Data(0));
            return Ok(Box::new(FileContent { opened: &self.file, file, location, at: 0, known }));
        };
        let checks = StreamChecks { checksum: Some(checksum), ..StreamChecks::default() };
        let raw = RawStream::from_file(&self.file);
        let raw = raw.map_err(|kind| SourceError { location: location.into(), kind })?;
        Ok(Box::new(StreamContent::new(raw, None, &checks, location)?))
    }
}

/// The content of a file that is neither compressed nor checked.
#[derive(Debug)]
pub(super) struct FileContent<'a> {
    opened: &'a OpenedFile<'a>,
    /// The file, which is open from the first read to the end.
    file: Option<Arc<File>>,
    location: &'a str,
    at: u64,
    known: FileExtent,
}

impl FileContent<'_> {
    fn error(&self, kind: impl Into<SourceErrorKind>) -> SourceError {
        SourceError { location: self.location.into(), kind: kind.into() }
    }

    fn open_file(&mut self) -> Result<Arc<File>, SourceError> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        let file = self.opened.open_unchanged().map_err(|kind| self.error(kind))?;
        Ok(Arc::clone(self.file.insert(file)))
    }
}

impl SourceContent for FileContent<'_> {
    fn size(&self) -> u64 {
        self.opened.len()
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), ContentError> {
        self.open_file()?.read_exact_at(space, self.at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.error(SourceErrorKind::Changed),
            _ => self.error(error),
        })?;
        self.at += space.len() as u64;
        Ok(())
    }

    fn hole_len(&mut self) -> Result<u64, ContentError> {
        if let FileExtent::Data(end) | FileExtent::Hole(end) = self.known
            && end <= self.at
        {
            let file = self.open_file()?;
            let known = FileExtent::at(&file, self.at, self.opened.len());
            self.known = known.map_err(|error| self.error(error))?;
        }
        match self.known {
            FileExtent::Data(_) => Ok(0),
            FileExtent::Hole(end) => Ok(end - self.at),
        }
    }

    fn skip_hole(&mut self, count: u64) {
        self.at += count;
    }

    fn finish(&mut self) -> Result<(), ContentError> {
        let file = self.open_file()?;
        self.file = None;
        check_unchanged(&file, &self.opened.identity).map_err(|kind| self.error(kind))?;
        Ok(())
    }
}
