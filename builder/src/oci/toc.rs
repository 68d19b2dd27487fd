//! The *table of contents* of a layer in zstd:chunked, which lists its files and their chunks. A table is
//! untrusted: one that is damaged or too long counts as missing.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::ops::Range;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::image::descriptor::Descriptor;
use super::image::digest::Digest;
use super::image::layer::ChunkedMetadata;
use super::images::Images;

/// Length in bytes of the longest table of contents that is read: that of a disk with 20 GiB of data.
const TOC_LEN_MAX: u64 = 64 << 20;

/// Number of entries of the longest table that is read: twice as many as such a disk has chunks. An entry takes about
/// 200 bytes of memory, whatever the length of its text.
const ENTRIES_MAX: usize = 1 << 19;

/// A table of contents.
#[derive(Deserialize)]
pub(crate) struct Toc<'a> {
    #[serde(borrow, deserialize_with = "read_entries")]
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

/// Reads the entries; too many are an error.
fn read_entries<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<TocEntry<'de>>, D::Error> {
    deserializer.deserialize_seq(EntriesVisitor)
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Vec<TocEntry<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {ENTRIES_MAX} entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = sequence.next_element()? {
            if entries.len() == ENTRIES_MAX {
                return Err(A::Error::invalid_length(ENTRIES_MAX + 1, &self));
            }
            entries.push(entry);
        }
        Ok(entries)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_with_too_many_entries_are_not_read() {
        let table = |count: usize| {
            let entries = vec![r#"{"type":""}"#; count].join(",");
            format!(r#"{{"version":1,"entries":[{entries}]}}"#)
        };
        let read = |count: usize| Toc::parse(table(count).as_bytes()).map(|toc| toc.entries.len());
        assert_eq!(read(0), Some(0));
        assert_eq!(read(ENTRIES_MAX), Some(ENTRIES_MAX));
        assert_eq!(read(ENTRIES_MAX + 1), None);
    }
}
