//! A *qcow2* as it is streamed: its tables, then its clusters.

use std::sync::Arc;

use rayon::ThreadPool;

use super::ahead::Ahead;
use super::batch::{Batch, Packed};
use super::cluster::{CLUSTER_LEN, ClusterKind};
use super::layout::Layout;
use super::pack::{Output, Packers};
use super::tables::Tables;
use super::{ConvertError, Guest, too_far};

/// A qcow2, from its first byte to its last.
pub(crate) struct Qcow2 {
    tables: Tables,
    data: Ahead<Batch, Packed>,
    packers: Arc<Packers>,
    /// What has been made and not been read, from an offset on.
    bytes: Vec<u8>,
    used: usize,
    /// How many bytes of the file are still to be made.
    left: u64,
}

impl Qcow2 {
    pub(super) fn new(guest: &Guest, pool: &Arc<ThreadPool>, layout: &Arc<Layout>) -> Self {
        let packers = Packers::new(guest, layout.packing, Output::Bytes);
        let work = {
            let packers = Arc::clone(&packers);
            move |batch| packers.pack(batch)
        };
        let batches =
            batches(layout, ClusterKind::Plain).chain(batches(layout, ClusterKind::Packed));
        Self {
            tables: Tables::new(layout),
            data: Ahead::new(batches, work, pool),
            packers,
            bytes: Vec::new(),
            used: 0,
            left: layout.len(),
        }
    }

    pub(super) fn read_exact(&mut self, mut space: &mut [u8]) -> Result<(), ConvertError> {
        while !space.is_empty() {
            let made = self.bytes.get(self.used..).unwrap_or_default();
            if made.is_empty() {
                self.make()?;
                continue;
            }
            let count = made.len().min(space.len());
            let (now, later) = space.split_at_mut(count);
            now.copy_from_slice(&made[..count]);
            self.used += count;
            space = later;
        }
        Ok(())
    }

    /// Makes more bytes.
    fn make(&mut self) -> Result<(), ConvertError> {
        self.used = 0;
        if !self.tables.next(&mut self.bytes) {
            let packed = self.data.next().transpose()?;
            // The last cluster is a whole one.
            let padding =
                || vec![0; usize::try_from(self.left).unwrap_or_default().min(CLUSTER_LEN)];
            let bytes = packed.map_or_else(padding, |packed| packed.bytes);
            self.packers.reuse(std::mem::replace(&mut self.bytes, bytes));
        }
        let made = self.bytes.len() as u64;
        self.left = self.left.checked_sub(made).filter(|_| made > 0).ok_or_else(too_far)?;
        Ok(())
    }
}

/// Returns the clusters of a kind, first to last.
fn batches(layout: &Arc<Layout>, kind: ClusterKind) -> impl Iterator<Item = Batch> + Send + use<> {
    let layout = Arc::clone(layout);
    let stretches = (0..).map_while(move |number| layout.clusters.stretch(number, kind));
    stretches.filter(|batch| batch.mask != 0)
}
