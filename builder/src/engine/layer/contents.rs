//! Which parts of a block are *contents* of files, and what encoding them found: the
//! metadata of a layer in zstd:chunked (see [`super::metadata`]) is made from it.

use std::ops::Range;

use sha256_pair::Sha256;

use crate::oci::image::digest::Digest;

/// A part of a block that is a part of a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContentRange {
    /// Its bytes in the block.
    pub(crate) range: Range<usize>,
    /// Number of the content among those of the layer.
    pub(crate) content: usize,
    /// Offset in the content, in bytes.
    pub(crate) offset: u64,
    /// Size of the whole content in bytes.
    pub(crate) size: u64,
}

/// A part of a file's content in chunks.
#[derive(Debug, Clone)]
pub(crate) struct ChunkedPart {
    /// The bytes of the block that it is.
    pub(crate) range: ContentRange,
    /// CRC-64 of the bytes, as tar-split uses it.
    pub(crate) crc: u64,
    /// The chunks, in order.
    pub(crate) chunks: Vec<EncodedChunk>,
}

/// A chunk whose frame was written.
#[derive(Debug, Clone)]
pub(crate) struct EncodedChunk {
    /// Length of the content in bytes.
    pub(crate) len: usize,
    /// Digest of the content.
    pub(crate) digest: Digest,
    /// Whether the content is only zeros.
    pub(crate) zeros: bool,
    /// Its frame in the encoded block.
    pub(crate) frame: Range<usize>,
}

/// The content of a file, so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChunkedFile {
    /// Its digest.
    pub(crate) hash: Sha256,
    /// Its CRC-64.
    pub(crate) crc: u64,
    /// Its chunks, in order.
    pub(crate) chunks: Vec<FileChunk>,
    /// End of its last frame in the blob.
    pub(crate) end: u64,
}

/// A chunk of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileChunk {
    /// Length of the content in bytes.
    pub(crate) len: u64,
    /// Digest of the content.
    pub(crate) digest: Digest,
    /// Whether the content is only zeros.
    pub(crate) zeros: bool,
    /// Offset of its frame in the blob.
    pub(crate) offset: u64,
}
