//! Reads one *layer*: its blob, the tar in it, and the members that rules need.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Cursor, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::VerifyContext;
use crate::cluster::contract::facts::{BlobFacts, DiskFacts, LayerFacts};
use crate::cluster::contract::{
    BlobStart, cdi_takes, examine_disk_by_rules, is_disk, is_on_way, is_relevant,
};
use crate::compression::{CompressionFormat, CopiedPieces, PieceRead};
use crate::disk;
use crate::inspect::kept::kept_len;
use crate::oci::error::StorageError;
use crate::oci::hashing::{BlobProblem, HashingReader};
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::layer_hash::{BlobHash, TarHash};
use crate::oci::progress::{ProgressEvent, ProgressReader};
use crate::oci::read_ahead::read_ahead;
use crate::oci::tar::{self, NamePrefix, TarEntry, TarEntryKind, TarReadError, TarReader};
use crate::recipe::path::split;

/// Number of a blob's first bytes that are kept for [`BlobStart::detect`].
const START_LEN: u64 = 4096;

/// Number of bytes of a disk that are read at a time.
const CONTENT_LEN: usize = 64 * 1024;

/// Maximum number of disks that are examined in a layer. A layer with more is wrong anyway.
const DISKS_MAX: usize = 16;

/// Reads a layer to its end. `kept` is how many bytes may still be kept of all layers' members.
pub(super) fn read_layer(
    number: usize,
    blob: &Descriptor,
    kept: &AtomicU64,
    context: &VerifyContext<'_>,
) -> LayerFacts {
    let &Descriptor { digest, size: len, .. } = blob;
    let mut facts = LayerFacts::default();
    let reader = match context.images.open_blob(digest, len, 0) {
        Ok(reader) => reader,
        Err(StorageError::Unexpected { problem, .. }) => {
            facts.blob = Some(BlobFacts::WrongSize(format!("it {problem}")));
            return facts;
        }
        Err(error) => {
            facts.blob = Some(BlobFacts::Unreadable(error.full_message()));
            return facts;
        }
    };
    context.progress.report(ProgressEvent::Reading { blob: number, digest, len });
    let raw = reader.take(len.saturating_add(1));
    let hash = BlobHash::default();
    let tar_hash = hash.tar_hash();
    let raw = ProgressReader::new(raw, context.progress, Some(number));
    let mut raw = HashingReader::with_hash(raw, hash);
    let mut start = Vec::new();
    let tar = match raw.by_ref().take(START_LEN).read_to_end(&mut start) {
        Ok(_) => {
            let all = Cursor::new(&start).chain(&mut raw);
            scan_tar(all, BlobStart::detect(&start), tar_hash, &mut facts, kept, context)
        }
        Err(error) => Err(TarReadError::Read(error)),
    };
    let checked = raw.check_rest(digest, len);
    facts.blob = Some(blob_facts(checked, len, BlobStart::detect(&start), tar));
    context.progress.report(ProgressEvent::Read { blob: number, digest, len });
    facts
}

/// Returns the facts of a blob that was read. A wrong digest or size is reported rather than the
/// tar that cannot be read because of it.
fn blob_facts(
    checked: Result<(), BlobProblem>,
    len: u64,
    start: BlobStart,
    tar: Result<Digest, TarReadError>,
) -> BlobFacts {
    match checked {
        Err(BlobProblem::Read(error)) => BlobFacts::Unreadable(error.to_string()),
        Err(BlobProblem::Size { found, .. }) if found > len => {
            BlobFacts::WrongSize(format!("it has more than {len} bytes"))
        }
        Err(BlobProblem::Size { found, .. }) => {
            BlobFacts::WrongSize(format!("it has {found} bytes, not {len}"))
        }
        Err(BlobProblem::Digest(found)) => BlobFacts::WrongDigest(found),
        Ok(()) => BlobFacts::Sound { start, tar: tar.map_err(|error| error.to_string()) },
    }
}

/// Reads the tar in a layer whose blob begins with `start`; returns its digest.
fn scan_tar(
    raw: impl Read + Send,
    start: BlobStart,
    hash: TarHash,
    facts: &mut LayerFacts,
    kept: &AtomicU64,
    context: &VerifyContext<'_>,
) -> Result<Digest, TarReadError> {
    let (compression, tar) = decompress_layer(raw, start)?;
    thread::scope(|scope| {
        let tar = ProgressReader::new(read_ahead(tar, scope), context.progress, None);
        let tar = TarReader::new(HashingReader::with_hash(tar, hash), compression, context.limits);
        scan_entries(tar.with_sparse_files(), facts, kept, context)
    })
}

/// Reads all entries of a tar; returns its digest.
fn scan_entries<R: Read>(
    mut tar: TarReader<HashingReader<R, TarHash>>,
    facts: &mut LayerFacts,
    kept: &AtomicU64,
    context: &VerifyContext<'_>,
) -> Result<Digest, TarReadError> {
    let mut paths = HashSet::new();
    while let Some(found) = tar.next().transpose()? {
        let is_new = paths.insert(path_hash(&found));
        if !is_new && facts.twice.is_none() {
            facts.twice = Some(found.path.clone());
        }
        count_kept(facts.add_shallow(&found.path, &found.kind), found.offset, kept)?;
        let named = context.member_path();
        if !is_relevant(&found.path) && !named.is_some_and(|path| is_on_way(&found.path, path)) {
            if found.lead == NamePrefix::Slash && facts.absolute.is_none() {
                facts.absolute = Some(format!("/{}", found.path));
            }
            continue;
        }
        count_kept(kept_len(&found), found.offset, kept)?;
        let is_disk = found.kind == TarEntryKind::File && is_judged_disk(&found, named);
        if is_disk && facts.disks.len() < DISKS_MAX {
            let start = tar.read_content_start(disk::START_LEN)?;
            let checksum = content_checksum(&start, &mut tar)?;
            let disk = examine_member(&found, &start, checksum);
            facts.disks.extend(disk.map(|disk| (facts.members.len(), disk)));
        }
        facts.members.push(found);
    }
    tar.drain()?;
    Ok(tar.into_inner().digest())
}

/// Decompresses a layer, also one that begins with a skippable zstd frame, which CDI does not
/// recognize: other findings about it are reported as well.
fn decompress_layer<'a>(
    raw: impl Read + Send + 'a,
    start: BlobStart,
) -> Result<(Option<CompressionFormat>, Box<dyn PieceRead + 'a>), TarReadError> {
    if start != BlobStart::ZstdSkippable {
        return tar::decompress_whole(raw);
    }
    let tar = zstd::stream::read::Decoder::new(raw).map_err(TarReadError::Read)?;
    Ok((Some(CompressionFormat::Zstd), Box::new(CopiedPieces::new(tar))))
}

/// Counts bytes that are kept of the member at an offset.
fn count_kept(len: usize, offset: u64, kept: &AtomicU64) -> Result<(), TarReadError> {
    let len = len as u64;
    let taken =
        kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |kept| kept.checked_sub(len));
    taken.map(drop).map_err(|_| TarReadError::Limit("more members than can be judged", offset))
}

/// Returns whether a file is a disk, perhaps since a virtual machine names it.
fn is_judged_disk(found: &TarEntry, named: Option<&str>) -> bool {
    cdi_takes(found) || is_disk(&found.path) || named == Some(&found.path)
}

/// Returns the hash of a path; a slash in front makes another of it, as for containers/storage. The
/// paths themselves would take too much memory.
fn path_hash(found: &TarEntry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&found.path, found.lead == NamePrefix::Slash).hash(&mut hasher);
    hasher.finish()
}

/// Reads the rest of a content that begins with `start`; returns the CRC-32C of all of it.
fn content_checksum(start: &[u8], tar: &mut TarReader<impl Read>) -> Result<u32, TarReadError> {
    let mut checksum = crc32c::crc32c(start);
    let mut space = vec![0; CONTENT_LEN];
    loop {
        let count = tar.read_content(&mut space)?;
        if count == 0 {
            return Ok(checksum);
        }
        checksum = crc32c::crc32c_append(checksum, &space[..count]);
    }
}

/// Examines a disk by its first bytes; `checksum` is that of all its bytes.
fn examine_member(found: &TarEntry, start: &[u8], checksum: u32) -> Option<DiskFacts> {
    let bytes = disk::DiskStart { bytes: start, len: found.size };
    let mut info = examine_disk_by_rules(&bytes).ok()?;
    info.flaws.extend(disk::find_misnaming(split(&found.path).1, &info));
    Some(DiskFacts { info, mark: (Digest::of_bytes(start), checksum) })
}
