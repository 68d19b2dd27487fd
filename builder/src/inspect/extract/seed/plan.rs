//! The *plan* of a tar: where each part of it comes from, and the ranges of the blob that are requested.

use std::ops::Range;

use super::index::{SeedIndex, SeedPlace};
use crate::inspect::chunked::FileChunks;

/// Length in bytes of the longest gap between two parts that are requested together: a request costs as much as some
/// more bytes of the one before.
const GAP_MAX: u64 = 128 * 1024;

/// How many ranges of a layer are requested at most. Where there would be more, longer gaps are requested, too.
const REQUESTS_MAX: usize = 2048;

/// Length in bytes of the longest compressed part in front of the disk or behind it: they are kept in memory.
const OTHER_LEN_MAX: u64 = 4 << 20;

/// A part of the tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TarPart {
    /// Headers and other files: what these bytes of the blob decompress to.
    Other(Range<u64>),
    /// The chunk with this number has only zeros.
    Zeros(usize),
    /// The chunk with this number is in a seed.
    Seed(usize, SeedPlace),
    /// The chunk with this number is requested.
    Layer(usize),
}

/// The parts of a tar.
#[derive(Debug)]
pub(super) struct TarPlan {
    /// The parts in order.
    pub(super) parts: Vec<TarPart>,
    /// The ranges of the blob that are requested, in order.
    pub(super) requests: Vec<Range<u64>>,
    /// Length in bytes of the chunks that seeds have.
    pub(super) reused: u64,
}

impl TarPlan {
    /// Plans the tar that ends at `end` in the blob; `None` if there is too much beside the disk.
    pub(super) fn new(file: &FileChunks, end: u64, index: &SeedIndex<'_>) -> Option<Self> {
        let mut plan = Self { parts: Vec::new(), requests: Vec::new(), reused: 0 };
        plan.add_other(0..file.frames.start)?;
        for (number, chunk) in file.chunks.iter().enumerate() {
            let part = match (&chunk.frame, index.find(chunk.digest)) {
                (None, _) => TarPart::Zeros(number),
                (Some(_), Some(place)) => {
                    plan.reused += chunk.len();
                    TarPart::Seed(number, place)
                }
                (Some(frame), None) => {
                    plan.add_request(frame, GAP_MAX);
                    TarPart::Layer(number)
                }
            };
            plan.parts.push(part);
        }
        plan.add_other(file.frames.end..end)?;
        plan.join_requests();
        Some(plan)
    }

    fn add_other(&mut self, range: Range<u64>) -> Option<()> {
        if range.end.checked_sub(range.start)? > OTHER_LEN_MAX {
            return None;
        }
        self.add_request(&range, GAP_MAX);
        self.parts.push(TarPart::Other(range));
        Some(())
    }

    /// Requests a range; if there is no longer gap between, together with the one before.
    fn add_request(&mut self, range: &Range<u64>, gap_max: u64) {
        match self.requests.last_mut() {
            // They are in order: the table of contents was checked.
            Some(last) if range.start.saturating_sub(last.end) <= gap_max => last.end = range.end,
            _ => self.requests.push(range.clone()),
        }
    }

    /// Joins requests with the shortest gaps between them until they are few enough.
    fn join_requests(&mut self) {
        let mut excess = self.requests.len().saturating_sub(REQUESTS_MAX);
        if excess == 0 {
            return;
        }
        let gaps = self.requests.windows(2).map(|pair| pair[1].start.saturating_sub(pair[0].end));
        let mut gaps: Vec<u64> = gaps.collect();
        let gap_max = *gaps.select_nth_unstable(excess - 1).1;
        for range in std::mem::take(&mut self.requests) {
            let count = self.requests.len();
            // Several gaps may be as long as the longest one that has to be joined.
            self.add_request(&range, if excess > 0 { gap_max } else { GAP_MAX });
            excess -= usize::from(count == self.requests.len());
        }
    }
}
