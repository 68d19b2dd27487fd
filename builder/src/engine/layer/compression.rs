//! The *compression* of a layer's blob: an algorithm and a level. Together with the format version
//! it determines the blob's bytes.

use std::fmt;

use libdeflater::CompressionLvl;

/// Version of the layer format. It increases whenever the same input and level give other bytes
/// than before: a new version of a compressor, another block length, another rule for what is
/// stored.
pub(crate) const FORMAT_VERSION: u32 = 1;

/// A compression and its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerCompression {
    /// gzip, read everywhere.
    Gzip(GzipLevel),
    /// zstd.
    Zstd(ZstdLevel),
    /// Not compressed: the blob is the tar itself.
    None,
}

/// A level of libdeflate, 1 (fastest) to 12 (smallest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GzipLevel(u8);

/// A level of libzstd, 1 (fastest) to 19 (smallest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ZstdLevel(u8);

impl Default for GzipLevel {
    /// The fastest level whose layer is no larger than those of BuildKit, podman and umoci on a
    /// qcow2 with plain clusters; docs/benchmarks.md has the figures.
    fn default() -> Self {
        Self(3)
    }
}

impl Default for ZstdLevel {
    fn default() -> Self {
        Self(3)
    }
}

impl GzipLevel {
    /// Returns the level, or nothing if it is out of range.
    pub fn new(level: u8) -> Option<Self> {
        (1..=12).contains(&level).then_some(Self(level))
    }

    pub(crate) fn libdeflate(self) -> CompressionLvl {
        CompressionLvl::new(i32::from(self.0)).unwrap_or_default()
    }
}

impl ZstdLevel {
    /// Returns the level, or nothing if it is out of range.
    pub fn new(level: u8) -> Option<Self> {
        (1..=19).contains(&level).then_some(Self(level))
    }

    pub(crate) fn libzstd(self) -> i32 {
        i32::from(self.0)
    }
}

impl Default for LayerCompression {
    fn default() -> Self {
        Self::Gzip(GzipLevel::default())
    }
}

/// Written into cache keys: `gzip-6`, `zstd-3`, `none`.
impl fmt::Display for LayerCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gzip(level) => write!(f, "gzip-{}", level.0),
            Self::Zstd(level) => write!(f, "zstd-{}", level.0),
            Self::None => f.write_str("none"),
        }
    }
}

/// Returns how many blocks can be in the pipeline at a time: one in each compressor, and some
/// before and after. Blocks for zstd are large; their number bounds the memory.
pub(crate) fn block_count(compression: LayerCompression, jobs: usize) -> usize {
    match compression {
        LayerCompression::Gzip(_) | LayerCompression::None => 2 * jobs + 16,
        LayerCompression::Zstd(_) => jobs + 1,
    }
}

/// Returns the length of the blocks that a tar is divided into, in bytes; part of the format.
pub(crate) fn block_len(compression: LayerCompression) -> usize {
    match compression {
        LayerCompression::Gzip(_) | LayerCompression::None => 1 << 20,
        LayerCompression::Zstd(_) => 8 << 20,
    }
}
