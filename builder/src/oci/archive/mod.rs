//! An *archive* is a tar, packed or not. What is in it is read in one pass and bounded memory,
//! whoever made it: nothing is unpacked to anywhere, and contents are passed over.
//!
//! Where readers of tars disagree the one is followed that puts images onto nodes, Go's
//! `archive/tar` as containerd calls it: whoever looks into an image here sees what will run there.

mod bytes;
mod error;
mod header;
mod members;
mod number;
mod path;
mod pax;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::io::Read;

use serde::{Deserialize, Serialize};

pub use error::ArchiveError;
pub use members::{Members, Raw};

use crate::compression::CompressionFormat;
use crate::compression::decode;
use header::{BLOCK, Header};

/// How much of an archive is read to see whether it is one, in packed bytes. Nothing comes out of a
/// bzip2 block, of 900 kB, before all of it is there.
const START_MAX: u64 = 4 << 20;

/// What an archive may have at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Members, those counted that only describe others.
    pub members: u64,
    /// Length of a path or of what a link says, in bytes.
    pub path: usize,
    /// Length of all paths and of what all links say, in bytes: whoever reads an archive keeps them.
    pub names: u64,
    /// Length of a pax header, in bytes.
    pub pax: u64,
    /// Length of the unpacked tar, in bytes.
    pub unpacked: u64,
}

impl Default for Limits {
    /// Beyond what images have, and `PATH_MAX` of Linux.
    fn default() -> Self {
        Self { members: 1_000_000, path: 4096, names: 256 << 20, pax: 1 << 20, unpacked: 1 << 40 }
    }
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Relative, `/` between parts, no `.` or `..`; empty for the directory that all is in.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Permission bits, with set-user-ID, set-group-ID and the sticky bit.
    pub mode: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Where its content begins in the unpacked tar, in bytes. No two members have the same.
    pub offset: u64,
    /// How long its content is, in bytes; 0 for all but files.
    pub size: u64,
    /// How its name begins in the tar.
    #[serde(default)]
    pub lead: Lead,
}

/// How a member's name begins, which readers disagree about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lead {
    /// As the path does.
    #[default]
    Plain,
    /// With `./`, and then as the path does.
    Dot,
    /// With a slash.
    Slash,
    /// In another way, e.g. with `././`.
    Other,
}

/// Who owns an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Found {
    /// Returns whose it is.
    pub fn owner(&self) -> Owner {
        Owner { uid: self.uid, gid: self.gid }
    }
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link and what it says.
    Symlink(String),
    /// Another name of the file at this path, which is as clean as a member's own.
    Hardlink(String),
    /// A character device.
    Character {
        /// Which driver.
        major: u32,
        /// Which of its devices.
        minor: u32,
    },
    /// A block device.
    Block {
        /// Which driver.
        major: u32,
        /// Which of its devices.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

impl Kind {
    /// Returns what it is in words, for messages.
    pub fn noun(&self) -> &'static str {
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

/// Returns the members of an archive, which is unpacked as its first bytes say.
pub fn read<'a>(
    raw: impl Read + Send + 'a,
    limits: Limits,
) -> Result<Members<Box<dyn Read + Send + 'a>>, ArchiveError> {
    let (packing, tar) = unpack(raw)?;
    Ok(Members::new(tar, packing, limits))
}

/// Returns how the bytes are packed, and a reader of what is packed.
pub fn unpack<'a>(
    raw: impl Read + Send + 'a,
) -> Result<(Option<CompressionFormat>, Box<dyn Read + Send + 'a>), ArchiveError> {
    decode::sniff(raw).map_err(ArchiveError::Read)
}

/// Whether a file is an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detected {
    /// A tar, packed this way or not at all.
    Archive(Option<CompressionFormat>),
    /// Anything else, for example a packed disk.
    Other,
}

/// Tells whether a file is an archive, as `ADD` understands it: what comes out of it begins with
/// the header of a member (moby/moby `pkg/archive`, `IsArchivePath`).
///
/// Bytes that cannot be read or unpacked are no archive either: whoever uses them will see it again.
pub fn detect(raw: impl Read + Send) -> Detected {
    let mut block = [0; BLOCK];
    let Ok((packing, mut tar)) = unpack(raw.take(START_MAX)) else { return Detected::Other };
    match tar.read_exact(&mut block) {
        Ok(()) if matches!(Header::parse(&block, 0), Ok(Some(_))) => Detected::Archive(packing),
        _ => Detected::Other,
    }
}
