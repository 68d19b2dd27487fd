//! The *identity* of a content: what distinguishes it from any other without reading it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use serde::{Deserialize, Serialize};

use crate::compression::CompressionFormat;
use crate::oci::image::digest::Digest;
use crate::recipe::Checksum;

/// What identifies a content without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceIdentity {
    /// A file that has not been written to.
    File(FileIdentity),
    /// Several files that make up a disk, none of which has been written to.
    Files(Vec<FileIdentity>),
    /// A content whose checksum is checked whenever it is read.
    Checksum(Checksum),
    /// What is decompressed from another content.
    Decompressed(Box<SourceIdentity>, CompressionFormat),
    /// A file in an archive.
    Member {
        /// Identity of the archive.
        archive: Box<SourceIdentity>,
        /// Offsets of its parts in the decompressed tar, and their lengths, in bytes.
        parts: Vec<(u64, u64)>,
    },
}

impl SourceIdentity {
    /// Returns the identity of a content that has this digest.
    pub(super) fn from_digest(digest: Digest) -> Self {
        Self::Checksum(Checksum::Sha256(digest.to_hex()))
    }
}

/// A file as the file system sees it; writing to it changes the times, and replacing it the inode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
    size: u64,
    /// Nanoseconds since 1970.
    modified: i128,
    /// Nanoseconds since 1970, of the last change of content or attributes; cannot be set back.
    changed: i128,
}

impl FileIdentity {
    pub(super) fn new(metadata: &Metadata) -> Self {
        let nanoseconds = |s: i64, ns: i64| i128::from(s) * 1_000_000_000 + i128::from(ns);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the later of both times, in nanoseconds since 1970.
    pub(crate) fn last_touched(&self) -> i128 {
        self.modified.max(self.changed)
    }

    /// Returns whether it is still the same inode.
    pub(super) fn is_same_inode(&self, now: &Self) -> bool {
        (self.device, self.inode) == (now.device, now.inode)
    }

    /// Returns whether the content is unchanged. A change of attributes alone (a link, a chmod)
    /// does not count.
    pub(super) fn is_unchanged(&self, now: &Self) -> bool {
        (self.size, self.modified) == (now.size, now.modified)
    }
}
