//! Reads a *tar*, compressed or not, in one pass and bounded memory. The input is untrusted:
//! nothing is unpacked to a directory, and the content of entries is skipped unless it is asked
//! for.
//!
//! Where readers of tars disagree, this one follows Go's `archive/tar` as containerd calls it,
//! because that unpacks images on nodes.

mod bytes;
mod error;
mod header;
mod number;
mod path;
mod pax;
mod reader;
mod sparse;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod unpack;
mod xattrs;

use std::io::Read;

use serde::{Deserialize, Serialize};

pub(crate) use error::TarReadError;
pub(crate) use reader::{TarHeader, TarReader};
pub(crate) use unpack::unpack_members;
pub use unpack::{UnpackError, unpack_archive};
pub use xattrs::ExtendedAttributes;
pub(crate) use xattrs::PAX_PREFIX;

use crate::compression::decode;
use crate::compression::{CompressionFormat, PieceRead, detect_and_decompress_members};
use header::{BLOCK, UstarHeader};

/// Number of bytes of a file that are read to detect a tar. A bzip2 block, of up to 900 kB, has to
/// be read completely before its first byte is decompressed.
const START_MAX: u64 = 4 << 20;

/// Upper bounds of what is read from a tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TarLimits {
    /// Number of entries, counting those that only describe others.
    pub entries: u64,
    /// Length of a path or of a link's target, in bytes.
    pub path: usize,
    /// Length of all paths and link targets together, in bytes: callers keep them in memory.
    pub names: u64,
    /// Length of a pax header, in bytes.
    pub pax: u64,
    /// Length of the decompressed tar, in bytes.
    pub decompressed: u64,
}

impl Default for TarLimits {
    /// Returns limits that no known image exceeds; paths are bounded by `PATH_MAX` of Linux.
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            path: 4096,
            names: 256 << 20,
            pax: 1 << 20,
            decompressed: 1 << 40,
        }
    }
}

/// An entry of a tar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TarEntry {
    /// Relative path: `/` between parts, no `.` or `..`; empty for the root directory, and for files
    /// without a name, which are not unpacked.
    pub path: String,
    /// File type.
    pub kind: TarEntryKind,
    /// Permission bits, with set-user-ID, set-group-ID and the sticky bit.
    pub mode: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Offset of its content in the decompressed tar, in bytes. It is unique to the entry.
    pub offset: u64,
    /// Length of its content in bytes; 0 for everything but files.
    pub size: u64,
    /// Prefix of the name in the tar, before the name was normalized.
    #[serde(default)]
    pub lead: NamePrefix,
    /// Extended attributes.
    #[serde(default, skip_serializing_if = "ExtendedAttributes::is_empty")]
    pub xattrs: ExtendedAttributes,
}

/// Prefix of an entry's name. Readers of tars disagree about the meaning of such names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NamePrefix {
    /// None.
    #[default]
    Plain,
    /// `./` in front of the path.
    Dot,
    /// A slash.
    Slash,
    /// Any other, e.g. `././`.
    Other,
}

/// Owner of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl TarEntry {
    /// Returns the owner of the entry.
    pub(crate) fn owner(&self) -> Owner {
        Owner { uid: self.uid, gid: self.gid }
    }
}

/// File type of a tar entry, with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TarEntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link and its target.
    Symlink(String),
    /// A hard link to the file at this path, which is normalized like the path of an entry.
    Hardlink(String),
    /// A character device.
    Character {
        /// Major number: the driver.
        major: u32,
        /// Minor number: which of the driver's devices.
        minor: u32,
    },
    /// A block device.
    Block {
        /// Major number: the driver.
        major: u32,
        /// Minor number: which of the driver's devices.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

impl TarEntryKind {
    /// Returns the type as a noun, for messages.
    pub(crate) fn noun(&self) -> &'static str {
        match self {
            Self::Directory => "a directory",
            Self::File => "a file",
            Self::Symlink(_) => "a symbolic link",
            Self::Hardlink(_) => "a hard link",
            Self::Character { .. } | Self::Block { .. } => "a device",
            Self::Fifo => "a pipe",
        }
    }
}

/// Reads a tar. Its compression is detected from its first bytes.
pub fn read_entries<'a>(
    raw: impl Read + Send + 'a,
    limits: TarLimits,
) -> Result<TarReader<Box<dyn Read + Send + 'a>>, TarReadError> {
    let (compression, tar) = decompress(raw)?;
    Ok(TarReader::new(tar, compression, limits))
}

/// Decompresses bytes. Returns the compression, which is detected from the first bytes, and a
/// reader of the decompressed bytes.
pub(crate) fn decompress<'a>(
    raw: impl Read + Send + 'a,
) -> Result<(Option<CompressionFormat>, Box<dyn Read + Send + 'a>), TarReadError> {
    decode::detect_and_decompress(raw).map_err(TarReadError::Read)
}

/// Decompresses bytes as [`decompress`] does, on all CPUs where they allow it. Reads some MiB
/// ahead.
pub(crate) fn decompress_whole<'a>(
    raw: impl Read + Send + 'a,
) -> Result<(Option<CompressionFormat>, Box<dyn PieceRead + 'a>), TarReadError> {
    detect_and_decompress_members(raw).map_err(TarReadError::Read)
}

/// Whether a file is a tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TarDetection {
    /// A tar, compressed this way or not at all.
    Tar(Option<CompressionFormat>),
    /// Anything else, for example a compressed disk.
    Other,
}

/// Returns whether a file is a tar, as `ADD` of a Dockerfile defines it: decompressed, it begins
/// with a tar header (moby/moby `pkg/archive`, `IsArchivePath`).
///
/// Bytes that cannot be read or decompressed are not a tar; the next reader gets the same error.
pub(crate) fn detect_tar(raw: impl Read + Send) -> TarDetection {
    let mut block = [0; BLOCK];
    let Ok((compression, mut tar)) = decompress(raw.take(START_MAX)) else {
        return TarDetection::Other;
    };
    match tar.read_exact(&mut block) {
        Ok(()) if is_tar_start(&block) => TarDetection::Tar(compression),
        _ => TarDetection::Other,
    }
}

/// Returns whether the first bytes of a file are those of a tar or of a compressed file.
pub fn is_archive_start(bytes: &[u8]) -> bool {
    CompressionFormat::detect(bytes).is_some() || is_tar_start(bytes)
}

/// Returns whether decompressed bytes begin with a tar header.
pub(crate) fn is_tar_start(bytes: &[u8]) -> bool {
    let header = bytes.first_chunk().map(|block| UstarHeader::parse(block, 0));
    matches!(header, Some(Ok(Some(_))))
}
