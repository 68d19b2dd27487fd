//! The *map* of a qcow2 file: its L1 table leads to L2 tables, and those to the clusters.

use std::io;

use super::check::{Region, apart, flaw};
use super::header::{Header, malformed};
use crate::disk::bytes::{Fault, be64, fill};
use crate::disk::{FlawKind, ReadAt};

/// Bits of entries, as in `docs/interop/qcow2.rst`.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
const ZERO: u64 = 1;

/// How much is read of L2 tables, in bytes: enough for 512 GiB in clusters of 64 KiB.
const WALK_MAX: u64 = 64 << 20;

/// How much is read at a time, in bytes.
const STEP: usize = 32 << 10;

/// Counts the bytes that are allocated, and checks on the way that they lie in the file. Nothing if
/// there are too many tables to look at, or they are not to be had.
pub(super) fn allocated(
    bytes: &dyn ReadAt,
    header: &Header,
    regions: &[Region],
) -> Result<Option<u64>, Fault> {
    let walk = Walk { bytes, header, regions };
    match walk.all() {
        Err(Fault::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        walked => walked,
    }
}

struct Walk<'a> {
    bytes: &'a dyn ReadAt,
    header: &'a Header,
    regions: &'a [Region],
}

impl Walk<'_> {
    fn all(&self) -> Result<Option<u64>, Fault> {
        let needed = self.header.virtual_size().div_ceil(self.header.l2_reach()) * 8;
        let mut space = vec![0; STEP];
        let mut table = vec![0; STEP];
        let (mut sum, mut walked) = (0, 0);
        for start in (0..needed).step_by(STEP) {
            let space = &mut space[..step(needed - start)];
            fill(self.bytes, space, self.header.l1.at + start, "its L1 table")?;
            for entry in space.chunks_exact(8) {
                let at = be64(entry, 0) & OFFSET;
                if at == 0 {
                    continue;
                }
                walked += self.header.cluster_size();
                if walked > WALK_MAX {
                    return Ok(None);
                }
                sum += self.l2_table(at, &mut table)?;
            }
        }
        Ok(Some(sum))
    }

    fn l2_table(&self, at: u64, space: &mut [u8]) -> Result<u64, Fault> {
        let cluster = self.header.cluster_size();
        if !at.is_multiple_of(cluster) {
            return Err(malformed(format!("an L2 table does not begin with a cluster: {at}")));
        }
        apart(self.regions, &(at..at + cluster), "an L2 table")?;
        let mut sum = 0;
        for start in (0..cluster).step_by(STEP) {
            let space = &mut space[..step(cluster - start)];
            fill(self.bytes, space, at + start, "an L2 table")?;
            let entry_len = usize::from(self.header.has_subclusters()) * 8 + 8;
            for entry in space.chunks_exact(entry_len) {
                sum += self.entry(be64(entry, 0), be64(entry, 8))?;
            }
        }
        Ok(sum)
    }

    /// Returns how many bytes an entry has data for.
    fn entry(&self, entry: u64, subclusters: u64) -> Result<u64, Fault> {
        let cluster = self.header.cluster_size();
        if entry & COMPRESSED != 0 {
            return self.compressed(entry).map(|()| cluster);
        }
        let at = entry & OFFSET;
        if at == 0 {
            return Ok(0);
        }
        if !at.is_multiple_of(cluster) {
            return Err(malformed(format!("a cluster begins in the middle of another: {at}")));
        }
        let zero = !self.header.has_subclusters() && entry & ZERO != 0;
        if zero {
            return Ok(0); // It may have a place in the file without being in it.
        }
        let data = if self.header.has_subclusters() {
            u64::from((subclusters & u64::from(u32::MAX)).count_ones()) * (cluster / 32)
        } else {
            cluster
        };
        if data > 0 {
            self.there(at)?;
        }
        apart(self.regions, &(at..at.saturating_add(cluster)), "a cluster")?;
        Ok(data)
    }

    /// Checks that the sectors of a compressed cluster lie in the file.
    fn compressed(&self, entry: u64) -> Result<(), Fault> {
        let bits = 62 - (self.header.cluster_bits - 8);
        let at = entry & ((1 << bits) - 1);
        let more = (entry & (COMPRESSED - 1)) >> bits;
        self.there((at & !511).saturating_add(more * 512))?;
        let end = at + 1;
        apart(self.regions, &(at..end), "a compressed cluster")
    }

    fn there(&self, at: u64) -> Result<(), Fault> {
        if at < self.bytes.len() {
            return Ok(());
        }
        let detail = format!(
            "it ends after {} bytes, and has data at byte {at} as its tables say",
            self.bytes.len()
        );
        Err(flaw(FlawKind::Truncated, detail).into())
    }
}

/// Returns how much of a table is read at a time.
fn step(left: u64) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(STEP)
}
