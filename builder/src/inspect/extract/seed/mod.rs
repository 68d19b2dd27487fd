//! A *seed* is a file on this machine that may have parts of a disk, such as the disk of yesterday. Where the layer
//! of the disk is in zstd:chunked, its tar is *assembled*: chunks that a seed has are copied from it, zeros are not transferred
//! at all, and the rest is requested by ranges.
//!
//! The table of contents says only where to look. Each chunk is checked by its digest when it is used, and the tar
//! as a whole by its diff ID, as if the layer had been read. Where anything does not fit, it is.
//!
//! - `index`: where in the seeds the chunks of the disk are
//! - `plan`: what of the tar comes from where, and what is requested
//! - `fetch`: the requests, some at a time
//! - `tar`: the assembled tar

mod fetch;
mod index;
mod plan;
mod tar;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::thread::Scope;

use self::fetch::RangeFetcher;
use self::index::SeedIndex;
use self::plan::TarPlan;
pub(super) use self::tar::AssembledTar;
use super::ExtractContext;
use crate::disk::ReadAt;
use crate::inspect::chunked::{FileChunks, read_chunked_layer};
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::layer::ChunkedMetadata;
use crate::oci::image::platform::Platform;
use crate::oci::progress::ProgressEvent;

/// What came of the seeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeedUse {
    /// There were none.
    None,
    /// The disk was made of chunks.
    Reused(ReusedBytes),
    /// The layers were read as a whole.
    Unused(UnusedSeed),
}

/// How much of a disk was reused, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReusedBytes {
    /// What the seeds had.
    pub reused: u64,
    /// What was read of the layers.
    pub read: u64,
    /// The length of the layers.
    pub total: u64,
}

/// Why layers were read as a whole although there was a seed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum UnusedSeed {
    /// No layer is in zstd:chunked.
    #[error("it is not in zstd:chunked")]
    NotChunked,
    /// No table of contents lists a disk.
    #[error("its table of contents lists no disk")]
    NoDisk,
    /// The table of contents cannot be read, or contradicts itself.
    #[error("its table of contents cannot be used, or the registry sends no parts of a layer")]
    NoTable,
    /// No chunk is in a seed.
    #[error("no seed has a part of the disk")]
    NothingInCommon,
    /// The tar cannot be assembled, and this is why.
    #[error("{0}")]
    Damaged(String),
}

impl UnusedSeed {
    /// Returns whether something is wrong with the layer, or with the registry, rather than that no seed fits.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        match self {
            Self::NotChunked | Self::NoDisk | Self::NothingInCommon => false,
            Self::NoTable | Self::Damaged(_) => true,
        }
    }
}

/// Counts what comes of the seeds.
#[derive(Debug, Default)]
pub(super) struct SeedTally {
    bytes: ReusedBytes,
    /// Why a layer was read as a whole: of several reasons the one that is nearest to the use of a seed. `None` if there
    /// is no seed.
    unused: Option<UnusedSeed>,
}

impl SeedTally {
    /// Counts a layer that was assembled.
    pub(super) fn add_assembled(&mut self, ReusedBytes { reused, read, total }: ReusedBytes) {
        self.bytes.reused = self.bytes.reused.saturating_add(reused);
        self.bytes.read = self.bytes.read.saturating_add(read);
        self.bytes.total = self.bytes.total.saturating_add(total);
    }

    /// Counts a layer of `len` bytes that was read as a whole.
    pub(super) fn add_whole(&mut self, len: u64, unused: Option<UnusedSeed>) {
        self.add_assembled(ReusedBytes { reused: 0, read: len, total: len });
        self.unused = self.unused.take().max(unused);
    }

    /// Returns what came of them.
    pub(super) fn finish(self) -> SeedUse {
        match self.bytes {
            bytes if bytes.reused > 0 => SeedUse::Reused(bytes),
            _ => self.unused.map_or(SeedUse::None, SeedUse::Unused),
        }
    }
}

/// The layer of a disk, whose tar is assembled.
pub(super) struct SeededLayer<'a> {
    seeds: &'a [Arc<dyn ReadAt>],
    file: FileChunks,
    plan: TarPlan,
    toc_len: u64,
}

impl<'a> SeededLayer<'a> {
    /// Opens a layer, and reads the seeds. If it has to be read as a whole, this is why, or `None` without a seed.
    pub(super) fn open(
        (number, layer): (usize, &Descriptor),
        platform: Option<&Platform>,
        context: &ExtractContext<'a>,
    ) -> Result<Self, Option<UnusedSeed>> {
        let seeds = context.seeds;
        if seeds.is_empty() {
            return Err(None);
        }
        if ChunkedMetadata::from_annotations(&layer.annotations).is_none() {
            return Err(Some(UnusedSeed::NotChunked));
        }
        let found = read_chunked_layer(context.images, layer).ok_or(UnusedSeed::NoTable)?;
        let file = found.disk.ok_or(UnusedSeed::NoDisk)?;
        if let Some(platform) = platform {
            let len = SeedIndex::read_len(seeds, file.size);
            let name = "seeds";
            context.progress.report(ProgressEvent::Surveying {
                layer: number,
                platform,
                name,
                len,
            });
        }
        let index = SeedIndex::new(seeds, &file, number, context.progress);
        let plan = TarPlan::new(&file, found.tar_end, &index).ok_or(UnusedSeed::NoTable)?;
        if plan.reused == 0 {
            return Err(Some(UnusedSeed::NothingInCommon));
        }
        Ok(Self { seeds, file, plan, toc_len: found.toc_len })
    }

    /// Returns the tar. Requests begin at once; `number` is that of the layer in progress events.
    pub(super) fn assemble<'s, 'scope>(
        &'s self,
        number: usize,
        layer: &'s Descriptor,
        context: &'s ExtractContext<'s>,
        scope: &'scope Scope<'scope, '_>,
    ) -> AssembledTar<'s>
    where
        's: 'scope,
    {
        let (images, progress) = (context.images, context.progress);
        let fetcher =
            RangeFetcher::new(&self.plan.requests, (images, layer, number), progress, scope);
        AssembledTar::new(&self.plan.parts, &self.file, self.seeds, fetcher, progress)
    }

    /// Returns the length in bytes of what is requested.
    pub(super) fn requested_len(&self) -> u64 {
        self.plan.requests.iter().map(|range| range.end - range.start).sum()
    }

    /// Counts what is reused and read of a layer of `total` bytes.
    pub(super) fn count(&self, total: u64) -> ReusedBytes {
        let read = self.toc_len.saturating_add(self.requested_len());
        ReusedBytes { reused: self.plan.reused, read, total }
    }
}
