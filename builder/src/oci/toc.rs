//! The *table of contents* of a layer in zstd:chunked, which lists its files and their chunks. A table is
//! untrusted: one that is damaged or too long counts as missing.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use serde::Deserialize;

use super::image::descriptor::Descriptor;
use super::image::digest::Digest;
use super::image::layer::ChunkedMetadata;
use super::images::Images;

/// Length in bytes of the longest table of contents that is read: that of a disk with 20 GiB of data.
const TOC_LEN_MAX: u64 = 64 << 20;

/// A table of contents.
#[derive(Deserialize)]
pub(crate) struct Toc<'a> {
    #[serde(borrow)]
    pub(crate) entries: Vec<TocEntry<'a>>,
}

/// An entry of the tar, or a chunk of the file in front of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TocEntry<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(crate) name: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(crate) link_name: Cow<'a, str>,
    #[serde(default)]
    pub(crate) mode: u32,
    /// Length of a file in bytes.
    #[serde(default)]
    pub(crate) size: u64,
    /// Digest of a whole file.
    #[serde(default, borrow)]
    pub(crate) digest: Option<Cow<'a, str>>,
    /// Digest of a chunk, if it is not the whole file.
    #[serde(default, borrow)]
    pub(crate) chunk_digest: Option<Cow<'a, str>>,
    /// Offset of a chunk in its file, and its length; 0 for the rest of the file.
    #[serde(default)]
    pub(crate) chunk_offset: u64,
    #[serde(default)]
    pub(crate) chunk_size: u64,
    /// `zeros` for a chunk that has only zeros.
    #[serde(default, borrow)]
    pub(crate) chunk_type: Option<Cow<'a, str>>,
    /// Offset of the compressed chunk in the blob.
    #[serde(default)]
    pub(crate) offset: u64,
    /// Offset behind the last chunk of a file.
    #[serde(default)]
    pub(crate) end_offset: u64,
}

impl<'a> Toc<'a> {
    /// Parses the text of a table.
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }
}

/// Reads the text of a layer's table, and checks it against the digest in the manifest. Where the whole layer
/// would be transferred for it, there is none.
pub(crate) fn read_toc(
    images: &dyn Images,
    layer: &Descriptor,
    metadata: &ChunkedMetadata,
) -> Option<Vec<u8>> {
    let part = toc_part(layer.size, metadata)?;
    let reader = images.open_exact_part(layer.digest, layer.size, part).ok()?;
    let mut compressed = Vec::new();
    reader.take(metadata.toc.len).read_to_end(&mut compressed).ok()?;
    decompress_toc(&compressed, metadata)
}

/// Returns where the compressed table of a layer of `size` bytes is; none if it is too long to be read.
pub(crate) fn toc_part(size: u64, metadata: &ChunkedMetadata) -> Option<Range<u64>> {
    let toc = metadata.toc;
    let end = toc.offset.checked_add(toc.len).filter(|end| *end <= size)?;
    (toc.len <= TOC_LEN_MAX && toc.text_len <= TOC_LEN_MAX).then_some(toc.offset..end)
}

/// Returns the text of a compressed table, if that has the digest in the manifest.
pub(crate) fn decompress_toc(compressed: &[u8], metadata: &ChunkedMetadata) -> Option<Vec<u8>> {
    if Digest::of_bytes(compressed) != metadata.toc_digest {
        return None;
    }
    let decoder = zstd::stream::read::Decoder::with_buffer(compressed).ok()?;
    let mut text = Vec::new();
    decoder.take(metadata.toc.text_len).read_to_end(&mut text).ok()?;
    Some(text)
}
