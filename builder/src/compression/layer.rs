//! The *compression of a layer*: an algorithm and a level, as specs and command lines choose them.

use std::fmt;

/// A compression and its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerCompression {
    /// gzip, read everywhere.
    Gzip(GzipLevel),
    /// zstd.
    Zstd(ZstdLevel),
    /// zstd in chunks, with an index at the end: zstd:chunked.
    ZstdChunked(ZstdLevel),
    /// Not compressed: the blob is the tar itself.
    None,
}

/// An algorithm that layers are compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerCompressionKind {
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
    /// zstd:chunked, which readers that know it fetch in part.
    ZstdChunked,
    /// None.
    None,
}

impl LayerCompressionKind {
    /// Returns the compression at a level, or at the default one; fails with the levels that exist.
    pub fn with_level(self, level: Option<u8>) -> Result<LayerCompression, &'static str> {
        let gzip = || level.map_or(Some(GzipLevel::default()), GzipLevel::new);
        let zstd = || level.map_or(Some(ZstdLevel::default()), ZstdLevel::new);
        let zstd_levels = "zstd has the levels 1 to 19";
        match self {
            Self::Gzip => gzip().map(LayerCompression::Gzip).ok_or("gzip has the levels 1 to 12"),
            Self::Zstd => zstd().map(LayerCompression::Zstd).ok_or(zstd_levels),
            Self::ZstdChunked => zstd().map(LayerCompression::ZstdChunked).ok_or(zstd_levels),
            Self::None if level.is_some() => Err("without compression there are no levels"),
            Self::None => Ok(LayerCompression::None),
        }
    }
}

impl LayerCompression {
    /// Returns the algorithm.
    #[must_use]
    pub fn kind(self) -> LayerCompressionKind {
        match self {
            Self::Gzip(_) => LayerCompressionKind::Gzip,
            Self::Zstd(_) => LayerCompressionKind::Zstd,
            Self::ZstdChunked(_) => LayerCompressionKind::ZstdChunked,
            Self::None => LayerCompressionKind::None,
        }
    }

    /// Returns the level, if there are levels.
    #[must_use]
    pub fn level(self) -> Option<u8> {
        match self {
            Self::Gzip(level) => Some(level.get()),
            Self::Zstd(level) | Self::ZstdChunked(level) => Some(level.get()),
            Self::None => None,
        }
    }
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

    /// Returns the level.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl ZstdLevel {
    /// Returns the level, or nothing if it is out of range.
    pub fn new(level: u8) -> Option<Self> {
        (1..=19).contains(&level).then_some(Self(level))
    }

    /// Returns the level.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for LayerCompression {
    fn default() -> Self {
        Self::Gzip(GzipLevel::default())
    }
}

/// Written into cache keys: `gzip-6`, `zstd-3`, `zstd:chunked-3`, `none`.
impl fmt::Display for LayerCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gzip(level) => write!(f, "gzip-{}", level.0),
            Self::Zstd(level) => write!(f, "zstd-{}", level.0),
            Self::ZstdChunked(level) => write!(f, "zstd:chunked-{}", level.0),
            Self::None => f.write_str("none"),
        }
    }
}
