//! Streaming a *qcow2* file: its tables, then its clusters.

use std::sync::Arc;

use rayon::ThreadPool;

use super::batch::{Batch, CompressedBatch};
use super::cluster::{CLUSTER_LEN, ClusterKind};
use super::compress::{ClusterCompressors, CompressOutput};
use super::layout::Layout;
use super::parallel::OrderedParallelMap;
use super::tables::TableWriter;
use super::{ConvertError, Guest, read_past_end};

/// The bytes of a qcow2 file, from the first to the last.
pub(crate) struct Qcow2Stream {
    tables: TableWriter,
    data: OrderedParallelMap<Batch, CompressedBatch>,
    compressors: Arc<ClusterCompressors>,
    /// Bytes that have been produced; those from an offset on have not been read yet.
    bytes: Vec<u8>,
    used: usize,
    /// Number of bytes of the file that have not been produced yet.
    left: u64,
}

impl Qcow2Stream {
    pub(super) fn new(guest: &Guest, pool: &Arc<ThreadPool>, layout: &Arc<Layout>) -> Self {
        let compressors = ClusterCompressors::new(guest, layout.compression, CompressOutput::Bytes);
        let work = {
            let packers = Arc::clone(&compressors);
            move |batch| packers.compress_batch(batch)
        };
        let batches = batches_of_kind(layout, ClusterKind::Uncompressed)
            .chain(batches_of_kind(layout, ClusterKind::Compressed));
        Self {
            tables: TableWriter::new(layout),
            data: OrderedParallelMap::new(batches, work, pool),
            compressors,
            bytes: Vec::new(),
            used: 0,
            left: layout.len(),
        }
    }

    pub(super) fn read_exact(&mut self, mut space: &mut [u8]) -> Result<(), ConvertError> {
        while !space.is_empty() {
            let made = self.bytes.get(self.used..).unwrap_or_default();
            if made.is_empty() {
                self.produce_bytes()?;
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

    /// Produces more bytes.
    fn produce_bytes(&mut self) -> Result<(), ConvertError> {
        self.used = 0;
        if !self.tables.write_next(&mut self.bytes) {
            let compressed = self.data.next().transpose()?;
            // The last cluster is padded to its full length.
            let padding =
                || vec![0; usize::try_from(self.left).unwrap_or_default().min(CLUSTER_LEN)];
            let bytes = compressed.map_or_else(padding, |compressed| compressed.bytes);
            self.compressors.recycle_buffer(std::mem::replace(&mut self.bytes, bytes));
        }
        let made = self.bytes.len() as u64;
        self.left = self.left.checked_sub(made).filter(|_| made > 0).ok_or_else(read_past_end)?;
        Ok(())
    }
}

/// Returns the batches of the clusters of a kind, first to last.
fn batches_of_kind(
    layout: &Arc<Layout>,
    kind: ClusterKind,
) -> impl Iterator<Item = Batch> + Send + use<> {
    let layout = Arc::clone(layout);
    let stretches = (0..).map_while(move |number| layout.clusters.batch_at(number, kind));
    stretches.filter(|batch| batch.mask != 0)
}
