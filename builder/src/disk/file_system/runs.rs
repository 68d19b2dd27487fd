//! *Runs* of blocks: parts of a file that are adjacent on the volume, too.

use super::limits::LimitedVolume;
use crate::disk::Fault;
use crate::disk::bytes::fill_part;

/// Blocks of a file that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockRun {
    /// Offset of the first one in the volume, in bytes; `None` if they are not stored and read as zeros.
    pub(super) at: Option<u64>,
    /// How many they are; at least one.
    pub(super) count: u64,
}

impl BlockRun {
    /// Returns blocks that are not stored.
    pub(super) fn hole(count: u64) -> Self {
        Self { at: None, count: count.max(1) }
    }
}

/// Fills `space` with the bytes of a file from `at` on. `find` returns the block with an index, and those that
/// follow it.
pub(super) fn read_runs(
    volume: &LimitedVolume<'_>,
    block_len: u64,
    mut space: &mut [u8],
    mut at: u64,
    find: &dyn Fn(u64) -> Result<BlockRun, Fault>,
) -> Result<(), Fault> {
    while !space.is_empty() {
        let (index, skip) = (at / block_len, at % block_len);
        let BlockRun { at: start, count } = find(index)?;
        let len = count.max(1).saturating_mul(block_len) - skip;
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(space.len());
        let (part, rest) = space.split_at_mut(len);
        match start {
            Some(start) => {
                fill_part(volume, part, start.saturating_add(skip), "a block of a file")?;
            }
            None => part.fill(0),
        }
        (space, at) = (rest, at.saturating_add(len as u64));
    }
    Ok(())
}
