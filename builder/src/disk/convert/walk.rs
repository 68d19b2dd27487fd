//! A *walk* over a disk finds the clusters that have to be read: all but those that are known to be zero
//! from the disk's own tables or the file system.

use std::io;

use super::Guest;
use super::batch::{Batch, STRETCH_CLUSTERS, STRETCH_LEN};
use super::cluster::CLUSTER_LEN;
use crate::disk::{Extent, ExtentKind};

/// Batches of the clusters that may have data, first to last.
pub(super) struct DataWalk {
    guest: Guest,
    at: u64,
    is_broken: bool,
}

impl DataWalk {
    pub(super) fn new(guest: &Guest) -> Self {
        Self { guest: Guest::clone(guest), at: 0, is_broken: false }
    }

    /// Returns the extent at a position before the end.
    fn extent_at(&self, at: u64) -> io::Result<Extent> {
        let extent = self.guest.extent(at)?;
        if extent.len == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an extent without a length"));
        }
        Ok(extent)
    }

    /// Skips whole clusters of zeros; returns whether any bytes follow them.
    fn skip_zeros(&mut self) -> io::Result<bool> {
        let len = self.guest.len();
        while self.at < len {
            let extent = self.extent_at(self.at)?;
            let end = self.at.saturating_add(extent.len);
            let next = if end >= len { len } else { round_down(end) };
            if extent.kind == ExtentKind::Data || next <= self.at {
                return Ok(true);
            }
            self.at = next;
        }
        Ok(false)
    }

    /// Returns the batch of the rest of the stretch.
    fn take_batch(&mut self) -> io::Result<Batch> {
        let start = self.at - self.at % STRETCH_LEN as u64;
        let end = self.guest.len().min(start.saturating_add(STRETCH_LEN as u64));
        let mut mask = 0;
        while self.at < end {
            let extent = self.extent_at(self.at)?;
            let stop = self.at.saturating_add(extent.len).min(end);
            let next = match extent.kind {
                ExtentKind::Zero if stop >= end => end,
                ExtentKind::Zero if round_down(stop) > self.at => round_down(stop),
                ExtentKind::Zero => self.at.saturating_add(CLUSTER_LEN as u64),
                ExtentKind::Data => round_down(stop.saturating_add(CLUSTER_LEN as u64 - 1)),
            };
            let is_zero = extent.kind == ExtentKind::Zero && next <= stop;
            if !is_zero {
                mask |= cluster_mask(start, self.at, next);
            }
            self.at = next;
        }
        Ok(Batch { at: start, mask, lens: [0; STRETCH_CLUSTERS] })
    }

    fn next_batch(&mut self) -> io::Result<Option<Batch>> {
        Ok(if self.skip_zeros()? { Some(self.take_batch()?) } else { None })
    }
}

impl Iterator for DataWalk {
    type Item = io::Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_broken {
            return None;
        }
        let step = self.next_batch();
        self.is_broken = step.is_err();
        step.transpose()
    }
}

fn round_down(at: u64) -> u64 {
    at - at % CLUSTER_LEN as u64
}

/// Returns the bits of the clusters between two positions in the stretch at `start`.
fn cluster_mask(start: u64, from: u64, to: u64) -> u16 {
    let cluster = |at: u64| (at - start).div_ceil(CLUSTER_LEN as u64).min(STRETCH_CLUSTERS as u64);
    let below = |count: u64| u16::try_from((1_u32 << count) - 1).unwrap_or(u16::MAX);
    below(cluster(to)) & !below(cluster(from))
}
