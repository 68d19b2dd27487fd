//! The *survey* of a disk finds which clusters are zero, which are stored as they are, and how long the
//! others are when they are packed.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use rayon::ThreadPool;

use super::ahead::Ahead;
use super::batch::{Batch, Lens, STRETCH};
use super::cluster::{CLUSTER_BITS, ClusterKind, REGION, ZERO};
use super::pack::{Output, Packers};
use super::walk::Walk;
use super::{ClusterCompression, ConvertError, Guest};

/// How many regions with data are kept account of, 16 KiB each: 8 TiB of data.
const REGIONS: usize = 1 << 14;

/// How each cluster is stored, for the regions that have any data.
#[derive(Debug)]
pub(super) struct Clusters {
    /// Ascending: the number of the region, and how each of its clusters is stored, as in [`Lens`].
    pub(super) regions: Vec<(u64, Box<[u16]>)>,
    /// How many clusters are stored as they are.
    pub(super) plain: u64,
    /// How many bytes the others have in all.
    pub(super) packed_len: u64,
}

/// Looks at all clusters of a disk.
pub(super) fn survey(
    guest: &Guest,
    packing: ClusterCompression,
    pool: &Arc<ThreadPool>,
    progress: &dyn Fn(u64) -> ControlFlow<()>,
) -> Result<ControlFlow<(), Clusters>, ConvertError> {
    let packers = Packers::new(guest, packing, Output::Lengths);
    let work = move |batch: std::io::Result<Batch>| packers.pack(batch?);
    let mut regions: BTreeMap<u64, Box<[u16]>> = BTreeMap::new();
    let mut seen = 0;
    for packed in Ahead::new(Walk::new(guest), work, pool) {
        let packed = packed?;
        record(&mut regions, packed.at, &packed.lens);
        if regions.len() > REGIONS {
            return Err(ConvertError::TooLarge(guest.len()));
        }
        if progress(packed.at.saturating_sub(seen)).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        seen = packed.at;
    }
    Ok(match progress(guest.len().saturating_sub(seen)) {
        ControlFlow::Break(()) => ControlFlow::Break(()),
        ControlFlow::Continue(()) => ControlFlow::Continue(Clusters::new(regions)),
    })
}

fn record(regions: &mut BTreeMap<u64, Box<[u16]>>, at: u64, lens: &Lens) {
    if lens.iter().all(|len| *len == ZERO) {
        return;
    }
    let cluster = at >> CLUSTER_BITS;
    let region = regions.entry(cluster / REGION as u64);
    let region = region.or_insert_with(|| vec![ZERO; REGION].into_boxed_slice());
    let place = usize::try_from(cluster % REGION as u64).unwrap_or_default();
    // A stretch does not cross regions: it is a power of two, and so are they.
    if let Some(space) = region.get_mut(place..place + STRETCH) {
        space.copy_from_slice(lens);
    }
}

impl Clusters {
    fn new(regions: BTreeMap<u64, Box<[u16]>>) -> Self {
        let lens = || regions.values().flatten().copied();
        let plain = lens().filter(|len| ClusterKind::Plain.has(*len)).count() as u64;
        let packed_len = lens().filter(|len| ClusterKind::Packed.has(*len)).map(u64::from).sum();
        Self { regions: regions.into_iter().collect(), plain, packed_len }
    }

    /// Returns the clusters of a kind in the stretch with this number, counted over the regions that
    /// there are; nothing behind the last.
    pub(super) fn stretch(&self, number: usize, kind: ClusterKind) -> Option<Batch> {
        const STRETCHES: usize = REGION / STRETCH;
        let (region, lens) = self.regions.get(number / STRETCHES)?;
        let place = number % STRETCHES * STRETCH;
        let lens: Lens = lens.get(place..place + STRETCH)?.try_into().ok()?;
        let bit = |(cluster, len): (usize, &u16)| u16::from(kind.has(*len)) << cluster;
        let mask = lens.iter().enumerate().map(bit).fold(0, |mask, bit| mask | bit);
        let at = (region * REGION as u64 + place as u64) << CLUSTER_BITS;
        Some(Batch { at, mask, lens })
    }
}
