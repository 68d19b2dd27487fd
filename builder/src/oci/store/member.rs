//! The content of a *member* of a tar: a part of the file, read independently of its position.

use std::io::{self, Read};
use std::ops::Deref;

use super::joined::ReadBytesAt;
use crate::oci::image::json::DOCUMENT_LEN_MAX;

/// Offset and length of a member's content in the file, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct MemberSpan {
    pub(super) at: u64,
    pub(super) len: u64,
}

impl MemberSpan {
    /// Reads the content, unless it is too long for a document.
    pub(super) fn bytes(self, file: &impl ReadBytesAt) -> io::Result<Vec<u8>> {
        if self.len > DOCUMENT_LEN_MAX {
            return Err(io::Error::other("too long for a document"));
        }
        let mut bytes = Vec::new();
        FilePart { file, at: self.at, left: self.len }.read_to_end(&mut bytes)?;
        if bytes.len() as u64 != self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }
}

/// A part of a file that is being read. It is independent of the position of the file descriptor.
pub(super) struct FilePart<F> {
    pub(super) file: F,
    pub(super) at: u64,
    pub(super) left: u64,
}

impl<F: Deref<Target: ReadBytesAt>> Read for FilePart<F> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let len = usize::try_from(self.left).map_or(space.len(), |left| left.min(space.len()));
        let count = self.file.read_bytes_at(&mut space[..len], self.at)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}
