//! The *survey* of a disk finds the clusters that are zero, those that do not get shorter by
//! compression, and the compressed lengths of the others.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use rayon::ThreadPool;

use super::batch::{Batch, ClusterLens, STRETCH_CLUSTERS};
use super::cluster::{CLUSTER_BITS, ClusterKind, REGION_CLUSTERS, ZERO};
use super::compress::{ClusterCompressors, CompressOutput};
use super::parallel::OrderedParallelMap;
use super::walk::DataWalk;
use super::{ClusterCompression, ConvertError, Guest};

/// Maximum number of regions with data, whose records have 16 KiB each: 8 TiB of data.
const REGIONS_MAX: usize = 1 << 14;

/// Recorded lengths of all clusters, for the regions that have data.
#[derive(Debug)]
pub(super) struct ClusterMap {
    /// Regions in ascending order: the number, and the recorded lengths as in [`ClusterLens`].
    pub(super) regions: Vec<(u64, Box<[u16]>)>,
    /// Number of uncompressed clusters.
    pub(super) uncompressed: u64,
    /// Total length of the compressed clusters in bytes.
    pub(super) compressed_len: u64,
}

/// Surveys all clusters of a disk.
pub(super) fn survey_clusters(
    guest: &Guest,
    compression: ClusterCompression,
    pool: &Arc<ThreadPool>,
    progress: &dyn Fn(u64) -> ControlFlow<()>,
) -> Result<ControlFlow<(), ClusterMap>, ConvertError> {
    let compressors = ClusterCompressors::new(guest, compression, CompressOutput::Lengths);
    let work = move |batch: std::io::Result<Batch>| compressors.compress_batch(batch?);
    let mut regions: BTreeMap<u64, Box<[u16]>> = BTreeMap::new();
    let mut seen = 0;
    for compressed in OrderedParallelMap::new(DataWalk::new(guest), work, pool) {
        let compressed = compressed?;
        record_lens(&mut regions, compressed.at, &compressed.lens);
        if regions.len() > REGIONS_MAX {
            return Err(ConvertError::TooLarge(guest.len()));
        }
        if progress(compressed.at.saturating_sub(seen)).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        seen = compressed.at;
    }
    Ok(match progress(guest.len().saturating_sub(seen)) {
        ControlFlow::Break(()) => ControlFlow::Break(()),
        ControlFlow::Continue(()) => ControlFlow::Continue(ClusterMap::new(regions)),
    })
}

fn record_lens(regions: &mut BTreeMap<u64, Box<[u16]>>, at: u64, lens: &ClusterLens) {
    if lens.iter().all(|len| *len == ZERO) {
        return;
    }
    let cluster = at >> CLUSTER_BITS;
    let region = regions.entry(cluster / REGION_CLUSTERS as u64);
    let region = region.or_insert_with(|| vec![ZERO; REGION_CLUSTERS].into_boxed_slice());
    let place = usize::try_from(cluster % REGION_CLUSTERS as u64).unwrap_or_default();
    // A stretch does not cross regions: it is a power of two, and so are they.
    if let Some(space) = region.get_mut(place..place + STRETCH_CLUSTERS) {
        space.copy_from_slice(lens);
    }
}

impl ClusterMap {
    fn new(regions: BTreeMap<u64, Box<[u16]>>) -> Self {
        let lens = || regions.values().flatten().copied();
        let uncompressed =
            lens().filter(|len| ClusterKind::Uncompressed.matches_len(*len)).count() as u64;
        let compressed_len =
            lens().filter(|len| ClusterKind::Compressed.matches_len(*len)).map(u64::from).sum();
        Self { regions: regions.into_iter().collect(), uncompressed, compressed_len }
    }

    /// Returns the clusters of a kind in the stretch with this number, counted over the regions with
    /// data; `None` behind the last stretch.
    pub(super) fn batch_at(&self, number: usize, kind: ClusterKind) -> Option<Batch> {
        const STRETCHES: usize = REGION_CLUSTERS / STRETCH_CLUSTERS;
        let (region, lens) = self.regions.get(number / STRETCHES)?;
        let place = number % STRETCHES * STRETCH_CLUSTERS;
        let lens: ClusterLens = lens.get(place..place + STRETCH_CLUSTERS)?.try_into().ok()?;
        let bit = |(cluster, len): (usize, &u16)| u16::from(kind.matches_len(*len)) << cluster;
        let mask = lens.iter().enumerate().map(bit).fold(0, |mask, bit| mask | bit);
        let at = (region * REGION_CLUSTERS as u64 + place as u64) << CLUSTER_BITS;
        Some(Batch { at, mask, lens })
    }
}
