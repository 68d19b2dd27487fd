//! Streaming a *raw* disk: data is read ahead, and zeros are holes.

use std::sync::Arc;

use rayon::ThreadPool;

use super::batch::{Batch, STRETCH_LEN};
use super::compress::read_clusters;
use super::parallel::OrderedParallelMap;
use super::walk::DataWalk;
use super::{ConvertError, Guest, read_past_end};

/// The bytes of a raw disk, from the first to the last.
pub(crate) struct RawStream {
    len: u64,
    at: u64,
    stretches: OrderedParallelMap<std::io::Result<Batch>, Stretch>,
    /// The next stretch with data, if it is known and there is one.
    next: Option<Stretch>,
    is_last: bool,
}

/// A stretch of the disk with data.
struct Stretch {
    /// Offset in bytes.
    at: u64,
    bytes: Vec<u8>,
}

impl RawStream {
    pub(super) fn new(guest: &Guest, pool: &Arc<ThreadPool>) -> Self {
        let len = guest.len();
        let guest = Guest::clone(guest);
        let walk = DataWalk::new(&guest);
        let work = move |batch: std::io::Result<Batch>| {
            let batch = batch?;
            let there = guest.len().saturating_sub(batch.at);
            let mut bytes = vec![0; STRETCH_LEN];
            read_clusters(&guest, batch, &mut bytes)?;
            bytes.truncate(usize::try_from(there).unwrap_or(usize::MAX));
            Ok(Stretch { at: batch.at, bytes })
        };
        let stretches = OrderedParallelMap::new(walk, work, pool);
        Self { len, at: 0, stretches, next: None, is_last: false }
    }

    /// Loads the next stretch, unless one is loaded and not consumed.
    fn load_stretch(&mut self) -> Result<(), ConvertError> {
        let ends = |stretch: &Stretch| stretch.at.saturating_add(stretch.bytes.len() as u64);
        while !self.is_last && self.next.as_ref().is_none_or(|next| ends(next) <= self.at) {
            self.next = self.stretches.next().transpose()?;
            self.is_last = self.next.is_none();
        }
        Ok(())
    }

    pub(super) fn hole_len(&mut self) -> Result<u64, ConvertError> {
        self.load_stretch()?;
        let end = self.next.as_ref().map_or(self.len, |next| next.at);
        Ok(end.saturating_sub(self.at))
    }

    pub(super) fn skip_hole(&mut self, count: u64) {
        self.at = self.at.saturating_add(count);
    }

    pub(super) fn read_exact(&mut self, mut space: &mut [u8]) -> Result<(), ConvertError> {
        while !space.is_empty() {
            if self.at >= self.len {
                return Err(read_past_end());
            }
            let hole = usize::try_from(self.hole_len()?).unwrap_or(usize::MAX);
            let bytes = match &self.next {
                Some(next) if hole == 0 => {
                    let start = usize::try_from(self.at - next.at).unwrap_or(usize::MAX);
                    next.bytes.get(start..).unwrap_or_default()
                }
                _ => &[],
            };
            let count = space.len().min(if hole > 0 { hole } else { bytes.len() });
            let (now, later) = space.split_at_mut(count);
            match bytes.get(..count) {
                Some(bytes) => now.copy_from_slice(bytes),
                None => now.fill(0),
            }
            self.skip_hole(count as u64);
            space = later;
        }
        Ok(())
    }
}
