//! A disk in a layer in *zstd:chunked*, read in any order.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::ReadAt;
use crate::inspect::chunked::{FileChunk, FileChunks};
use crate::oci::image::digest::Digest;

/// How many bytes of chunks are kept, at most as many chunks.
const KEPT_LEN: u64 = 4 << 20;
const KEPT: usize = 64;

/// A file.
pub(super) struct ChunkedFile<'a> {
    blob: Arc<dyn ReadAt + 'a>,
    file: FileChunks,
    /// Chunks by their number, the oldest first.
    kept: Mutex<VecDeque<(usize, Arc<[u8]>)>>,
}

impl<'a> ChunkedFile<'a> {
    /// Returns a file whose chunks are in a blob.
    pub(super) fn new(blob: Arc<dyn ReadAt + 'a>, file: FileChunks) -> Self {
        Self { blob, file, kept: Mutex::default() }
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
        let mut compressed = vec![0; usize::try_from(frame.end - frame.start).unwrap_or(0)];
        self.blob.read_exact_at(&mut compressed, frame.start)?;
        let mut bytes = Vec::new();
        let is_right =
            chunk.decompress(&compressed, &mut bytes) && Digest::of_bytes(&bytes) == chunk.digest;
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
        self.file.size
    }

    fn read_exact_at(&self, mut space: &mut [u8], mut at: u64) -> io::Result<()> {
        while !space.is_empty() {
            let number = self.file.chunks.partition_point(|chunk| chunk.range.end <= at);
            let chunk = self.file.chunks.get(number).ok_or(io::ErrorKind::UnexpectedEof)?;
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
