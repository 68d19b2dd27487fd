//! Verifies *VM artifacts*: their documents, and each layer with a disk.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::thread;

use super::{VerifyContext, VerifyError};
use crate::cluster::contract::examine_disk_by_rules;
use crate::cluster::kubernetes::Quantity;
use crate::cluster::vm::{DISK_SIZE, DiskBlobFacts};
use crate::compression::CompressionFormat;
use crate::disk::{DiskStart, START_LEN};
use crate::oci::error::StorageError;
use crate::oci::hashing::BlobProblem;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image_documents::PlatformImage;
use crate::oci::layer_tar::{ExpectedBlob, LayerTar};
use crate::oci::parallel::in_parallel;
use crate::oci::progress::ProgressEvent;

/// Maximum length of a disk in bytes, that of ext4's files: a compressed stream can be endless.
const DISK_LEN_MAX: u64 = 16 << 40;

/// What was seen of the blobs of layers.
pub(super) type DiskBlobs = BTreeMap<(Digest, u64), DiskBlobFacts>;

/// Reads the disks of VM artifacts, each once, several at a time.
pub(super) fn read_disk_blobs(
    images: &[&PlatformImage],
    context: &VerifyContext<'_>,
) -> Result<DiskBlobs, VerifyError> {
    let mut blobs: Vec<&Descriptor> = images.iter().flat_map(|image| &image.layers).collect();
    blobs.sort_by_key(|blob| (blob.digest, blob.size));
    blobs.dedup_by_key(|blob| (blob.digest, blob.size));
    let read = |number: usize, blob: &&Descriptor| {
        let facts = read_disk_blob(number, blob, context);
        if context.progress.is_cancelled() {
            return Err(VerifyError::Cancelled);
        }
        Ok(((blob.digest, blob.size), facts))
    };
    let facts = in_parallel(&blobs, rayon::current_num_threads(), read)?;
    Ok(facts.into_iter().collect())
}

/// Reads a layer to its end.
fn read_disk_blob(number: usize, blob: &Descriptor, context: &VerifyContext<'_>) -> DiskBlobFacts {
    let (progress, digest, len) = (context.progress, blob.digest, blob.size);
    let reader = match context.images.open_blob(digest, len, 0) {
        Ok(reader) => reader,
        Err(StorageError::Unexpected { problem, .. }) => {
            return DiskBlobFacts::WrongSize(format!("it {problem}"));
        }
        Err(error) => return DiskBlobFacts::Unreadable(error.full_message()),
    };
    progress.report(ProgressEvent::Reading { blob: number, digest, len });
    let expected = ExpectedBlob { digest, size: len, progress, number: Some(number) };
    let facts = thread::scope(|scope| {
        let mut disk = match LayerTar::new_ahead(reader, expected, scope) {
            Ok(disk) => disk,
            Err(error) => return DiskBlobFacts::Unreadable(error.to_string()),
        };
        let is_zstd = disk.compression() == Some(CompressionFormat::Zstd);
        let scanned = if is_zstd { scan_disk(&mut disk, blob) } else { Ok(not_zstd()) };
        // A wrong digest or size is reported rather than what follows from it.
        match disk.finish() {
            Err(BlobProblem::Read(error)) => DiskBlobFacts::Unreadable(error.to_string()),
            Err(problem @ BlobProblem::Size { .. }) => {
                DiskBlobFacts::WrongSize(problem.to_string())
            }
            Err(BlobProblem::Digest(found)) => DiskBlobFacts::WrongDigest(found),
            Ok(_) => scanned.unwrap_or_else(|error| DiskBlobFacts::NotZstd(error.to_string())),
        }
    });
    progress.report(ProgressEvent::Read { blob: number, digest, len });
    facts
}

fn not_zstd() -> DiskBlobFacts {
    DiskBlobFacts::NotZstd("it is not compressed with zstd".into())
}

/// Reads a disk, and examines its first bytes. One that is longer than its size is not read further.
fn scan_disk(disk: &mut LayerTar<'_>, blob: &Descriptor) -> io::Result<DiskBlobFacts> {
    let declared = blob.annotations.get(DISK_SIZE);
    let declared = declared.and_then(|text| text.parse::<Quantity>().ok());
    let limit = declared.map_or(DISK_LEN_MAX, |size| size.bytes().min(DISK_LEN_MAX));
    let mut disk = disk.take(limit + 1);
    let mut start = Vec::new();
    disk.by_ref().take(START_LEN as u64).read_to_end(&mut start)?;
    let len = start.len() as u64 + io::copy(&mut disk, &mut io::sink())?;
    let info = examine_disk_by_rules(&DiskStart { bytes: &start, len })?;
    Ok(DiskBlobFacts::Sound { len, format: info.format })
}
