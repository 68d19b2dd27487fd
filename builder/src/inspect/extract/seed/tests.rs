//! Tars that are assembled are those of the layers, whatever seeds there are; where they cannot be, it is an error.

use std::io::{self, Read as _};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use proptest::prelude::*;

use super::fetch::{LayerSource, RangeFetcher};
use super::index::SeedIndex;
use super::plan::{TarPart, TarPlan};
use super::tar::AssembledTar;
use crate::disk::ReadAt;
use crate::disk::chunks::{PART_LEN, split_into_chunks};
use crate::inspect::chunked::{FileChunk, FileChunks};
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image::digest::Digest;
use crate::oci::images::testing::MemoryImages;
use crate::oci::progress::NoProgress;

const BLOCK: usize = 4096;

/// Returns blocks that look like noise, one for each number; that of 0 is all zeros.
fn blocks(numbers: &[u32]) -> Vec<u8> {
    let block = |number: &u32| {
        let mut state = u64::from(*number);
        let next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(state >> 33);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(BLOCK)
    };
    numbers.iter().flat_map(block).collect()
}

/// A layer: headers, a disk and the end of a tar.
struct Layer {
    tar: Vec<u8>,
    images: MemoryImages,
    descriptor: Descriptor,
    file: FileChunks,
    tar_end: u64,
}

impl Layer {
    /// Returns the layer of a disk, which is divided so.
    fn new(disk: &[u8], divide: impl Fn(&[u8]) -> Vec<(Range<usize>, bool)>) -> Self {
        let mut blob = Vec::new();
        let mut write = |bytes: &[u8]| {
            let start = blob.len() as u64;
            blob.extend(zstd::bulk::compress(bytes, 1).unwrap());
            start..blob.len() as u64
        };
        let start = write(&[b'h'; 1024]).end;
        let mut end = start;
        let mut chunks = Vec::new();
        for (range, zeros) in divide(disk) {
            let frame = write(&disk[range.clone()]);
            end = frame.end;
            let digest = Digest::of_bytes(&disk[range.clone()]);
            let range = range.start as u64..range.end as u64;
            chunks.push(FileChunk { range, frame: (!zeros).then_some(frame), digest });
        }
        let tar_end = write(&[0; 1024]).end;
        blob.extend(b"a table of contents");
        let size = blob.len() as u64;
        let mut images = MemoryImages::default();
        let descriptor = Descriptor::new(String::new(), images.put(blob), size);
        let file = FileChunks { chunks, size: disk.len() as u64, frames: start..end };
        Self { tar: [&[b'h'; 1024], disk, &[0; 1024]].concat(), images, descriptor, file, tar_end }
    }

    /// Returns the layer of a disk, divided as ours are.
    fn ours(disk: &[u8]) -> Self {
        Self::new(disk, |disk| {
            let parts = disk.chunks(PART_LEN).enumerate();
            let chunks = parts.flat_map(|(number, part)| {
                let start = number * PART_LEN;
                split_into_chunks(part, start as u64, disk.len() as u64).into_iter().map(
                    move |chunk| (start + chunk.range.start..start + chunk.range.end, chunk.zeros),
                )
            });
            chunks.collect()
        })
    }

    /// Plans the layer and assembles it; returns what was requested with it.
    fn assemble(&self, seeds: &[Arc<dyn ReadAt>]) -> (TarPlan, io::Result<Vec<u8>>) {
        let plan = {
            let index = SeedIndex::new(seeds, &self.file, 0, &NoProgress);
            TarPlan::new(&self.file, self.tar_end, &index).unwrap()
        };
        let images = &self.images;
        let read = thread::scope(|scope| {
            let source: LayerSource<'_> = (&images, &self.descriptor, 0);
            let fetcher = RangeFetcher::new(&plan.requests, source, &NoProgress, scope);
            let mut tar = AssembledTar::new(&plan.parts, &self.file, seeds, fetcher, &NoProgress);
            let mut bytes = Vec::new();
            tar.read_to_end(&mut bytes)?;
            assert_eq!(tar.digest(), Digest::of_bytes(&bytes));
            Ok(bytes)
        });
        (plan, read)
    }

    /// Checks that the tar is the layer's with these seeds, and that each byte comes from one place.
    fn check(&self, seeds: &[Arc<dyn ReadAt>]) -> TarPlan {
        let (plan, tar) = self.assemble(seeds);
        assert!(tar.unwrap() == self.tar);
        let mut lens = [0; 3];
        for part in &plan.parts {
            let (kind, number) = match part {
                TarPart::Other(range) => {
                    assert!(is_requested(&plan, range));
                    continue;
                }
                TarPart::Zeros(number) => (0, *number),
                TarPart::Seed(number, _) => (1, *number),
                TarPart::Layer(number) => (2, *number),
            };
            let chunk = &self.file.chunks[number];
            assert!(kind != 2 || is_requested(&plan, chunk.frame.as_ref().unwrap()));
            lens[kind] += chunk.len();
        }
        assert_eq!((lens.iter().sum::<u64>(), lens[1]), (self.file.size, plan.reused));
        assert!(plan.requests.is_sorted_by(|a, b| a.end < b.start));
        plan
    }
}

fn is_requested(plan: &TarPlan, range: &Range<u64>) -> bool {
    plan.requests.iter().any(|it| it.start <= range.start && range.end <= it.end)
}

fn seed(bytes: Vec<u8>) -> Arc<dyn ReadAt> {
    Arc::new(bytes)
}

#[test]
fn what_a_seed_has_is_reused() {
    let numbers: Vec<u32> = (1..3000).collect();
    let disk = blocks(&numbers);
    let layer = Layer::ours(&disk);
    let len = disk.len() as u64;
    let check = |seeds: &[Vec<u8>], reused: Range<u64>, requests: usize| {
        let seeds: Vec<_> = seeds.iter().cloned().map(seed).collect();
        let plan = layer.check(&seeds);
        assert!(reused.contains(&plan.reused), "{} of {len}", plan.reused);
        assert!(plan.requests.len() <= requests, "{:?}", plan.requests);
    };
    check(&[], 0..1, 1);
    check(&[vec![]], 0..1, 1);
    check(&[vec![1]], 0..1, 1);
    check(std::slice::from_ref(&disk), len..len + 1, 2);
    // Elsewhere in the seed, and in several.
    check(&[blocks(&[&[7001, 7002, 7003], &numbers[..]].concat())], len * 9 / 10..len, 3);
    let (front, back) = disk.split_at(1000 * BLOCK);
    check(&[front.to_vec(), back.to_vec()], len * 9 / 10..len + 1, 4);
    check(&[back.to_vec(), front.to_vec()], len * 9 / 10..len + 1, 4);
    // One block is another one.
    let mut other = numbers.clone();
    other[1500] = 9000;
    check(&[blocks(&other)], len * 9 / 10..len, 3);
    // Not on the borders of blocks.
    check(&[disk[1..].to_vec()], 0..1, 1);
}

#[test]
fn a_seed_is_not_read_for_ever() {
    let disk = blocks(&(1..20).collect::<Vec<_>>());
    let far = |times: usize| [vec![1; times * PART_LEN], disk.clone()].concat();
    let layer = Layer::ours(&disk);
    assert_eq!(layer.check(&[seed(far(0))]).reused, layer.file.size);
    assert_eq!(layer.check(&[seed(far(1))]).reused, 0);
}

/// The chunks of other tools have other borders.
#[test]
fn chunks_of_other_rules_are_found_where_they_are() {
    let disk = blocks(&(1..500).collect::<Vec<_>>());
    let layer = Layer::new(&disk, |disk| {
        let starts = (0..disk.len()).step_by(50_001);
        starts.map(|start| (start..disk.len().min(start + 50_001), false)).collect()
    });
    let len = disk.len() as u64;
    assert_eq!(layer.check(&[seed(disk.clone())]).reused, len);
    let mut longer = disk.clone();
    longer.extend([7; 100]);
    assert_eq!(layer.check(&[seed(vec![9; 10]), seed(longer)]).reused, len);
    let mut changed = disk.clone();
    changed[1_000_000] ^= 1;
    assert_eq!(layer.check(&[seed(changed)]).reused, len - 50_001);
    assert_eq!(layer.check(&[seed(disk[..150_003].to_vec())]).reused, 150_003);
}

/// Zeros are no data that was found.
#[test]
fn chunks_of_other_rules_are_found_in_disks_of_zeros() {
    let check = |zeros: usize| {
        let mut disk = blocks(&(1..400).collect::<Vec<_>>());
        let data = disk.len().next_multiple_of(50_001);
        disk.resize(data + zeros * 50_001, 0);
        let layer = Layer::new(&disk, |disk| {
            let starts = (0..disk.len()).step_by(50_001);
            starts.map(|start| (start..start + 50_001, start >= data)).collect()
        });
        assert_eq!(layer.check(&[seed(disk)]).reused, data as u64, "{zeros}");
    };
    check(1);
    check(40);
    check(200);
}

#[test]
fn requests_are_joined_where_there_are_too_many() {
    let check = |chunks: u64, gap: u64, requests: Range<usize>| {
        let distance = gap + 10;
        let chunk = |number: u64| FileChunk {
            range: number * 20..(number + 1) * 20,
            frame: Some(number * distance..number * distance + 10),
            digest: Digest::of_bytes(&number.to_le_bytes()),
        };
        let frames = 0..chunks * distance;
        let file = FileChunks {
            chunks: (0..chunks).map(chunk).collect(),
            size: chunks * 20,
            frames: frames.clone(),
        };
        let plan =
            TarPlan::new(&file, frames.end, &SeedIndex::new(&[], &file, 0, &NoProgress)).unwrap();
        let count = plan.requests.len();
        assert!(requests.contains(&count), "{chunks} {gap}: {count}");
        assert!(plan.requests.is_sorted_by(|a, b| a.end < b.start));
        let mut frames = file.chunks.iter().filter_map(|chunk| chunk.frame.as_ref());
        assert!(frames.all(|frame| is_requested(&plan, frame)));
    };
    let far = 1 << 20;
    check(100, 1000, 1..2);
    check(2000, far, 2000..2002);
    check(2047, far, 2047..2049);
    // Only as many gaps are read as have to be.
    check(2048, far, 2048..2049);
    check(5000, far, 2048..2049);
    check(10_000, 1 << 40, 2048..2049);
}

/// A seed whose bytes change, or which becomes shorter, after it was read so often.
struct ChangingSeed {
    bytes: Vec<u8>,
    reads: AtomicUsize,
    last: usize,
    error: Option<io::ErrorKind>,
}

impl ReadAt for ChangingSeed {
    fn len(&self) -> u64 {
        ReadAt::len(&self.bytes)
    }

    fn read_exact_at(&self, space: &mut [u8], at: u64) -> io::Result<()> {
        self.bytes.read_exact_at(space, at)?;
        if self.reads.fetch_add(1, Ordering::Relaxed) < self.last {
            return Ok(());
        }
        space[0] ^= 1;
        self.error.map_or(Ok(()), |error| Err(error.into()))
    }
}

#[test]
fn seeds_that_change_are_noticed() {
    let disk = blocks(&(1..1000).collect::<Vec<_>>());
    let layer = Layer::ours(&disk);
    let check = |last: usize, error: Option<io::ErrorKind>, expected: &str| {
        let bytes = disk.clone();
        let seed = ChangingSeed { bytes, reads: AtomicUsize::new(0), last, error };
        let (_, tar) = layer.assemble(&[Arc::new(seed)]);
        let error = tar.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    // It is read once to find its chunks.
    check(1, None, "a seed was changed at byte 0 while it was read");
    check(5, None, "a seed was changed at byte ");
    check(2, Some(io::ErrorKind::UnexpectedEof), "a seed cannot be read: unexpected end of file");
}

#[test]
fn layers_that_are_damaged_are_noticed() {
    let disk = blocks(&(1..100).collect::<Vec<_>>());
    let check = |at: usize, expected: &str| {
        let mut layer = Layer::ours(&disk);
        let blob = layer.images.blobs.get_mut(&layer.descriptor.digest).unwrap();
        if at < blob.len() {
            blob[at] ^= 0x55;
        } else {
            blob.truncate(blob.len() / 2);
        }
        let (_, tar) = layer.assemble(&[seed(disk[..BLOCK].to_vec())]);
        // Bytes that no chunk has are checked by the diff ID.
        let said = tar.map_or_else(|error| error.to_string(), |tar| (tar == layer.tar).to_string());
        assert!(said.contains(expected), "{at}: {said}");
    };
    check(0, "Unknown frame descriptor");
    check(3000, "of the layer has another digest");
    check(usize::MAX, "failed to fill whole buffer");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Disks and seeds of a few different blocks, in any order.
    #[test]
    fn any_seed_gives_the_same_tar(
        disk in proptest::collection::vec(0_u32..12, 0..200),
        cut in 0..BLOCK,
        seeds in proptest::collection::vec(
            (proptest::collection::vec(0_u32..14, 0..200), 0..BLOCK), 0..3),
    ) {
        let cut_blocks = |numbers: &[u32], cut: usize| {
            let mut bytes = blocks(numbers);
            bytes.truncate(bytes.len().saturating_sub(cut));
            bytes
        };
        let layer = Layer::ours(&cut_blocks(&disk, cut));
        let seeds: Vec<_> = seeds.iter().map(|(it, cut)| seed(cut_blocks(it, *cut))).collect();
        layer.check(&seeds);
    }
}
