//! `--compression` and its level.

use clap::ValueEnum;
use diskette_builder::compression::{LayerCompression, LayerCompressionKind};
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::error::CommandError;

/// A value of `--compression`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompressionKind {
    /// Supported by all tools
    Gzip,
    /// Smaller and faster; images built by diskette work with every version of CDI
    Zstd,
    /// zstd in chunks: podman and CRI-O fetch only those that they lack
    #[value(name = "zstd:chunked")]
    ZstdChunked,
    /// No compression
    None,
}

/// What the command line says of the compression of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CompressionChoice {
    pub(crate) kind: Option<CompressionKind>,
    pub(crate) level: Option<u8>,
}

impl CompressionChoice {
    /// Returns the compression of layers whose recipe has another one.
    pub(crate) fn apply(self, own: LayerCompression) -> Result<LayerCompression, CommandError> {
        let (kind, level) = match (self.kind, self.level) {
            (None, None) => return Ok(own),
            (None, level) => (own.kind(), level),
            (Some(CompressionKind::Gzip), level) => (LayerCompressionKind::Gzip, level),
            (Some(CompressionKind::Zstd), level) => (LayerCompressionKind::Zstd, level),
            (Some(CompressionKind::ZstdChunked), level) => {
                (LayerCompressionKind::ZstdChunked, level)
            }
            (Some(CompressionKind::None), level) => (LayerCompressionKind::None, level),
        };
        kind.with_level(level).map_err(|levels| {
            let message = format!("unknown compression level {}", level.unwrap_or_default());
            CommandError::Usage(Diagnostic::new(message).help(levels))
        })
    }
}
