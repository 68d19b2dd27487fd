//! `--compression` and its level.

use clap::ValueEnum;
use diskette_builder::engine::layer::compression::{GzipLevel, LayerCompression, ZstdLevel};
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::error::CommandError;

/// A value of `--compression`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompressionKind {
    /// Supported by all tools
    Gzip,
    /// Smaller and faster; images built by diskette work with every version of CDI
    Zstd,
    /// No compression
    None,
}

impl CompressionKind {
    /// Returns the compression at a level.
    pub(crate) fn compression(self, level: Option<u8>) -> Result<LayerCompression, CommandError> {
        let (compression, range) = match (self, level) {
            (Self::Gzip, None) => (Some(LayerCompression::Gzip(GzipLevel::default())), ""),
            (Self::Zstd, None) => (Some(LayerCompression::Zstd(ZstdLevel::default())), ""),
            (Self::None, None) => (Some(LayerCompression::None), ""),
            (Self::Gzip, Some(level)) => {
                (GzipLevel::new(level).map(LayerCompression::Gzip), "gzip has the levels 1 to 12")
            }
            (Self::Zstd, Some(level)) => {
                (ZstdLevel::new(level).map(LayerCompression::Zstd), "zstd has the levels 1 to 19")
            }
            (Self::None, Some(_)) => (None, "without compression there are no levels"),
        };
        compression.ok_or_else(|| {
            let level = level.unwrap_or_default();
            let message = format!("unknown compression level {level}");
            CommandError::Usage(Diagnostic::new(message).help(range))
        })
    }
}
