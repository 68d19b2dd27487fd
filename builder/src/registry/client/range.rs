//! A *range* of a blob, as it is requested from a registry.

use super::error::RegistryErrorCause;
use crate::net::http::{ContentRange, ResponseHead};
use crate::oci::image::digest::Digest;

/// A range of a blob.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlobRange {
    /// Digest of the blob.
    pub(super) digest: Digest,
    /// Size of the blob in bytes.
    pub(super) size: u64,
    /// Offset of the first byte.
    pub(super) start: u64,
    /// Offset after the last byte.
    pub(super) end: u64,
    /// What is done with a server that sends the whole blob.
    pub(super) whole: WholeBlob,
}

/// What is done with a server that answers a request for a range with the whole blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WholeBlob {
    /// What is in front of the range is skipped.
    Skipped,
    /// It is an error.
    Refused,
}

impl BlobRange {
    /// Returns the headers of a request for the range; none for a whole blob.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let range = match (self.start, self.end) {
            (0, end) if end == self.size => return Vec::new(),
            (start, end) if end == self.size => format!("bytes={start}-"),
            // HTTP has no empty ranges, so at least one byte is requested.
            (start, end) => format!("bytes={start}-{}", end.saturating_sub(1).max(start)),
        };
        vec![("Range", range)]
    }

    /// Checks that a response has the bytes from the start of the range, or the whole blob.
    pub(super) fn check_response(&self, head: &ResponseHead) -> Result<(), RegistryErrorCause> {
        let Self { digest, size, start, end, whole } = self;
        if head.status == 404 {
            return Err(RegistryErrorCause::MissingBlob(*digest));
        }
        if head.status == 206 {
            let found = ContentRange::of_response(head);
            let is_asked = |range: &ContentRange| {
                range.first == *start && range.len.is_none_or(|len| len == *size)
            };
            if !found.as_ref().is_some_and(is_asked) {
                return Err(RegistryErrorCause::InvalidContent(
                    "the server sent another range".into(),
                ));
            }
        } else if head.content_length().is_some_and(|len| len != *size) {
            let why = format!("the blob {digest} is not {size} bytes long");
            return Err(RegistryErrorCause::InvalidContent(why));
        } else if *whole == WholeBlob::Refused && end - start < *size {
            let why = "the server sends whole blobs instead of parts";
            return Err(RegistryErrorCause::InvalidContent(why.into()));
        }
        Ok(())
    }
}
