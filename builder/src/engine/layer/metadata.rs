//! The *metadata* of a layer in zstd:chunked: skippable frames at its end, which every reader of zstd
//! passes over. They are the table of contents, from which a reader learns which parts it lacks; the headers
//! of the tar, from which it makes the same tar again; and a footer that says where both are
//! (<https://github.com/containers/storage>, `pkg/chunked`).

use std::io;

use sha256_pair::Sha256;

use super::chunked::CONTENT_CRC;
use super::contents::{ChunkedFile, FileChunk};
use super::encode::EncodedBlock;
use super::tar_split::TarSplit;
use super::toc::Toc;
use crate::oci::image::digest::Digest;
use crate::oci::image::layer::{ChunkedMetadata, MetadataPart, TOC_TYPE};
use crate::recipe::{LayerEntry, LayerEntryKind};

/// Magic number of a skippable frame, RFC 8878 section 3.1.2.
const SKIPPABLE: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

/// Last bytes of the footer.
const FOOTER_MAGIC: [u8; 8] = *b"GNUlInUx";

/// zstd level of the metadata; part of the format.
const LEVEL: i32 = 3;

/// What is known of the contents of a layer's files so far.
#[derive(Debug)]
pub(super) struct ChunkedFiles {
    contents: Vec<ChunkedFile>,
    /// Length of the blob in bytes.
    blob_len: u64,
}

impl ChunkedFiles {
    /// Returns the files of a layer of which nothing was written; it has `count` of them.
    pub(super) fn new(count: usize) -> Self {
        Self { contents: vec![ChunkedFile::default(); count], blob_len: 0 }
    }

    /// Returns the hash of a content.
    pub(super) fn content_hash(&mut self, content: usize) -> &mut Sha256 {
        &mut self.contents[content].hash
    }

    /// Adds the next block of the blob.
    pub(super) fn add(&mut self, block: &EncodedBlock) {
        for part in block.chunked() {
            let content = &mut self.contents[part.range.content];
            let len = part.range.range.len() as u64;
            content.crc = crc_fast::checksum_combine(CONTENT_CRC, content.crc, part.crc, len);
            for chunk in &part.chunks {
                content.end = self.blob_len + chunk.frame.end as u64;
                content.chunks.push(FileChunk {
                    len: chunk.len as u64,
                    digest: chunk.digest,
                    zeros: chunk.zeros,
                    offset: self.blob_len + chunk.frame.start as u64,
                });
            }
        }
        self.blob_len += block.slices().map(|piece| piece.len() as u64).sum::<u64>();
    }

    /// Returns the frames at the end of the blob, and where they are. `entries` and `mtime` are those of the layer.
    pub(super) fn into_frames(
        self,
        entries: &[LayerEntry],
        mtime: u64,
    ) -> io::Result<(Vec<u8>, ChunkedMetadata)> {
        let mut contents = self.contents.into_iter();
        let (mut toc, mut tar_split) = (Toc::new(mtime), TarSplit::new());
        for entry in entries {
            let is_file = matches!(entry.kind, LayerEntryKind::File(_));
            let content = is_file.then(|| contents.next()).flatten();
            tar_split.add(entry, content.as_ref(), mtime)?;
            toc.add(entry, content);
        }
        let mut frames = MetadataFrames { bytes: Vec::new(), blob_len: self.blob_len };
        let tar_split = tar_split.finish()?;
        let compressed = zstd::bulk::compress(&tar_split, LEVEL)?;
        let toc = toc.finish(Digest::of_bytes(&compressed))?;
        let compressed_toc = zstd::bulk::compress(&toc, LEVEL)?;
        let metadata = ChunkedMetadata {
            toc_digest: Digest::of_bytes(&compressed_toc),
            toc: frames.add(&compressed_toc, toc.len())?,
            tar_split: frames.add(&compressed, tar_split.len())?,
        };
        frames.add(&footer(&metadata), 0)?;
        Ok((frames.bytes, metadata))
    }
}

/// Skippable frames at the end of a blob.
struct MetadataFrames {
    bytes: Vec<u8>,
    /// Length of the blob without them, in bytes.
    blob_len: u64,
}

impl MetadataFrames {
    fn add(&mut self, content: &[u8], text_len: usize) -> io::Result<MetadataPart> {
        let len = u32::try_from(content.len()).map_err(io::Error::other)?;
        self.bytes.extend(SKIPPABLE);
        self.bytes.extend(len.to_le_bytes());
        let offset = self.blob_len + self.bytes.len() as u64;
        self.bytes.extend(content);
        Ok(MetadataPart { offset, len: len.into(), text_len: text_len as u64 })
    }
}

fn footer(metadata: &ChunkedMetadata) -> Vec<u8> {
    let ChunkedMetadata { toc, tar_split, .. } = metadata;
    let toc = [toc.offset, toc.len, toc.text_len, TOC_TYPE];
    let tar_split = [tar_split.offset, tar_split.len, tar_split.text_len];
    let numbers = toc.into_iter().chain(tar_split).flat_map(u64::to_le_bytes);
    numbers.chain(FOOTER_MAGIC).collect()
}
