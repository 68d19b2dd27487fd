//! A *source* is where a file of an image comes from: a file on this machine or a URL, perhaps
//! packed, perhaps with a checksum. Its *content* is read once, from front to back; holes are not
//! read at all. Content that is finished has been checked: it has the announced size and checksum,
//! and its file was not changed meanwhile.

mod converted;
mod file;
mod http;
mod inline;
mod judge;
mod member;
mod opener;
mod stream;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use rayon::ThreadPool;
use thiserror::Error;

pub use converted::Sequential;
pub use file::Identity;
pub use http::DownloadError;
pub use judge::CdiOnly;
pub use opener::Opener;

use crate::compression::CompressionFormat;
use crate::disk::convert::ConvertError;
use crate::disk::{self, guest::GuestError};
use crate::net::http::HttpClient;
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::recipe::{
    Checksum, ContextFile, DownloadDetails, SourceLocation, SourceRecipe, SourceRole, TarMember,
    TarOrigin,
};
use converted::Converted;
use inline::InlineContent;
use judge::{Judge, Judged};
use member::{MemberContent, OpenArchive};

/// How long a content may be, in bytes: as long as files of ext4. What was packed can be endless.
pub const SIZE_MAX: u64 = 16 << 40;

/// The bytes of one file of a layer.
pub trait Content: Send {
    /// Returns how many bytes it has.
    fn size(&self) -> u64;

    /// Fills `space` with the next bytes.
    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), SourceError>;

    /// Returns how many of the next bytes are known to be zeros without reading them.
    fn hole(&mut self) -> Result<u64, SourceError>;

    /// Skips bytes of a hole.
    fn skip(&mut self, count: u64);

    /// Checks, after the last byte, that the content is all there is and what it was said to be.
    fn finish(&mut self) -> Result<(), SourceError>;
}

/// Opens the files that recipes name: the library itself opens no path.
pub trait Inputs: Sync {
    /// Opens a file for reading; a relative path is relative to what the user wrote.
    fn open(&self, path: &Path) -> io::Result<File>;

    /// Opens a file of a build context for reading, without leaving the context.
    fn open_in(&self, file: &ContextFile) -> io::Result<File>;
}

/// What is wrong with a source.
#[derive(Debug, Error)]
#[error("{place}: {kind}")]
pub struct SourceError {
    /// The path or URL as the user gave it.
    pub place: String,
    /// What is wrong with it.
    pub kind: SourceErrorKind,
}

/// What can be wrong with a source.
#[derive(Debug, Error)]
pub enum SourceErrorKind {
    /// The system refused to open or read it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is a directory, a device or something else without content.
    #[error("not a regular file")]
    NotAFile,
    /// It holds no byte.
    #[error("the file is empty")]
    Empty,
    /// A disk is packed and nobody asked to unpack it: KubeVirt and CDI would take the packed bytes
    /// for the disk.
    #[error("the disk is packed with {0}")]
    Packed(CompressionFormat),
    /// Nobody could use the disk, or CDI alone.
    #[error("{0}")]
    Disk(disk::Flaw),
    /// It was to be unpacked, and is not packed that way.
    #[error("not packed with {0}")]
    NotPacked(CompressionFormat),
    /// It cannot be unpacked.
    #[error("damaged {0} data: {1}")]
    Damaged(CompressionFormat, io::Error),
    /// What was read is not what the checksum promises.
    #[error("the checksum is wrong: expected {expected}, found {found}")]
    Checksum {
        /// As the user gave it.
        expected: Checksum,
        /// Of what was read.
        found: Checksum,
    },
    /// What was unpacked is not what the checksum of the unpacked disk promises.
    #[error("the checksum of the unpacked disk is wrong: expected {expected}, found {found}")]
    Unpacked {
        /// As it is published.
        expected: Checksum,
        /// Of what was unpacked.
        found: Checksum,
    },
    /// It has more bytes than [`SIZE_MAX`].
    #[error("it has more than 16 TiB")]
    TooLong,
    /// It was written to during the build.
    #[error("the file changed while it was read")]
    Changed,
    /// It has another size than was known before it was read.
    #[error("the size is not what was announced, {announced} bytes")]
    Size {
        /// In bytes.
        announced: u64,
    },
    /// It has no checksum, and nobody said that this is all right.
    #[error("a download without a checksum")]
    Unverified,
    /// The server refused, or could not be reached.
    #[error("{0}")]
    Http(#[from] DownloadError),
    /// The image that it comes from cannot be read.
    #[error("{}", .0.full_message())]
    Image(#[from] StorageError),
    /// It is to be unpacked or checked, which is done with files and downloads.
    #[error("what is given inline or lies in an archive is taken as it is")]
    Plain,
    /// It is to be converted, and cannot be read as a disk.
    #[error("{0}")]
    Guest(#[from] GuestError),
    /// It is to be converted, and cannot be read in any order.
    #[error("a disk is converted from a file that can be read in any order; this is {0}")]
    Sequential(Sequential),
    /// It cannot be converted.
    #[error("{0}")]
    Convert(ConvertError),
}

/// A source that was opened and looked at, and can be read any number of times.
#[derive(Debug)]
pub struct Source<'a> {
    place: String,
    packing: Option<CompressionFormat>,
    checksum: Option<Checksum>,
    download: Option<&'a DownloadDetails>,
    /// For a disk: what is expected of it.
    judge: Option<Judge<'a>>,
    /// What the disk is, where that is known before it is read.
    disk: Option<disk::Info>,
    origin: Origin<'a>,
    /// Where it is not taken as it is.
    converted: Option<Converted>,
    /// Known only after it has been unpacked once, where its packing does not tell.
    measured: Option<u64>,
}

#[derive(Debug)]
enum Origin<'a> {
    File(file::Opened<'a>),
    Url(&'a str, HttpClient),
    Inline(&'a [u8]),
    Member(&'a TarMember, Arc<OpenArchive<'a>>),
}

/// What the size of a content is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    /// Somebody knows it.
    Known,
    /// Its packing says so, which need not be right.
    Guessed,
}

/// What to do with a download that has no checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unverified {
    /// An error.
    Refuse,
    /// Take what comes.
    Allow,
}

impl<'a> Source<'a> {
    /// Opens a source and refuses what can be refused without reading it.
    pub fn open(recipe: &'a SourceRecipe, opener: &mut Opener<'a>) -> Result<Self, SourceError> {
        let place = recipe.location.to_string();
        let error = |kind| SourceError { place: place.clone(), kind };
        if recipe.convert.is_some() {
            converted::check(recipe).map_err(error)?;
        }
        let origin = opener.origin(recipe).map_err(error)?;
        let converted = match (&origin, recipe.convert) {
            (Origin::File(file), Some(conversion)) => {
                Some(Converted::new(file, conversion).map_err(error)?)
            }
            _ => None,
        };
        let cdi_only = opener.cdi_only;
        let judge = (recipe.role == SourceRole::Disk).then_some(Judge { recipe, cdi_only });
        let mut source = Self {
            origin,
            converted,
            packing: recipe.packing,
            checksum: recipe.checksum.clone(),
            download: recipe.download.as_deref(),
            judge,
            disk: None,
            measured: None,
            place: place.clone(),
        };
        source.disk = source.look().map_err(error)?;
        Ok(source)
    }

    /// Looks at a disk that can be read in any order.
    fn look(&self) -> Result<Option<disk::Info>, SourceErrorKind> {
        let Some(judge) = self.judge else { return Ok(None) };
        match &self.origin {
            Origin::File(file) if self.packing.is_none() => {
                judge::look(&file.bytes()?, judge).map(Some)
            }
            Origin::Inline(bytes) => judge::look(bytes, judge).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns what the disk is, if this is one and it could be looked at without reading all that
    /// stands before it.
    pub fn disk(&self) -> Option<&disk::Info> {
        self.disk.as_ref()
    }

    /// Returns the content from its beginning.
    pub fn content(&self) -> Result<Box<dyn Content + '_>, SourceError> {
        if let (Some(converted), Origin::File(file)) = (&self.converted, &self.origin) {
            let content = converted.content(file, &self.place).map_err(|kind| self.error(kind));
            return Ok(Box::new(content?));
        }
        match &self.origin {
            Origin::File(file) if self.packing.is_none() && self.checksum.is_none() => {
                return Ok(Box::new(file.content(&self.place)));
            }
            Origin::Inline(bytes) => return Ok(Box::new(InlineContent::new(bytes, &self.place))),
            Origin::Member(member, archive) => {
                let content = MemberContent::new(archive, member, &self.place);
                return Ok(self.judged(Box::new(content)));
            }
            Origin::File(_) | Origin::Url(..) => {}
        }
        let content = self.raw().and_then(|raw| stream::Stream::new(self, raw));
        Ok(self.judged(Box::new(content.map_err(|kind| self.error(kind))?)))
    }

    /// Fails if the name that a disk gets in the image promises another format than it has.
    pub fn check_name(&self, path: &str) -> Result<(), SourceError> {
        let is_converted = self.judge.is_some_and(|judge| judge.recipe.convert.is_some());
        let misnamed = self.disk.as_ref().filter(|_| !is_converted);
        match misnamed.and_then(|info| disk::misnamed(path, info)) {
            Some(flaw) => Err(self.error(flaw.into())),
            None => Ok(()),
        }
    }

    /// Has a disk looked at that goes by as a stream.
    fn judged<'s>(&'s self, content: Box<dyn Content + 's>) -> Box<dyn Content + 's> {
        let Some(judge) = self.judge.filter(|_| self.disk.is_none()) else { return content };
        let is_known = self.packing.is_none() || self.measured.is_some();
        let size = if is_known { Size::Known } else { Size::Guessed };
        Box::new(Judged::new(content, judge, &self.place, size))
    }

    /// Finds out the size by reading to the end. Needed where the packing tells no size, or a
    /// wrong one; the tar header in front of the content has to have it.
    pub fn measure(&mut self) -> Result<(), SourceError> {
        let measured = self.raw().and_then(|raw| stream::measure(raw, self.packing, self.judge));
        self.measured = Some(measured.map_err(|kind| self.error(kind))?);
        Ok(())
    }

    /// Returns the size in bytes of a disk that is to be converted and has to be surveyed first.
    pub fn unsurveyed(&self) -> Option<u64> {
        self.converted.as_ref()?.unsurveyed()
    }

    /// Surveys a disk that is to be converted: what it comes to has to be known before its first byte
    /// is. `progress` is told how many more bytes were looked at, and can break it off.
    pub fn survey(
        &mut self,
        pool: &Arc<ThreadPool>,
        progress: &dyn Fn(u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, SourceError> {
        let checked = match (&self.converted, &self.checksum) {
            // It will not be read from its beginning to its end.
            (Some(_), Some(checksum)) => self.raw().and_then(|raw| stream::check(raw, checksum)),
            _ => Ok(()),
        };
        let surveyed = checked.and_then(|()| match &mut self.converted {
            Some(converted) => converted.survey(pool, progress),
            None => Ok(ControlFlow::Continue(())),
        });
        surveyed.map_err(|kind| self.error(kind))
    }

    /// Returns the path or URL as the user gave it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Returns what tells this source from any other content without reading it.
    pub fn identity(&self) -> Option<Identity> {
        match &self.origin {
            Origin::File(file) => Some(Identity::File(file.before.clone())),
            Origin::Url(..) => self.checksum.clone().map(Identity::Checksum),
            Origin::Inline(bytes) => Some(Identity::of(Digest::of_bytes(bytes))),
            Origin::Member(member, archive) => {
                let archive = Box::new(archive.identity()?);
                Some(Identity::Member { archive, offset: member.offset, size: member.size })
            }
        }
    }

    /// Returns the bytes as they lie there, from the beginning.
    fn raw(&self) -> Result<stream::Raw<'a>, SourceErrorKind> {
        Ok(match &self.origin {
            Origin::File(file) => stream::Raw::file(file.file()?, file.before.clone()),
            Origin::Url(url, client) => {
                let role = self.role();
                let response = http::Response::get(client, url, self.download, role);
                stream::Raw::response(response?)
            }
            // Nobody asks for them: see `open`.
            Origin::Inline(_) | Origin::Member(..) => return Err(SourceErrorKind::Plain),
        })
    }

    fn role(&self) -> SourceRole {
        self.judge.map_or(SourceRole::File, |judge| judge.recipe.role)
    }

    fn error(&self, kind: SourceErrorKind) -> SourceError {
        SourceError { place: self.place.clone(), kind }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Context(file) if file.context.is_empty() => f.write_str(&file.path),
            Self::Context(file) => write!(f, "{}:{}", file.context, file.path),
            Self::Url(url) => f.write_str(url),
            Self::Inline(bytes) => write!(f, "{} bytes given inline", bytes.len()),
            Self::Member(member) => write!(f, "{} at byte {}", member.archive, member.offset),
        }
    }
}

impl fmt::Display for TarOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(source) => write!(f, "{}", source.location),
            Self::Layer { place, digest, .. } => write!(f, "layer {digest} of {place}"),
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digits) => write!(f, "sha256:{digits}"),
            Self::Sha512(digits) => write!(f, "sha512:{digits}"),
        }
    }
}
