//! A file in a layer in *zstd:chunked*: chunks that are compressed each by itself, and listed with their digests
//! in the layer's table of contents.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::ReadAt;
use crate::oci::image::digest::Digest;
use crate::oci::tar::{ExtendedAttributes, NamePrefix, TarEntry, TarEntryKind};
use crate::oci::toc::{Toc, TocEntry};

/// Length in bytes of the longest chunk; writers make chunks of some 64 KiB.
const CHUNK_MAX: u64 = 4 << 20;

/// How many bytes of chunks are kept, at most as many chunks.
const KEPT_LEN: u64 = 4 << 20;
const KEPT: usize = 64;

/// A chunk of a file.
struct FileChunk {
    /// Its bytes in the file.
    range: Range<u64>,
    /// Its compressed bytes in the blob; `None` if it has only zeros.
    frame: Option<Range<u64>>,
    digest: Digest,
}

/// A file.
pub(super) struct ChunkedFile<'a> {
    blob: Arc<dyn ReadAt + 'a>,
    chunks: Vec<FileChunk>,
    size: u64,
    /// Chunks by their number, the oldest first.
    kept: Mutex<VecDeque<(usize, Arc<[u8]>)>>,
}

/// Lists the entries of a layer, each with the number of its entry in the table.
pub(super) fn list_entries(toc: &Toc<'_>) -> Vec<(usize, TarEntry)> {
    let entries = toc.entries.iter().enumerate();
    entries.filter_map(|(number, entry)| Some((number, tar_entry(entry)?))).collect()
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

impl<'a> ChunkedFile<'a> {
    /// Opens the file of an entry of the table, whose chunks end before `end` in the blob; `None` if the table
    /// contradicts itself.
    pub(super) fn open(
        blob: Arc<dyn ReadAt + 'a>,
        toc: &Toc<'_>,
        number: usize,
        end: u64,
    ) -> Option<Self> {
        let first = toc.entries.get(number)?;
        let (size, end) = (first.size, first.end_offset.min(end));
        let more = toc.entries.get(number + 1..)?.iter().take_while(|it| it.kind == "chunk");
        let all: Vec<&TocEntry<'_>> = std::iter::once(first).chain(more).collect();
        let mut chunks: Vec<FileChunk> = Vec::new();
        for (number, chunk) in all.iter().enumerate() {
            let next = all.get(number + 1);
            let start = chunks.last().map_or(0, |last| last.range.end);
            let chunk_end = match chunk.chunk_size {
                0 => size,
                len => start.checked_add(len)?,
            };
            let frame = chunk.offset..next.map_or(end, |next| next.offset);
            let is_valid = chunk.chunk_offset == start
                && chunk_end <= size
                && frame.end <= end
                && frame.end.checked_sub(frame.start)? <= 2 * CHUNK_MAX;
            let is_zero = chunk.chunk_type.as_deref() == Some("zeros");
            if !is_valid || (!is_zero && chunk_end - start > CHUNK_MAX) {
                return None;
            }
            let digest = chunk.chunk_digest.as_ref().or(chunk.digest.as_ref())?.parse().ok()?;
            let frame = (!is_zero).then_some(frame);
            chunks.push(FileChunk { range: start..chunk_end, frame, digest });
        }
        let is_whole = chunks.last().is_some_and(|last| last.range.end == size);
        is_whole.then_some(Self { blob, chunks, size, kept: Mutex::default() })
    }

    /// Returns the content of a chunk, which is checked.
    fn content(
        &self,
        number: usize,
        chunk: &FileChunk,
        frame: &Range<u64>,
    ) -> io::Result<Arc<[u8]>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = kept.iter().find(|(known, _)| *known == number) {
            return Ok(Arc::clone(bytes));
        }
        let len = |range: &Range<u64>| usize::try_from(range.end - range.start).unwrap_or(0);
        let mut compressed = vec![0; len(frame)];
        self.blob.read_exact_at(&mut compressed, frame.start)?;
        let mut bytes = vec![0; len(&chunk.range)];
        let count = zstd::bulk::decompress_to_buffer(&compressed, &mut bytes[..]);
        let is_right = count.is_ok_and(|count| count == bytes.len())
            && Digest::of_bytes(&bytes) == chunk.digest;
        if !is_right {
            let start = frame.start;
            let message = format!("the chunk at byte {start} of the layer has another digest");
            return Err(io::Error::other(message));
        }
        let bytes: Arc<[u8]> = bytes.into();
        kept.push_back((number, Arc::clone(&bytes)));
        let mut sum: u64 = kept.iter().map(|(_, bytes)| ReadAt::len(&**bytes)).sum();
        while (sum > KEPT_LEN || kept.len() > KEPT)
            && kept.len() > 1
            && let Some((_, oldest)) = kept.pop_front()
        {
            sum -= ReadAt::len(&*oldest);
        }
        Ok(bytes)
    }
}

impl ReadAt for ChunkedFile<'_> {
    fn len(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, mut space: &mut [u8], mut at: u64) -> io::Result<()> {
        while !space.is_empty() {
            let number = self.chunks.partition_point(|chunk| chunk.range.end <= at);
            let chunk = self.chunks.get(number).ok_or(io::ErrorKind::UnexpectedEof)?;
            let left = usize::try_from(chunk.range.end - at).unwrap_or(usize::MAX);
            let (now, later) = space.split_at_mut(left.min(space.len()));
            match &chunk.frame {
                None => now.fill(0),
                Some(frame) => {
                    let content = self.content(number, chunk, frame)?;
                    let skip = usize::try_from(at - chunk.range.start).unwrap_or(0);
                    now.copy_from_slice(&content[skip..skip + now.len()]);
                }
            }
            at += now.len() as u64;
            space = later;
        }
        Ok(())
    }
}
