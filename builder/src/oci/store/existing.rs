//! *Existing* blobs of a layout that is written to. That a file has the name of a blob does not make it
//! one: it is read once before it is used, and a damaged one is written again.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::sync::{Mutex, PoisonError};

use super::BlobStart;
use super::file::open_file;
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::sink::ReportBytes;
use cap_std::fs::Dir;

/// Blobs that were verified or written by this process.
#[derive(Debug, Default)]
pub(super) struct ExistingBlobs(Mutex<BTreeSet<Digest>>);

impl ExistingBlobs {
    /// Records a blob that was written.
    pub(super) fn add(&self, digest: Digest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
    }

    /// Returns whether a directory has an undamaged blob. `path` is its path in messages.
    pub(super) fn verify(
        &self,
        blobs: &Dir,
        digest: Digest,
        size: u64,
        path: &str,
        poll: &ReportBytes<'_>,
    ) -> Result<bool, StorageError> {
        let found = match blobs.symlink_metadata(digest.to_hex()) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(StorageError::io("look at", path)(error)),
        };
        // A link or a pipe is replaced like a damaged blob.
        if !found.is_file() || found.len() != size {
            return Ok(false);
        }
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest) {
            return Ok(true);
        }
        let file = open_file(blobs, &digest.to_hex());
        let found = file.and_then(|file| BlobStart::read(file.take(size.saturating_add(1)), poll));
        let found = found.map_err(StorageError::io("read", path))?;
        let found = found.ok_or(StorageError::Cancelled)?;
        let is_whole = Digest::from_hasher(found.hash) == digest;
        if is_whole {
            self.add(digest);
        }
        Ok(is_whole)
    }
}
