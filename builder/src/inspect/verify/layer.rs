//! One *layer* that is read: its blob, the tar in it, and what matters of its members.

use std::io::{self, Cursor, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use super::Context;
use crate::cluster::contract::facts::{BlobFacts, DiskFacts, LayerFacts, Start};
use crate::cluster::contract::{cdi_takes, is_disk, matters};
use crate::compression::CompressionFormat;
use crate::disk;
use crate::oci::error::StorageError;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::progress::{Event, Progress};
use crate::oci::tar::{self, Lead, TarEntry, TarEntryKind, TarReadError, TarReader};
use crate::recipe::path::split;

/// How many of a blob's first bytes are kept: what [`Start::of`] needs.
const START_LEN: usize = 4096;

/// How many disks are looked at in a layer. One that has more is wrong anyway.
const DISKS_MAX: usize = 16;

/// About how many bytes a member takes that is kept, besides its path.
const MEMBER_LEN: u64 = 128;

/// Reads a layer to its end. `kept` is how many bytes may still be kept of all layers' members.
pub(super) fn read(
    number: usize,
    blob: &Descriptor,
    kept: &AtomicU64,
    context: &Context<'_>,
) -> LayerFacts {
    let &Descriptor { digest, size: len, .. } = blob;
    let mut facts = LayerFacts::default();
    let reader = match context.images.blob(digest, len, 0) {
        Ok(reader) => reader,
        Err(StorageError::Foreign { problem, .. }) => {
            facts.blob = Some(BlobFacts::OtherSize(format!("it {problem}")));
            return facts;
        }
        Err(error) => {
            facts.blob = Some(BlobFacts::Missing(error.full_message()));
            return facts;
        }
    };
    context.progress.event(Event::Reading { blob: number, digest, len });
    let raw = reader.take(len.saturating_add(1));
    let mut raw = Hashed::new(raw, context.progress, Some(number));
    let tar = scan(&mut raw, &mut facts, kept, context).map_err(|error| error.to_string());
    // A tar that cannot be read is no news where the bytes are not the right ones.
    let rest = io::copy(&mut raw, &mut io::sink());
    let found = Digest::of(raw.hash);
    facts.blob = Some(match rest {
        Err(error) => BlobFacts::Missing(error.to_string()),
        Ok(_) if raw.len > len => BlobFacts::OtherSize(format!("it has more than {len} bytes")),
        Ok(_) if raw.len < len => {
            BlobFacts::OtherSize(format!("it has {} bytes, not {len}", raw.len))
        }
        Ok(_) if found != digest => BlobFacts::OtherBytes(found),
        Ok(_) => BlobFacts::Sound { start: Start::of(&raw.start), tar },
    });
    context.progress.event(Event::Read { blob: number, digest, len });
    facts
}

/// Reads the tar in a layer; returns its digest.
fn scan(
    raw: &mut Hashed<'_, impl Read + Send>,
    facts: &mut LayerFacts,
    kept: &AtomicU64,
    context: &Context<'_>,
) -> Result<Digest, TarReadError> {
    let (packing, tar) = unpack(raw)?;
    let mut tar = TarReader::new(Hashed::new(tar, context.progress, None), packing, context.limits);
    while let Some(found) = tar.next().transpose()? {
        if !matters(&found.path) {
            if found.lead == Lead::Slash && facts.absolute.is_none() {
                facts.absolute = Some(format!("/{}", found.path));
            }
            continue;
        }
        keep(&found, kept)?;
        let is_disk =
            found.kind == TarEntryKind::File && (cdi_takes(&found) || is_disk(&found.path));
        if is_disk && facts.disks.len() < DISKS_MAX {
            let start = tar.start(disk::START_LEN)?;
            facts.disks.extend(look(&found, &start).map(|disk| (facts.members.len(), disk)));
        }
        facts.members.push(found);
    }
    tar.drain()?;
    Ok(Digest::of(tar.into_inner().hash))
}

/// Unpacks as archives are; zstd behind a frame without data, which CDI does not know, as well: what
/// else is wrong with such a layer can then be seen.
fn unpack<'a>(mut raw: impl Read + Send + 'a) -> Result<Unpacked<'a>, TarReadError> {
    let mut start = Vec::new();
    raw.by_ref().take(4).read_to_end(&mut start).map_err(TarReadError::Read)?;
    let is_skippable = Start::of(&start) == Start::ZstdSkippable;
    let raw = Cursor::new(start).chain(raw);
    if !is_skippable {
        return tar::decompress(raw);
    }
    let tar = zstd::stream::read::Decoder::new(raw).map_err(TarReadError::Read)?;
    Ok((Some(CompressionFormat::Zstd), Box::new(tar)))
}

type Unpacked<'a> = (Option<CompressionFormat>, Box<dyn Read + Send + 'a>);

/// Counts what is kept of a member.
fn keep(found: &TarEntry, kept: &AtomicU64) -> Result<(), TarReadError> {
    let link = match &found.kind {
        TarEntryKind::Symlink(to) | TarEntryKind::Hardlink(to) => to.len(),
        _ => 0,
    };
    let len = (found.path.len() + link) as u64 + MEMBER_LEN;
    let taken =
        kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |kept| kept.checked_sub(len));
    taken
        .map(drop)
        .map_err(|_| TarReadError::Limit("more members than can be judged", found.offset))
}

/// Looks at a disk by its first bytes.
fn look(found: &TarEntry, start: &[u8]) -> Option<DiskFacts> {
    let bytes = disk::Start { bytes: start, len: found.size };
    let mut info = disk::examine(&bytes).ok()?;
    info.flaws.extend(disk::misnamed(split(&found.path).1, &info));
    Some(DiskFacts { info, start: Digest::of_bytes(start) })
}

/// Hashes what is read, until the user wants to stop.
struct Hashed<'p, R> {
    inner: R,
    hash: Sha256,
    len: u64,
    start: Vec<u8>,
    progress: &'p dyn Progress,
    /// Whose progress is told.
    number: Option<usize>,
}

impl<'p, R> Hashed<'p, R> {
    fn new(inner: R, progress: &'p dyn Progress, number: Option<usize>) -> Self {
        Self { inner, hash: Sha256::new(), len: 0, start: Vec::new(), progress, number }
    }
}

impl<R: Read> Read for Hashed<'_, R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.progress.is_cancelled() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let count = self.inner.read(space)?;
        let bytes = &space[..count];
        self.hash.update(bytes);
        self.len += count as u64;
        let wanted = START_LEN - self.start.len();
        self.start.extend_from_slice(&bytes[..count.min(wanted)]);
        if let Some(layer) = self.number {
            self.progress.event(Event::Advanced { layer, len: count as u64 });
        }
        Ok(count)
    }
}
