//! A *source* is where a file of an image comes from: a file on this machine or a URL, perhaps
//! compressed, perhaps with a checksum. Its [`SourceContent`] is read once, from front to back,
//! without its holes. A content that is finished has been checked: it has the expected size and
//! checksum, and its file was not changed meanwhile.

mod archived;
mod archives;
mod blob;
mod checksum;
mod claim;
mod content;
mod converted;
mod download;
mod error;
mod file;
mod http;
mod identity;
mod image_disk;
mod inline;
mod judge;
mod member;
mod names;
mod neighbors;
mod opener;
mod packages;
mod plain;
mod ranges;
mod raw;
mod request_files;
mod resources;
mod resume;
mod spooled;
mod stream;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use rayon::ThreadPool;

pub use archived::{ArchivedError, DiskMember, MemberPart, find_disk_member, read_description};
pub use archives::ArchiveDownloads;
pub(crate) use content::{ContentError, SourceContent};
pub(crate) use converted::SequentialSource;
pub(crate) use download::DownloadError;
pub(crate) use error::{SourceError, SourceErrorKind};
pub(crate) use identity::{FileIdentity, SourceIdentity};
pub(crate) use image_disk::{ImageDiskError, ImageRoots};
pub use judge::CdiOnlyPolicy;
pub(crate) use opener::SourceOpener;
pub use resources::FileNaming;

use crate::compression::CompressionFormat;
use crate::disk;
use crate::oci::image::digest::Digest;
use crate::recipe::{InputFile, SourceRecipe};
use blob::ImageBlob;
use converted::ConvertedDisk;
use file::OpenedFile;
use http::DownloadSource;
use image_disk::ContainerDisk;
use inline::InlineSource;
use member::MemberSource;
use plain::PlainFile;
use raw::RawStream;
use spooled::SpooledDisk;
use stream::StreamChecks;

/// Largest size of a content in bytes, that of ext4's files: a compressed stream can be endless.
pub(crate) const SIZE_MAX: u64 = 16 << 40;

/// Opens the files that recipes name: the library itself opens no path.
pub trait InputFiles: Sync {
    /// Opens a file for reading. A relative path begins at the input directory that it names: the
    /// directory of the spec, or a build context, which the file must not leave.
    fn open(&self, file: &InputFile) -> io::Result<File>;

    /// Opens a file for reading that another file names: `name` is a relative path without `..` from
    /// the directory of `file`, which the file must not leave through a link either.
    fn open_neighbor(&self, file: &InputFile, name: &Path) -> io::Result<File>;
}

/// No files: for recipes that must not name any.
#[derive(Debug, Clone, Copy)]
pub struct NoInputFiles;

impl InputFiles for NoInputFiles {
    fn open(&self, _: &InputFile) -> io::Result<File> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn open_neighbor(&self, _: &InputFile, _: &Path) -> io::Result<File> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// What to do with a download that has no checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnverifiedPolicy {
    /// Fail.
    Refuse,
    /// Accept the bytes that the server sends.
    Allow,
}

/// A source that was opened and judged, and can be read any number of times.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    location: String,
    kind: SourceKind<'a>,
}

#[derive(Debug)]
enum SourceKind<'a> {
    /// A file that is taken as it is.
    File(PlainFile<'a>),
    /// A file that is decompressed.
    Compressed { file: OpenedFile<'a>, compression: CompressionFormat, checks: StreamChecks<'a> },
    /// A file on a server, which is decompressed if it is compressed.
    Download {
        download: DownloadSource<'a>,
        compression: Option<CompressionFormat>,
        checks: StreamChecks<'a>,
    },
    /// Bytes of the recipe.
    Inline(InlineSource<'a>),
    /// A file in an archive.
    Member(MemberSource<'a>),
    /// A file in an archive that is decompressed.
    Packed { member: MemberSource<'a>, compression: CompressionFormat, checks: StreamChecks<'a> },
    /// A file in an image.
    Contained(Box<ContainerDisk<'a>>),
    /// A blob of an image, which is decompressed if it is compressed.
    Blob { blob: ImageBlob<'a>, compression: Option<CompressionFormat>, checks: StreamChecks<'a> },
    /// A file with a disk that is converted or resized.
    Converted(Box<ConvertedDisk<'a>>),
    /// A disk that is converted or resized after it was written to a file.
    Spooled(Box<SpooledDisk<'a>>),
}

impl<'a> Source<'a> {
    /// Opens a source and refuses what can be refused without reading it.
    pub(crate) fn open(
        recipe: &'a SourceRecipe,
        opener: &mut SourceOpener<'a>,
    ) -> Result<Self, SourceError> {
        let location = recipe.location.to_string();
        match opener.open(recipe) {
            Ok(kind) => Ok(Self { location, kind }),
            Err(kind) => Err(SourceError { location, kind }),
        }
    }

    /// Returns the path or URL as the user gave it.
    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    /// Returns what the disk is, if this is one and it was examined when it was opened.
    pub(crate) fn disk(&self) -> Option<&disk::DiskInfo> {
        match &self.kind {
            SourceKind::File(file) => file.disk.as_ref(),
            SourceKind::Inline(inline) => inline.disk.as_ref(),
            SourceKind::Converted(disk) => Some(&disk.info),
            SourceKind::Spooled(spooled) => spooled.disk().map(|disk| &disk.info),
            SourceKind::Member(member) => member.disk.as_ref(),
            SourceKind::Compressed { .. }
            | SourceKind::Download { .. }
            | SourceKind::Packed { .. }
            | SourceKind::Contained(_)
            | SourceKind::Blob { .. } => None,
        }
    }

    /// Fails if the name that a disk gets in the image promises another format than it has.
    pub(crate) fn check_name(&self, path: &str) -> Result<(), SourceError> {
        let disk = match &self.kind {
            // A converted disk gets the format that the name has.
            SourceKind::Converted(disk) => disk.kept_format(),
            SourceKind::Spooled(_) => None,
            _ => self.disk(),
        };
        match disk.and_then(|info| disk::find_misnaming(path, info)) {
            Some(flaw) => Err(self.error(flaw.into())),
            None => Ok(()),
        }
    }

    /// Returns what identifies the content without reading it, if anything does.
    pub(crate) fn identity(&self) -> Option<SourceIdentity> {
        let file = |file: &OpenedFile<'_>| Some(SourceIdentity::File(file.identity.clone()));
        match &self.kind {
            SourceKind::File(plain) => file(&plain.file),
            SourceKind::Compressed { file: compressed, .. } => file(compressed),
            SourceKind::Converted(disk) => Some(disk.identity()),
            SourceKind::Spooled(spooled) => spooled.identity(),
            SourceKind::Download { checks, .. } => {
                checks.checksum.clone().map(SourceIdentity::Checksum)
            }
            SourceKind::Inline(inline) => {
                Some(SourceIdentity::from_digest(Digest::of_bytes(inline.bytes)))
            }
            SourceKind::Member(member) | SourceKind::Packed { member, .. } => member.identity(),
            SourceKind::Contained(disk) => Some(disk.identity()),
            SourceKind::Blob { blob, compression, .. } => Some(blob.identity(*compression)),
        }
    }

    /// Returns the content from its beginning.
    pub(crate) fn content(&self) -> Result<Box<dyn SourceContent + '_>, ContentError> {
        let location = self.location.as_str();
        match &self.kind {
            SourceKind::File(file) => file.content(location),
            SourceKind::Compressed { file, compression, checks } => {
                let raw = RawStream::from_file(file).map_err(|kind| self.error(kind))?;
                checks.content(raw, Some(*compression), location)
            }
            SourceKind::Download { download, compression, checks } => {
                let response = download.start().map_err(|error| self.error(error.into()))?;
                checks.content(RawStream::from_download(response), *compression, location)
            }
            SourceKind::Inline(inline) => Ok(Box::new(inline.content(location))),
            SourceKind::Member(member) => Ok(member.content(location)),
            SourceKind::Packed { member, compression, checks } => {
                checks.content(member.stream(location), Some(*compression), location)
            }
            SourceKind::Contained(disk) => Ok(disk.content(location)),
            SourceKind::Blob { blob, compression, checks } => {
                let raw = blob.stream().map_err(|kind| self.error(kind))?;
                checks.content(raw, *compression, location)
            }
            SourceKind::Converted(disk) => Ok(Box::new(disk.content(location)?)),
            SourceKind::Spooled(spooled) => match spooled.disk() {
                Some(disk) => Ok(Box::new(disk.content(location)?)),
                None => Err(ContentError::Unmeasured),
            },
        }
    }

    /// Returns the size in bytes of a disk that is to be converted and has to be surveyed first.
    pub(crate) fn unsurveyed_len(&self) -> Option<u64> {
        match &self.kind {
            SourceKind::Converted(disk) => disk.unsurveyed_len(),
            _ => None,
        }
    }

    /// Finds the size of the content where it is not known: a stream is read to its end, a disk that is
    /// converted is surveyed by the threads of `pool`. `progress` receives how many more bytes were
    /// surveyed, and can cancel.
    pub(crate) fn measure(
        &mut self,
        pool: &Arc<ThreadPool>,
        progress: &dyn Fn(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, SourceError> {
        let location = &*self.location;
        let measured = match &mut self.kind {
            SourceKind::Compressed { file, compression, checks } => RawStream::from_file(file)
                .and_then(|raw| checks.measure(raw, Some(*compression), progress)),
            SourceKind::Download { download, compression, checks } => {
                let response = download.start().map_err(SourceErrorKind::from);
                response.and_then(|response| {
                    checks.measure(RawStream::from_download(response), *compression, progress)
                })
            }
            SourceKind::Converted(disk) => disk.survey(pool, progress),
            SourceKind::Spooled(spooled) => spooled.measure(pool, progress),
            SourceKind::Blob { blob, compression, checks } => {
                blob.stream().and_then(|raw| checks.measure(raw, *compression, progress))
            }
            SourceKind::Packed { member, compression, checks } => {
                checks.measure(member.stream(location), Some(*compression), progress)
            }
            // Their size is known.
            SourceKind::File(_)
            | SourceKind::Inline(_)
            | SourceKind::Member(_)
            | SourceKind::Contained(_) => Ok(ControlFlow::Continue(())),
        };
        measured.map_err(|kind| self.error(kind))
    }

    fn error(&self, kind: SourceErrorKind) -> SourceError {
        SourceError { location: self.location.clone(), kind }
    }
}
