//! A *transfer* copies finished blobs to a sink, several at a time, the longest first: it takes
//! longest.

use std::cmp::Reverse;

use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::image::reference::Reference;
use crate::oci::images::{ImageBlob, Images};
use crate::oci::parallel::in_parallel;
use crate::oci::progress::{Progress, ProgressEvent};
use crate::oci::sink::{Sink, SourceBlob};

/// A blob that is to be copied.
#[derive(Clone, Copy)]
pub(crate) struct BlobTransfer<'a> {
    /// Digest of the blob.
    pub(crate) digest: Digest,
    /// Length of the blob in bytes.
    pub(crate) size: u64,
    /// Images that the blob is read from.
    pub(crate) images: &'a dyn Images,
    /// Names of the images that have the blob.
    pub(crate) names: &'a [Reference],
}

/// Copies blobs to a sink, up to `jobs` at a time.
pub(crate) fn transfer_blobs(
    mut transfers: Vec<BlobTransfer<'_>>,
    sink: &dyn Sink,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<(), StorageError> {
    transfers.sort_by_key(|blob| (Reverse(blob.size), blob.digest));
    let width = jobs.min(sink.max_parallel_blobs());
    in_parallel(&transfers, width, |number, blob| blob.run(number, sink, progress)).map(drop)
}

impl BlobTransfer<'_> {
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
        progress.report(ProgressEvent::Copying { blob: number, digest, len: size });
        let source = ImageBlob { images, digest, size };
        let blob =
            SourceBlob { digest, size, source: &source, mount_source: images.mount_source() };
        let advanced = |len| progress.advance(number, len);
        let mut how = sink.put_blob(&blob, self.names, &advanced);
        if matches!(how, Err(StorageError::Unexpected { .. })) && images.forget_reused(digest) {
            how = sink.put_blob(&blob, self.names, &advanced);
        }
        let how = how?;
        progress.report(ProgressEvent::Copied { blob: number, digest, len: size, how });
        Ok(())
    }
}
