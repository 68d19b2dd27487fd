//! What the table of contents of a layer in *zstd:chunked* says: the entries of the layer, and the chunks of its disk, which
//! are compressed each by itself and have digests. A table that contradicts itself counts as missing.

use std::ops::Range;

use crate::cluster::contract::{cdi_takes, is_relevant};
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::image::layer::ChunkedMetadata;
use crate::oci::images::Images;
use crate::oci::tar::{ExtendedAttributes, NamePrefix, TarEntry, TarEntryKind};
use crate::oci::toc::{Toc, TocEntry, read_toc};

/// Length in bytes of the longest chunk; writers make chunks of some 64 KiB.
const CHUNK_MAX: u64 = 4 << 20;

/// The binary logarithm of how many bytes zstd makes of one at most: a block of 4 bytes stands for 128 KiB.
const RATIO_MAX: u32 = 15;

/// Length in bytes of the header of a skippable frame (RFC 8878, 3.1.2), in which the table is.
const SKIPPABLE_HEADER_LEN: u64 = 8;

/// A layer in zstd:chunked.
pub(super) struct ChunkedLayer {
    /// The entries that decide which file is the disk.
    pub(super) entries: Vec<TarEntry>,
    /// The disk, if it is in this layer.
    pub(super) disk: Option<FileChunks>,
    /// Offset behind the compressed tar in the blob.
    pub(super) tar_end: u64,
    /// Length in bytes of the table of contents.
    pub(super) toc_len: u64,
}

/// A file in a layer.
pub(super) struct FileChunks {
    /// Its chunks, in order: each begins where the one before ends, in the file, or there or behind it in the blob.
    pub(super) chunks: Vec<FileChunk>,
    /// Its length in bytes.
    pub(super) size: u64,
    /// Its compressed bytes in the blob, with those of zeros.
    pub(super) frames: Range<u64>,
}

/// A chunk of a file.
pub(super) struct FileChunk {
    /// Its bytes in the file.
    pub(super) range: Range<u64>,
    /// Its compressed bytes in the blob; `None` if it has only zeros.
    pub(super) frame: Option<Range<u64>>,
    pub(super) digest: Digest,
}

/// Reads the table of contents of a layer; `None` if it has none that can be used.
pub(super) fn read_chunked_layer(images: &dyn Images, layer: &Descriptor) -> Option<ChunkedLayer> {
    let metadata = ChunkedMetadata::from_annotations(&layer.annotations)?;
    let text = read_toc(images, layer, &metadata)?;
    let toc = Toc::parse(&text)?;
    let (mut entries, mut disk) = (Vec::new(), None);
    for (number, entry) in toc.entries.iter().enumerate() {
        let Some(entry) = tar_entry(entry).filter(|entry| is_relevant(&entry.path)) else {
            continue;
        };
        if cdi_takes(&entry) && entry.kind == TarEntryKind::File {
            disk = Some(FileChunks::new(&toc, number, metadata.toc.offset)?);
        }
        entries.push(entry);
    }
    let tar_end = metadata.toc.offset.checked_sub(SKIPPABLE_HEADER_LEN)?;
    Some(ChunkedLayer { entries, disk, tar_end, toc_len: metadata.toc.len })
}

/// Returns the entry of the tar that an entry of the table stands for.
fn tar_entry(entry: &TocEntry<'_>) -> Option<TarEntry> {
    let parts = |name: &str| {
        let parts = name.split('/').filter(|part| !matches!(*part, "" | "."));
        parts.map(str::to_owned).collect::<Vec<_>>().join("/")
    };
    let kind = match &*entry.kind {
        "reg" => TarEntryKind::File,
        "dir" => TarEntryKind::Directory,
        "symlink" => TarEntryKind::Symlink(entry.link_name.clone().into_owned()),
        "hardlink" => TarEntryKind::Hardlink(parts(&entry.link_name)),
        "char" => TarEntryKind::Character { major: 0, minor: 0 },
        "block" => TarEntryKind::Block { major: 0, minor: 0 },
        "fifo" => TarEntryKind::Fifo,
        _ => return None,
    };
    Some(TarEntry {
        path: parts(&entry.name),
        kind,
        mode: entry.mode,
        uid: 0,
        gid: 0,
        offset: entry.offset,
        size: entry.size,
        lead: NamePrefix::default(),
        xattrs: ExtendedAttributes::default(),
    })
}

impl FileChunks {
    /// Returns the file of an entry of the table, whose chunks end before `end` in the blob; `None` if the table
    /// contradicts itself.
    fn new(toc: &Toc<'_>, number: usize, end: u64) -> Option<Self> {
        let first = toc.entries.get(number)?;
        let (size, end) = (first.size, first.end_offset.min(end));
        let more = toc.entries.get(number + 1..)?.iter().take_while(|it| it.kind == "chunk");
        let all: Vec<&TocEntry<'_>> = std::iter::once(first).chain(more).collect();
        let mut chunks: Vec<FileChunk> = Vec::new();
        for (number, chunk) in all.iter().enumerate() {
            let start = chunks.last().map_or(0, |last| last.range.end);
            let frame = chunk.offset..all.get(number + 1).map_or(end, |next| next.offset);
            if chunk.chunk_offset != start || frame.end > end {
                return None;
            }
            chunks.push(FileChunk::new(chunk, start, size, frame)?);
        }
        let is_whole = chunks.last().is_some_and(|last| last.range.end == size);
        is_whole.then_some(Self { chunks, size, frames: first.offset..end })
    }
}

impl FileChunk {
    /// Returns a chunk that begins at `start` in a file of `size` bytes.
    fn new(entry: &TocEntry<'_>, start: u64, size: u64, frame: Range<u64>) -> Option<Self> {
        let end = match entry.chunk_size {
            0 => size,
            len => start.checked_add(len).filter(|end| *end <= size)?,
        };
        let (len, frame_len) = (end - start, frame.end.checked_sub(frame.start)?);
        let is_zero = entry.chunk_type.as_deref() == Some("zeros");
        let is_possible = frame_len <= 2 * CHUNK_MAX
            && len >> RATIO_MAX <= frame_len
            && (is_zero || len <= CHUNK_MAX);
        let digest = entry.chunk_digest.as_ref().or(entry.digest.as_ref())?.parse().ok()?;
        let frame = (!is_zero).then_some(frame);
        is_possible.then_some(Self { range: start..end, frame, digest })
    }

    /// Returns its length in bytes.
    pub(super) fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Decompresses its frame, which has to decompress to exactly as many bytes as it has. Its digest is not checked.
    pub(super) fn decompress(&self, frame: &[u8], content: &mut Vec<u8>) -> bool {
        content.resize(usize::try_from(self.len()).unwrap_or(0), 0);
        let count = zstd::bulk::decompress_to_buffer(frame, &mut content[..]);
        count.is_ok_and(|count| count == content.len())
    }
}
