//! Reads a blob as its plan says.

use std::io::{self, Read};
use std::sync::Arc;

use super::plan::BlobPlan;
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::images::Images;

/// A blob that is made of parts from two places.
pub(super) struct AssembledBlob<'a> {
    images: &'a dyn Images,
    local: &'a dyn Images,
    blob: (Digest, u64),
    plan: Arc<BlobPlan>,
    at: u64,
    /// The part that is being read, and its end in the blob.
    current: Option<(Box<dyn Read + Send + 'a>, u64)>,
}

impl<'a> AssembledBlob<'a> {
    /// Returns a reader of the blob with this digest and size, from byte `at` on.
    pub(super) fn new(
        images: &'a dyn Images,
        local: &'a dyn Images,
        blob: (Digest, u64),
        plan: Arc<BlobPlan>,
        at: u64,
    ) -> Self {
        Self { images, local, blob, plan, at, current: None }
    }

    /// Opens the part that has the next byte; none at the end.
    fn open_next(&mut self) -> Result<(), StorageError> {
        let Some(piece) = self.plan.find(self.at) else { return Ok(()) };
        let part = self.at..piece.part.end;
        let reader = match &piece.local {
            Some(chunk) => {
                let (digest, size) = chunk.blob;
                let start = chunk.offset + (part.start - piece.part.start);
                let end = start + (part.end - part.start);
                self.local.open_blob_part(digest, size, start..end)?
            }
            None => self.images.open_blob_part(self.blob.0, self.blob.1, part.clone())?,
        };
        self.current = Some((reader, part.end));
        Ok(())
    }
}

impl Read for AssembledBlob<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if space.is_empty() {
            return Ok(0);
        }
        if self.current.is_none() {
            self.open_next().map_err(io::Error::other)?;
        }
        let Some((reader, end)) = &mut self.current else { return Ok(0) };
        let count = reader.read(space)?;
        if count == 0 {
            // A blob that is shorter than its size.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count as u64;
        if self.at >= *end {
            self.current = None;
        }
        Ok(count)
    }
}
