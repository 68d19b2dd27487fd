//! What is wrong with a source.

use std::io;

use thiserror::Error;

use super::{ArchivedError, DownloadError, ImageDiskError, SequentialSource};
use crate::compression::CompressionFormat;
use crate::disk::convert::ConvertError;
use crate::disk::{self, DiscardError, ResizeError, guest::GuestError};
use crate::oci::error::StorageError;
use crate::oci::tar::{TarReadError, UnpackError};
use crate::recipe::Checksum;

/// What is wrong with a source.
#[derive(Debug, Error)]
#[error("{location}: {kind}")]
pub struct SourceError {
    /// The path or URL as the user gave it.
    pub location: String,
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
    /// It is empty.
    #[error("the file is empty")]
    Empty,
    /// A disk is compressed and is not to be decompressed: KubeVirt and CDI would take the
    /// compressed bytes for the disk.
    #[error("the disk is compressed with {0}")]
    Compressed(CompressionFormat),
    /// The disk breaks a rule of KubeVirt or CDI.
    #[error("{0}")]
    Disk(disk::Flaw),
    /// It was to be decompressed, and has another format.
    #[error("not compressed with {0}")]
    NotCompressed(CompressionFormat),
    /// It cannot be decompressed.
    #[error("damaged {0} data: {1}")]
    Damaged(CompressionFormat, io::Error),
    /// Its bytes do not have the checksum.
    #[error("the checksum is wrong: expected {expected}, found {found}")]
    Checksum {
        /// Checksum that the user gave.
        expected: Checksum,
        /// Checksum of the bytes.
        found: Checksum,
    },
    /// The decompressed disk does not have its checksum.
    #[error("the checksum of the decompressed disk is wrong: expected {expected}, found {found}")]
    DecompressedChecksum {
        /// Checksum that is published.
        expected: Checksum,
        /// Checksum of the decompressed bytes.
        found: Checksum,
    },
    /// It has more bytes than [`SIZE_MAX`](super::SIZE_MAX).
    #[error("it has more than 16 TiB")]
    TooLong,
    /// It was written to during the build.
    #[error("the file changed while it was read")]
    Changed,
    /// It has another size than was known before it was read.
    #[error("the size is not what was announced, {announced} bytes")]
    Size {
        /// Size that was known, in bytes.
        announced: u64,
    },
    /// It is downloaded and has no checksum, and that was not allowed.
    #[error("a download without a checksum")]
    Unverified,
    /// A file that its download needs cannot be used.
    #[error("`{path}`: {problem}")]
    RequestFile {
        /// Path of the file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The server refused, or could not be reached.
    #[error("{0}")]
    Http(#[from] DownloadError),
    /// The image that it comes from cannot be read.
    #[error("{}", .0.full_message())]
    Image(#[from] StorageError),
    /// It is an archive that cannot be unpacked.
    #[error("{0}")]
    Archive(#[from] TarReadError),
    /// It is an archive that cannot be unpacked into a directory.
    #[error("{0}")]
    Unpack(#[from] UnpackError),
    /// It is an archive out of which the disk cannot be taken.
    #[error("{0}")]
    Archived(#[from] ArchivedError),
    /// It is an image out of which the disk cannot be taken.
    #[error("{0}")]
    ImageDisk(Box<ImageDiskError>),
    /// It is to be decompressed or checked, which is done with files and downloads only.
    #[error("what is given inline or lies in an archive is taken as it is")]
    Plain,
    /// It is to be converted, and cannot be read as a disk.
    #[error("{0}")]
    Guest(#[from] GuestError),
    /// It is to be converted or to get another size, and cannot be read in any order.
    #[error(
        "a disk is converted or resized from a file that can be read in any order; this is {0}"
    )]
    Sequential(SequentialSource),
    /// It cannot be written to the directory for such sources.
    #[error("it cannot be written to the spool directory: {0}")]
    Spool(io::Error),
    /// It has a checksum, which covers only one of its files.
    #[error("a checksum is that of one file, and the disk consists of {0}")]
    SplitChecksum(usize),
    /// It cannot get the requested size.
    #[error("{0}")]
    Resize(ResizeError),
    /// The free space of its file systems cannot become zeros.
    #[error("{0}")]
    Discard(DiscardError),
    /// The packages in the disk are to be listed, and it cannot be read in any order.
    #[error(
        "its packages can be listed only if it is one file that is not compressed, and not a download"
    )]
    Packages,
    /// The packages in the disk cannot be listed.
    #[error("its packages cannot be listed: {0}")]
    Inventory(String),
    /// It cannot be converted.
    #[error("{0}")]
    Convert(ConvertError),
}

impl SourceErrorKind {
    /// Returns whether another error of the same source is the same problem.
    pub(crate) fn is_same_problem(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Disk(flaw), Self::Disk(other)) => flaw == other,
            (Self::Compressed(format), Self::Compressed(other))
            | (Self::NotCompressed(format), Self::NotCompressed(other)) => format == other,
            (Self::Sequential(why), Self::Sequential(other)) => why == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl From<ImageDiskError> for SourceErrorKind {
    fn from(error: ImageDiskError) -> Self {
        Self::ImageDisk(Box::new(error))
    }
}

impl From<disk::Flaw> for SourceErrorKind {
    fn from(flaw: disk::Flaw) -> Self {
        Self::Disk(flaw)
    }
}

impl From<ConvertError> for SourceErrorKind {
    fn from(error: ConvertError) -> Self {
        match error {
            ConvertError::Io(error) => Self::from_disk(error),
            ConvertError::Changed => Self::Changed,
            error => Self::Convert(error),
        }
    }
}

impl From<DiscardError> for SourceErrorKind {
    fn from(error: DiscardError) -> Self {
        match error {
            DiscardError::Io(error) => Self::from_disk(error),
            DiscardError::Flaw(flaw) => Self::Disk(flaw),
            error => Self::Discard(error),
        }
    }
}

impl From<ResizeError> for SourceErrorKind {
    fn from(error: ResizeError) -> Self {
        match error {
            ResizeError::Io(error) => Self::from_disk(error),
            ResizeError::Flaw(flaw) => Self::Disk(flaw),
            error => Self::Resize(error),
        }
    }
}

impl SourceErrorKind {
    /// Returns the error of reading a disk's file: a file that ends early was truncated meanwhile.
    pub(super) fn from_disk(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Changed,
            _ => Self::Io(error),
        }
    }
}
