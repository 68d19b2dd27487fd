//! Reads the layers of artifacts that are *disks*, in no tar.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::thread;

use super::{VerifyContext, VerifyError};
use crate::cluster::contract::{
    BLOB_DIGEST, BLOB_SIZE, BLOB_UNREADABLE, ContractRule, DiskBlobFacts, examine_disk_by_rules,
};
use crate::cluster::kubernetes::Quantity;
use crate::cluster::vm::DISK_SIZE;
use crate::compression::CompressionFormat;
use crate::disk::{DiskInfo, DiskStart, START_LEN};
use crate::inspect::facts::ContentKind;
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

/// Reads the disks of artifacts, each once, several at a time. Those of VM artifacts are compressed, those
/// of disk artifacts are not.
pub(super) fn read_disk_blobs(
    images: &[&PlatformImage],
    context: &VerifyContext<'_>,
) -> Result<DiskBlobs, VerifyError> {
    let compression = |image: &PlatformImage| match ContentKind::of(image) {
        ContentKind::Image => None,
        ContentKind::Machine(_) => Some(Some(CompressionFormat::Zstd)),
        ContentKind::Disk => Some(None),
    };
    let artifacts = images.iter().filter_map(|image| Some((*image, compression(image)?)));
    let mut blobs: Vec<(&Descriptor, Option<CompressionFormat>)> = artifacts
        .flat_map(|(image, compression)| image.layers.iter().map(move |blob| (blob, compression)))
        .collect();
    blobs.sort_by_key(|(blob, _)| (blob.digest, blob.size));
    blobs.dedup_by_key(|(blob, _)| (blob.digest, blob.size));
    let read = |number: usize, (blob, compression): &(&Descriptor, Option<CompressionFormat>)| {
        let facts = read_disk_blob((number, blob), *compression, context);
        if context.progress.is_cancelled() {
            return Err(VerifyError::Cancelled);
        }
        Ok(((blob.digest, blob.size), facts))
    };
    let facts = in_parallel(&blobs, rayon::current_num_threads(), read)?;
    Ok(facts.into_iter().collect())
}

/// Reads a layer to its end; its content must be compressed in the given way.
fn read_disk_blob(
    (number, blob): (usize, &Descriptor),
    wanted: Option<CompressionFormat>,
    context: &VerifyContext<'_>,
) -> DiskBlobFacts {
    let (progress, digest, len) = (context.progress, blob.digest, blob.size);
    let reader = match context.images.open_blob(digest, len, 0) {
        Ok(reader) => reader,
        Err(StorageError::Unexpected { problem, .. }) => {
            return broken(&BLOB_SIZE, format!("it {problem}"));
        }
        Err(error) => return broken(&BLOB_UNREADABLE, error.full_message()),
    };
    progress.report(ProgressEvent::Reading { blob: number, digest, len });
    let expected = ExpectedBlob { digest, size: len, progress, number: Some(number) };
    let facts = thread::scope(|scope| {
        let mut disk = match LayerTar::new_ahead(reader, expected, scope) {
            Ok(disk) => disk,
            Err(error) => return broken(&BLOB_UNREADABLE, error.to_string()),
        };
        let found = disk.compression();
        let scanned = (found == wanted).then(|| scan_disk(&mut disk, blob));
        // A wrong digest or size is reported rather than what follows from it.
        match disk.finish() {
            Err(BlobProblem::Read(error)) => broken(&BLOB_UNREADABLE, error.to_string()),
            Err(problem @ BlobProblem::Size { .. }) => broken(&BLOB_SIZE, problem.to_string()),
            Err(BlobProblem::Digest(found)) => {
                broken(&BLOB_DIGEST, format!("its bytes have the digest {found}"))
            }
            Ok(_) => match scanned {
                Some(Ok(info)) => DiskBlobFacts::Sound(info),
                Some(Err(error)) => DiskBlobFacts::Compression(error.to_string()),
                None => wrong_compression(found, wanted),
            },
        }
    });
    progress.report(ProgressEvent::Read { blob: number, digest, len });
    facts
}

fn broken(rule: &'static ContractRule, detail: String) -> DiskBlobFacts {
    DiskBlobFacts::Broken { rule, detail }
}

fn wrong_compression(
    found: Option<CompressionFormat>,
    wanted: Option<CompressionFormat>,
) -> DiskBlobFacts {
    DiskBlobFacts::Compression(match (found, wanted) {
        (_, Some(wanted)) => format!("it is not compressed with {wanted}"),
        (Some(found), None) => format!("it is compressed with {found}"),
        (None, None) => String::new(),
    })
}

/// Reads a disk, and examines its first bytes. One that is longer than its size is not read further.
fn scan_disk(disk: &mut LayerTar<'_>, blob: &Descriptor) -> io::Result<DiskInfo> {
    let declared = blob.annotations.get(DISK_SIZE);
    let declared = declared.and_then(|text| text.parse::<Quantity>().ok());
    let limit = declared.map_or(DISK_LEN_MAX, |size| size.bytes().min(DISK_LEN_MAX));
    let mut disk = disk.take(limit + 1);
    let mut start = Vec::new();
    disk.by_ref().take(START_LEN as u64).read_to_end(&mut start)?;
    let len = start.len() as u64 + io::copy(&mut disk, &mut io::sink())?;
    examine_disk_by_rules(&DiskStart { bytes: &start, len })
}
