//! Divides contents into *chunks*, whose borders depend on the bytes around them alone, so that
//! most chunks of a changed disk are those of the disk before. File systems move and keep blocks of
//! 4 KiB: borders lie between such blocks, after one whose hash has some bits that are zero. Long
//! runs of zeros are chunks of their own, which become holes on a node.

use std::ops::Range;

use super::extent::is_zero;

/// Length in bytes of the blocks between which borders lie.
const UNIT: usize = 4096;

/// Length in bytes of the parts of a content that are divided each by itself, from its start on: those of a layer that
/// are compressed side by side.
pub(crate) const PART_LEN: usize = 8 << 20;

/// Length in bytes that a chunk has on average.
const AVERAGE: usize = 64 * 1024;

/// Length in bytes from which a run of zeros is a chunk.
const ZEROS_MIN: usize = 16 * 1024;

/// Size in bytes up to which a content has chunks of [`AVERAGE`]. Those of a larger one are longer, so that
/// their number, which is that of entries of the table of contents, is limited.
const SIZE_MAX: u64 = 32 << 30;

/// A chunk of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Its bytes.
    pub(crate) range: Range<usize>,
    /// Whether it is a run of zeros.
    pub(crate) zeros: bool,
}

/// Divides a part of a content of `size` bytes into chunks; the part begins at `offset` in the content, and has
/// [`PART_LEN`] bytes at most.
pub(crate) fn split_into_chunks(bytes: &[u8], offset: u64, size: u64) -> Vec<Chunk> {
    let average = average_len(size);
    let mut splitter = ChunkSplitter { chunks: Vec::new(), start: 0, zeros: 0 };
    let mut end = 0;
    while end < bytes.len() {
        let misaligned = usize::try_from((offset + end as u64) % UNIT as u64).unwrap_or_default();
        let unit = end..bytes.len().min(end + UNIT - misaligned);
        end = unit.end;
        let block = &bytes[unit.clone()];
        if is_zero(block) {
            splitter.add_zeros(unit, 4 * average);
        } else {
            splitter.add_data(unit, 4 * average, || is_border(block, average));
        }
    }
    splitter.finish(end)
}

/// Returns the average length of the chunks of a content of `size` bytes.
fn average_len(size: u64) -> usize {
    let excess = size.div_ceil(SIZE_MAX).next_power_of_two().ilog2();
    // A chunk is never longer than a part.
    AVERAGE << excess.min(7)
}

/// Returns whether a chunk may end after this block.
fn is_border(block: &[u8], average: usize) -> bool {
    let mask = u32::try_from(average / UNIT).unwrap_or(u32::MAX) - 1;
    crc32c::crc32c(block) & mask == 0
}

/// The chunks so far, and the one that is not finished.
struct ChunkSplitter {
    chunks: Vec<Chunk>,
    /// Start of the unfinished chunk.
    start: usize,
    /// Number of zeros at the end of the unfinished chunk.
    zeros: usize,
}

impl ChunkSplitter {
    fn add_zeros(&mut self, unit: Range<usize>, longest: usize) {
        self.zeros += unit.len();
        let first = unit.end - self.zeros;
        if self.zeros >= ZEROS_MIN {
            self.cut(first, false);
        } else if unit.end - self.start >= longest {
            self.cut(unit.end, false);
        }
    }

    fn add_data(&mut self, unit: Range<usize>, longest: usize, is_border: impl FnOnce() -> bool) {
        if self.zeros >= ZEROS_MIN {
            self.cut(unit.start, true);
        }
        self.zeros = 0;
        let len = unit.end - self.start;
        if len >= longest || len >= longest / 16 && is_border() {
            self.cut(unit.end, false);
        }
    }

    /// Ends the unfinished chunk, unless it is empty.
    fn cut(&mut self, end: usize, zeros: bool) {
        if end > self.start {
            self.chunks.push(Chunk { range: self.start..end, zeros });
            self.start = end;
        }
    }

    fn finish(mut self, end: usize) -> Vec<Chunk> {
        self.cut(end, self.zeros >= ZEROS_MIN);
        self.chunks
    }
}
