//! The parts of the layer format that depend on the compression. Together with the compression, the
//! format version determines the blob's bytes.

use crate::compression::LayerCompression;
use crate::disk::chunks::PART_LEN;

/// Version of the layer format. It increases whenever the same input and level give other bytes
/// than before: a new version of a compressor, another block length, another rule for what is
/// stored.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// Returns how many blocks can be in the pipeline at a time: one in each compressor, and some
/// before and after. Blocks for zstd are large; their number bounds the memory.
pub(crate) fn block_count(compression: LayerCompression, jobs: usize) -> usize {
    match compression {
        LayerCompression::Gzip(_) | LayerCompression::None => 2 * jobs + 16,
        LayerCompression::Zstd(_) | LayerCompression::ZstdChunked(_) => jobs + 1,
    }
}

/// Returns the length of the blocks that a tar is divided into, in bytes; part of the format.
pub(crate) fn block_len(compression: LayerCompression) -> usize {
    match compression {
        LayerCompression::Gzip(_) | LayerCompression::None => 1 << 20,
        LayerCompression::Zstd(_) => 8 << 20,
        LayerCompression::ZstdChunked(_) => PART_LEN,
    }
}
