//! A *content* is the bytes of one file of a layer, read once, from front to back.

use thiserror::Error;

use super::SourceError;

/// The bytes of one file of a layer.
pub(crate) trait SourceContent: Send {
    /// Returns its size in bytes.
    fn size(&self) -> u64;

    /// Fills `space` with the next bytes.
    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), ContentError>;

    /// Returns how many of the next bytes are known to be zeros without reading them.
    fn hole_len(&mut self) -> Result<u64, ContentError>;

    /// Skips bytes of a hole.
    fn skip_hole(&mut self, count: u64);

    /// Checks, after the last byte, that the content is complete and has its checksum.
    fn finish(&mut self) -> Result<(), ContentError>;
}

/// Why a content cannot be read.
#[derive(Debug, Error)]
pub(crate) enum ContentError {
    /// Its size is unknown, or is not the one that its compression declares. The tar header in front
    /// of it needs the size: [`measure`](super::Source::measure) the source, then read it again.
    #[error("the size has to be measured first")]
    Unmeasured,
    /// The source cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Where the size of a content is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SizeOrigin {
    /// The size is that of the file, or was measured.
    Known,
    /// The compression declares it, which need not be right: gzip has the size of its last member.
    Declared,
}
