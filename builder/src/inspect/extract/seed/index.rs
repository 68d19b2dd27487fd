//! The *index* of seeds: where in them the chunks of a disk are. It has an entry of about 100 bytes for each chunk that the
//! table of contents lists, however large the seeds are.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::chunks::{PART_LEN, split_into_chunks};
use crate::disk::{Extent, ExtentKind, ReadAt};
use crate::inspect::chunked::{FileChunk, FileChunks};
use crate::oci::hashing::digests_of;
use crate::oci::image::digest::Digest;
use crate::oci::parallel::in_parallel;
use crate::oci::progress::Progress;

/// How many parts of seeds are read at a time.
const THREADS: usize = 4;

/// How much of a seed is read: so many times the length of the disk. The file that is replaced may be a large one that has
/// nothing to do with it.
const SEED_TIMES_MAX: u64 = 4;

/// How many chunks are looked for at a time where the disk has them.
const BATCH: usize = 64;

/// The location of a chunk in a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeedPlace {
    /// Number of the seed.
    pub(super) seed: usize,
    /// Offset in the seed.
    pub(super) at: u64,
}

/// The chunks of a disk that seeds have.
pub(super) struct SeedIndex<'s> {
    seeds: &'s [Arc<dyn ReadAt>],
    /// The location of every chunk of the disk with data, once it is known.
    places: Mutex<HashMap<Digest, Option<SeedPlace>>>,
}

/// The user wants to stop.
struct Cancelled;

impl<'s> SeedIndex<'s> {
    /// Returns how much of the seeds is read to find chunks of a disk of this size, in bytes.
    pub(super) fn read_len(seeds: &[Arc<dyn ReadAt>], size: u64) -> u64 {
        let longest = size.saturating_mul(SEED_TIMES_MAX);
        seeds.iter().map(|seed| seed.len().min(longest)).fold(0, u64::saturating_add)
    }

    /// Reads the seeds; the progress is that of the layer with this number. What cannot be read of them has no chunks,
    /// and so has what is left when the user wants to stop.
    pub(super) fn new(
        seeds: &'s [Arc<dyn ReadAt>],
        file: &FileChunks,
        number: usize,
        progress: &dyn Progress,
    ) -> Self {
        let wanted = file.chunks.iter().filter(|chunk| chunk.frame.is_some());
        let places = wanted.map(|chunk| (chunk.digest, None)).collect();
        let index = Self { seeds, places: Mutex::new(places) };
        // A cancelled index is not used.
        if index.add_divided(file.size, number, progress).is_ok() && index.is_mostly_missing(file) {
            drop(index.add_unmoved(file, progress));
        }
        index
    }

    /// Divides the seeds as [`split_into_chunks`] divides the disk, and so finds chunks wherever they are.
    fn add_divided(
        &self,
        size: u64,
        number: usize,
        progress: &dyn Progress,
    ) -> Result<(), Cancelled> {
        let longest = size.saturating_mul(SEED_TIMES_MAX);
        let parts = self.seeds.iter().enumerate().flat_map(|(seed, bytes)| {
            let starts = (0..bytes.len().min(longest)).step_by(PART_LEN);
            starts.map(move |at| SeedPlace { seed, at })
        });
        let parts: Vec<SeedPlace> = parts.collect();
        in_parallel(&parts, THREADS, |_, part| {
            if progress.is_cancelled() {
                return Err(Cancelled);
            }
            let len = (self.seeds[part.seed].len() - part.at).min(PART_LEN as u64);
            self.add_part(*part, len, size);
            if progress.advance(number, len).is_break() { Err(Cancelled) } else { Ok(()) }
        })
        .map(drop)
    }

    fn add_part(&self, part: SeedPlace, len: u64, size: u64) {
        let seed = &self.seeds[part.seed];
        let is_hole = |extent: Extent| extent.kind == ExtentKind::Zero && extent.len >= len;
        let mut bytes = Vec::new();
        if seed.extent(part.at).is_ok_and(is_hole)
            || read_seed(self.seeds, part, len, &mut bytes).is_err()
        {
            return;
        }
        let mut chunks = split_into_chunks(&bytes, part.at, size);
        chunks.retain(|chunk| !chunk.zeros);
        let digests = digests_of(chunks.iter().map(|chunk| &bytes[chunk.range.clone()]));
        let found = digests.into_iter().zip(&chunks).map(|(digest, chunk)| {
            (digest, SeedPlace { at: part.at + chunk.range.start as u64, ..part })
        });
        self.add(found.collect());
    }

    /// Looks for chunks that are not found where the disk has them: tools divide disks in other ways, too.
    fn add_unmoved(&self, file: &FileChunks, progress: &dyn Progress) -> Result<(), Cancelled> {
        let missing =
            |chunk: &&FileChunk| chunk.frame.is_some() && self.find(chunk.digest).is_none();
        let missing: Vec<&FileChunk> = file.chunks.iter().filter(missing).collect();
        let batches: Vec<&[&FileChunk]> = missing.chunks(BATCH).collect();
        in_parallel(&batches, THREADS, |_, batch| {
            let mut bytes = Vec::new();
            for chunk in *batch {
                if progress.is_cancelled() {
                    return Err(Cancelled);
                }
                for seed in 0..self.seeds.len() {
                    let place = SeedPlace { seed, at: chunk.range.start };
                    if read_seed(self.seeds, place, chunk.len(), &mut bytes).is_ok() {
                        self.add(vec![(Digest::of_bytes(&bytes), place)]);
                    }
                }
            }
            Ok(())
        })
        .map(drop)
    }

    /// Remembers the locations of chunks that the disk has.
    fn add(&self, found: Vec<(Digest, SeedPlace)>) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        for (digest, place) in found {
            if let Some(known) = places.get_mut(&digest) {
                known.get_or_insert(place);
            }
        }
    }

    /// Returns where a chunk with this digest was found.
    pub(super) fn find(&self, digest: Digest) -> Option<SeedPlace> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(&digest).copied().flatten()
    }

    /// Returns whether less than half of the data of a disk was found. Its zeros say nothing: they are never looked for.
    fn is_mostly_missing(&self, file: &FileChunks) -> bool {
        let data = || file.chunks.iter().filter(|chunk| chunk.frame.is_some());
        let found = data().filter(|chunk| self.find(chunk.digest).is_some());
        let found: u64 = found.map(FileChunk::len).sum();
        found < data().map(FileChunk::len).sum::<u64>() / 2
    }
}

/// Reads a part of a seed, which may have changed since it was found.
pub(super) fn read_seed(
    seeds: &[Arc<dyn ReadAt>],
    place: SeedPlace,
    len: u64,
    bytes: &mut Vec<u8>,
) -> io::Result<()> {
    let seed = &seeds[place.seed];
    if place.at.checked_add(len).is_none_or(|end| end > seed.len()) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    bytes.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
    seed.read_exact_at(bytes, place.at)
}
