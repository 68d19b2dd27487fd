//! *Moves* finished blobs to a sink, several at a time, the longest first: it takes longest.

use std::cmp::Reverse;

use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::reference::Reference;
use crate::oci::images::{ImageBlob, Images};
use crate::oci::parallel::in_parallel;
use crate::oci::progress::{Event, Progress};
use crate::oci::sink::{Blob, Sink};

/// A blob that is to be moved.
#[derive(Clone, Copy)]
pub(crate) struct Move<'a> {
    /// Digest of the blob.
    pub(crate) digest: Digest,
    /// Length of the blob in bytes.
    pub(crate) size: u64,
    /// Where the blob is read from.
    pub(crate) images: &'a dyn Images,
    /// Names of the images that have the blob.
    pub(crate) names: &'a [Reference],
}

/// Moves blobs to a sink, up to `jobs` at a time.
pub(crate) fn run(
    mut moves: Vec<Move<'_>>,
    sink: &dyn Sink,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<(), StorageError> {
    moves.sort_by_key(|blob| (Reverse(blob.size), blob.digest));
    let width = jobs.min(sink.width());
    in_parallel(&moves, width, |number, blob| blob.run(number, sink, progress)).map(drop)
}

impl Move<'_> {
    fn run(
        &self,
        number: usize,
        sink: &dyn Sink,
        progress: &dyn Progress,
    ) -> Result<(), StorageError> {
        if progress.is_cancelled() {
            return Err(StorageError::Cancelled);
        }
        let (digest, size, images) = (self.digest, self.size, self.images);
        progress.event(Event::Moving { blob: number, digest, len: size });
        let source = ImageBlob { images, digest, size };
        let blob = Blob { digest, size, source: &source, beside: images.beside() };
        let advanced = |len| progress.advance(number, len);
        let how = sink.put_blob(&blob, self.names, &advanced)?;
        progress.event(Event::Moved { blob: number, digest, len: size, how });
        Ok(())
    }
}
