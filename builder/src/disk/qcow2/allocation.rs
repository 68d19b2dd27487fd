//! How many bytes of a qcow2 are *allocated*: its L1 table leads to L2 tables, and those to the clusters.

use std::io;

use super::entry::{CompressedCluster, ENTRY, ENTRY_LEN, OFFSET, SUBCLUSTERS, ZERO};
use super::header::Qcow2Header;
use super::regions::{L1, Region, check_aligned, check_apart};
use crate::disk::bytes::{be64, fill_part};
use crate::disk::{Fault, FlawKind, ReadAt};

/// Noun for L2 tables in messages.
const L2: &str = "an L2 table";

/// Maximum number of bytes that are read of L2 tables: enough for 512 GiB in clusters of 64 KiB.
const WALK_MAX: u64 = 64 << 20;

/// Number of bytes that are read at a time.
const CHUNK_MAX: usize = 32 << 10;

/// Counts the bytes that are allocated, and checks that they are inside the file. Returns `None` if
/// there are too many tables, or they are not available.
pub(super) fn count_allocated(
    bytes: &dyn ReadAt,
    header: &Qcow2Header,
    regions: &[Region],
) -> Result<Option<u64>, Fault> {
    let walk = AllocationWalk { bytes, header, regions };
    match walk.count_all() {
        Err(Fault::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        walked => walked,
    }
}

struct AllocationWalk<'a> {
    bytes: &'a dyn ReadAt,
    header: &'a Qcow2Header,
    regions: &'a [Region],
}

impl AllocationWalk<'_> {
    fn count_all(&self) -> Result<Option<u64>, Fault> {
        let needed = self.header.virtual_size().div_ceil(self.header.l2_reach()) * ENTRY_LEN;
        let mut space = vec![0; CHUNK_MAX];
        let mut table = vec![0; CHUNK_MAX];
        let (mut sum, mut walked) = (0, 0);
        for start in (0..needed).step_by(CHUNK_MAX) {
            let space = &mut space[..chunk_len(needed - start)];
            fill_part(self.bytes, space, self.header.l1.at + start, L1)?;
            for entry in space.chunks_exact(ENTRY) {
                let at = be64(entry, 0) & OFFSET;
                if at == 0 {
                    continue;
                }
                walked += self.header.cluster_size();
                if walked > WALK_MAX {
                    return Ok(None);
                }
                sum += self.count_l2_table(at, &mut table)?;
            }
        }
        Ok(Some(sum))
    }

    fn count_l2_table(&self, at: u64, space: &mut [u8]) -> Result<u64, Fault> {
        let cluster = self.header.cluster_size();
        check_aligned(self.header, L2, at)?;
        check_apart(self.regions, &(at..at + cluster), L2)?;
        let mut sum = 0;
        for start in (0..cluster).step_by(CHUNK_MAX) {
            let space = &mut space[..chunk_len(cluster - start)];
            fill_part(self.bytes, space, at + start, L2)?;
            let entry_len = usize::try_from(self.header.l2_entry_len()).unwrap_or(usize::MAX);
            for entry in space.chunks_exact(entry_len) {
                sum += self.count_entry(be64(entry, 0), be64(entry, 8))?;
            }
        }
        Ok(sum)
    }

    /// Returns the number of bytes that an entry has data for.
    fn count_entry(&self, entry: u64, subclusters: u64) -> Result<u64, Fault> {
        let cluster = self.header.cluster_size();
        if let Some(found) = CompressedCluster::from_entry(entry, self.header.cluster_bits) {
            return self.check_compressed(found).map(|()| cluster);
        }
        let at = entry & OFFSET;
        if at == 0 {
            return Ok(0);
        }
        if !at.is_multiple_of(cluster) {
            return Err(Fault::malformed(format!(
                "a cluster begins in the middle of another: {at}"
            )));
        }
        let zero = !self.header.has_subclusters() && entry & ZERO != 0;
        if zero {
            return Ok(0); // A cluster of zeros may have space in the file that is not used.
        }
        let data = if self.header.has_subclusters() {
            u64::from((subclusters & u64::from(u32::MAX)).count_ones()) * (cluster / SUBCLUSTERS)
        } else {
            cluster
        };
        if data > 0 {
            self.check_inside(at)?;
        }
        check_apart(self.regions, &(at..at.saturating_add(cluster)), "a cluster")?;
        Ok(data)
    }

    /// Checks that the sectors of a compressed cluster are inside the file.
    fn check_compressed(&self, found: CompressedCluster) -> Result<(), Fault> {
        self.check_inside(found.last_sector())?;
        check_apart(self.regions, &(found.at..found.at + 1), "a compressed cluster")
    }

    fn check_inside(&self, at: u64) -> Result<(), Fault> {
        if at < self.bytes.len() {
            return Ok(());
        }
        let detail = format!(
            "it ends after {} bytes, and has data at byte {at} as its tables say",
            self.bytes.len()
        );
        Err(Fault::new(FlawKind::Truncated, detail))
    }
}

/// Returns the number of bytes of a table that are read at a time.
fn chunk_len(left: u64) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK_MAX)
}
