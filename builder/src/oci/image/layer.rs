//! The digests of a finished *layer*, and where the metadata of one in zstd:chunked is.

use std::collections::BTreeMap;

use super::digest::Digest;

/// A layer whose blob has been written completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishedLayer {
    /// Digest of the blob.
    pub digest: Digest,
    /// Length of the blob in bytes.
    pub size: u64,
    /// Digest of the uncompressed layer.
    pub diff_id: Digest,
    /// Location of the metadata of a layer in zstd:chunked.
    pub chunked: Option<ChunkedMetadata>,
    /// Size of the content in bytes, of a layer that is one content in no tar.
    pub content_size: Option<u64>,
}

/// Location of the metadata in a blob in zstd:chunked: the table of contents, and the headers of the tar
/// (`tar-split`), each a compressed text in a skippable frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkedMetadata {
    /// Digest of the compressed table of contents.
    pub(crate) toc_digest: Digest,
    /// Location of the table of contents.
    pub(crate) toc: MetadataPart,
    /// Location of the headers of the tar.
    pub(crate) tar_split: MetadataPart,
}

/// Location of a compressed text in a blob, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MetadataPart {
    /// Offset in the blob.
    pub(crate) offset: u64,
    /// Length of the compressed text.
    pub(crate) len: u64,
    /// Length of the text.
    pub(crate) text_len: u64,
}

const TOC_DIGEST: &str = "io.github.containers.zstd-chunked.manifest-checksum";
const TOC_POSITION: &str = "io.github.containers.zstd-chunked.manifest-position";
const TAR_SPLIT_POSITION: &str = "io.github.containers.zstd-chunked.tarsplit-position";

/// The type of the table of contents: that of CRFS, the only one there is.
pub(crate) const TOC_TYPE: u64 = 1;

impl ChunkedMetadata {
    /// Returns the annotations of the layer's descriptor by which readers find the metadata
    /// (<https://github.com/containers/storage>, `pkg/chunked`).
    pub(crate) fn annotations(&self) -> BTreeMap<String, String> {
        let MetadataPart { offset, len, text_len } = self.toc;
        let toc = format!("{offset}:{len}:{text_len}:{TOC_TYPE}");
        let MetadataPart { offset, len, text_len } = self.tar_split;
        let tar_split = format!("{offset}:{len}:{text_len}");
        [
            (TOC_DIGEST, self.toc_digest.to_string()),
            (TOC_POSITION, toc),
            (TAR_SPLIT_POSITION, tar_split),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    /// Reads the annotations of a layer's descriptor; returns nothing if it is not in
    /// zstd:chunked, or in another version of it.
    pub(crate) fn from_annotations(annotations: &BTreeMap<String, String>) -> Option<Self> {
        let numbers = |key| -> Option<Vec<u64>> {
            annotations.get(key)?.split(':').map(|number| number.parse().ok()).collect()
        };
        let &[offset, len, text_len, TOC_TYPE] = &numbers(TOC_POSITION)?[..] else { return None };
        let toc = MetadataPart { offset, len, text_len };
        let &[offset, len, text_len] = &numbers(TAR_SPLIT_POSITION)?[..] else { return None };
        let tar_split = MetadataPart { offset, len, text_len };
        let toc_digest = annotations.get(TOC_DIGEST)?.parse().ok()?;
        Some(Self { toc_digest, toc, tar_split })
    }

    /// Returns those of a layer's annotations that are about zstd:chunked.
    pub(crate) fn is_annotation(key: &str) -> bool {
        [TOC_DIGEST, TOC_POSITION, TAR_SPLIT_POSITION].contains(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_are_written_and_read() {
        let metadata = ChunkedMetadata {
            toc_digest: Digest::of_bytes(b"toc"),
            toc: MetadataPart { offset: 1, len: 2, text_len: 3 },
            tar_split: MetadataPart { offset: 4, len: 5, text_len: 6 },
        };
        let annotations = metadata.annotations();
        assert_eq!(annotations[TOC_POSITION], "1:2:3:1");
        assert_eq!(annotations[TAR_SPLIT_POSITION], "4:5:6");
        assert!(annotations.keys().all(|key| ChunkedMetadata::is_annotation(key)));
        assert_eq!(ChunkedMetadata::from_annotations(&annotations), Some(metadata));
        let check = |key: &str, value: &str| {
            let mut changed = annotations.clone();
            changed.insert(key.to_owned(), value.to_owned());
            assert_eq!(ChunkedMetadata::from_annotations(&changed), None, "{key} {value}");
        };
        check(TOC_POSITION, "1:2:3");
        check(TOC_POSITION, "1:2:3:2");
        check(TOC_POSITION, "1:2:-3:1");
        check(TAR_SPLIT_POSITION, "4:5");
        check(TOC_DIGEST, "md5:1");
    }
}
