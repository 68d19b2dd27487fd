//! Tests of whole layers: their bytes stay the same, every fast path gives the result of the slow
//! one, and failures end a build instead of blocking it.

mod chunked;
mod known_frames;

use std::io::{self, Read, Write};
use std::ops::ControlFlow;

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::{LayerError, LayerInput, LayerWorkers, write_layer};
use crate::compression::{GzipLevel, LayerCompression, ZstdLevel};
use crate::engine::source::{ContentError, SourceContent, SourceError, SourceErrorKind};
use crate::oci::image::digest::Digest;
use crate::oci::image::layer::FinishedLayer;
use crate::oci::tar::Owner;
use crate::recipe::{
    BlobRecipe, LayerContent, LayerEntry, LayerEntryKind, SourceLocation, SourceRecipe, SourceRole,
};

/// A content in memory; where `holes` is set, runs of zeros count as holes.
struct Memory {
    bytes: Vec<u8>,
    at: usize,
    holes: Holes,
    /// Offset at which reading fails.
    fails_at: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Holes {
    None,
    Zeros,
}

impl Memory {
    fn new(bytes: &[u8], holes: Holes) -> Self {
        Self { bytes: bytes.to_vec(), at: 0, holes, fails_at: usize::MAX }
    }
}

impl SourceContent for Memory {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact(&mut self, space: &mut [u8]) -> Result<(), ContentError> {
        if self.at + space.len() > self.fails_at {
            let (location, kind) = ("x".into(), SourceErrorKind::Changed);
            return Err(SourceError { location, kind }.into());
        }
        space.copy_from_slice(&self.bytes[self.at..self.at + space.len()]);
        self.at += space.len();
        Ok(())
    }

    fn hole_len(&mut self) -> Result<u64, ContentError> {
        if self.holes != Holes::Zeros {
            return Ok(0);
        }
        // Pages first: they are compared fast without optimising, too.
        let rest = &self.bytes[self.at..];
        let pages = rest.chunks_exact(PAGE.len()).take_while(|page| *page == PAGE).count();
        let bytes = rest[pages * PAGE.len()..].iter().take_while(|byte| **byte == 0).count();
        Ok((pages * PAGE.len() + bytes) as u64)
    }

    fn skip_hole(&mut self, count: u64) {
        self.at += usize::try_from(count).unwrap();
    }

    fn finish(&mut self) -> Result<(), ContentError> {
        Ok(())
    }
}

/// Number of zeros that are compared at once.
const PAGE: &[u8] = &[0; 4096];

fn entries() -> Vec<LayerEntry> {
    let owner = Owner { uid: 107, gid: 107 };
    let source = SourceRecipe::new(SourceLocation::path("disk.img"), SourceRole::Disk);
    vec![
        LayerEntry::new("disk", LayerEntryKind::Directory, 0o555, owner),
        LayerEntry::new("disk/disk.img", LayerEntryKind::File(source), 0o444, owner),
    ]
}

fn go_on(_len: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn write(content: Memory, jobs: usize, compression: LayerCompression) -> (FinishedLayer, Vec<u8>) {
    write_content(&LayerContent::Tar(entries()), content, jobs, compression)
}

fn write_content(
    layer: &LayerContent,
    content: Memory,
    jobs: usize,
    compression: LayerCompression,
) -> (FinishedLayer, Vec<u8>) {
    let workers = LayerWorkers::start(jobs).unwrap();
    let contents: Vec<Box<dyn SourceContent>> = vec![Box::new(content)];
    let input = LayerInput { content: layer, contents, mtime: 0, compression, known: None };
    let mut blob = Vec::new();
    let layer = write_layer(input, &workers, &mut blob, &go_on).unwrap();
    (layer, blob)
}

fn gzip(level: u8) -> LayerCompression {
    LayerCompression::Gzip(GzipLevel::new(level).unwrap())
}

fn zstd(level: u8) -> LayerCompression {
    LayerCompression::Zstd(ZstdLevel::new(level).unwrap())
}

fn chunked(level: u8) -> LayerCompression {
    LayerCompression::ZstdChunked(ZstdLevel::new(level).unwrap())
}

/// Bytes that do not compress, the same on every host.
fn noise(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
}

/// Something of everything a disk holds, longer than a block of any compression.
fn disk() -> Vec<u8> {
    let text = b"the quick brown fox jumps over the lazy dog; ".iter().copied().cycle();
    let words = noise(7).map(|byte| byte & 0x1f | 0x40);
    let mut disk: Vec<u8> = text.take(300_000).collect();
    disk.extend(noise(1).take(500_000));
    disk.resize(disk.len() + 3_000_000, 0);
    disk.extend(words.take(2_000_000));
    disk.resize(disk.len() + 9_000_000, 0);
    disk.extend(noise(2).take(1_234_567));
    disk
}

/// A difference here means that `FORMAT_VERSION` has to be raised.
#[test]
fn the_bytes_of_a_layer_never_change() {
    let disk = disk();
    let gzips = [1, 3, 6, 9, 12].map(gzip);
    let zstds = [1, 3, 4, 9, 19].map(zstd);
    let chunked = [1, 3].map(chunked);
    let all = [LayerCompression::None].into_iter().chain(gzips).chain(zstds).chain(chunked);
    let digests = all.map(|compression| {
        let (layer, _) = write(Memory::new(&disk, Holes::Zeros), 2, compression);
        format!("{compression} {} {}\n", layer.size, layer.digest.to_hex())
    });
    snapbox::assert_data_eq!(
        digests.collect::<String>(),
        snapbox::str![[r#"
none 16036864 be1b66d506077c1751d12ceb24fae44aa8d798a9eaaff1dee5d7515bb13bddb0
gzip-1 3025876 bde7ef1fc67192bdff51f0ee8f0c57bab1dfa92ad079f134587cfa70217c1005
gzip-3 3012015 d2842f4659e3fe4377acd8a7070fc30430a727f9311ec92168821a902618d4b3
gzip-6 3012021 1f280826ffaf1faa73c7f20032d23230d1ae44f233311fab82a9d2358f36c384
gzip-9 3012019 4825c294db565769aba83fa05bb19f0ce441e2466f7778e796f3505bf94402a9
gzip-12 3011642 9446766ed7e648c004f68897261f5dbdf971a366f7d4fefc60f43c52f3c897cb
zstd-1 2991771 8b9a2bf076fd8e55165ebef76629ca05cc389873ee2177fe44edbcd545910a11
zstd-3 2991742 52e75795e65b357daf8f9b39f5326b683ad9a1563e5edc958c7d629bd698682f
zstd-4 2991741 fc4aa1f9e3bf5986e84f00ea429dda91e21e48481c4f3cc2c492d71782cebeae
zstd-9 2994303 218bbcecebcfc1906c0fa87b23131e48194aadf50dd0de853aba55891a4a56c9
zstd-19 3003147 c6fc8c2cf5eef46f80acc094265c4cf85c50b4ab32a3acb0c32151fa06d56f60
zstd:chunked-1 2993583 db41165d60255b2f82697d2cad7d23dbb1a790cca40daf1bbf86d519d8b8a680
zstd:chunked-3 2994799 ffbd2ec8eb8114203d56489939c82b1ba8d3c82ae88a15d229758d063e9abcdd

"#]]
    );
}

#[test]
fn neither_threads_nor_holes_show() {
    let disk = disk();
    for compression in [gzip(1), zstd(1), chunked(1), LayerCompression::None] {
        let (expected, _) = write(Memory::new(&disk, Holes::None), 1, compression);
        for jobs in [1, 2, 3, 7] {
            for holes in [Holes::None, Holes::Zeros] {
                let (layer, _) = write(Memory::new(&disk, holes), jobs, compression);
                assert_eq!(layer, expected, "{compression}, {jobs} jobs");
            }
        }
    }
}

fn blob() -> LayerContent {
    let source = SourceRecipe::new(SourceLocation::path("disk.img"), SourceRole::Disk);
    let media_type = "application/x-disk".to_owned();
    let annotations = [].into();
    LayerContent::Blob(BlobRecipe { source, media_type, annotations, size_annotation: None })
}

/// The layer of an artifact is the content alone, as any reader of zstd sees it.
#[test]
fn a_blob_is_its_content() {
    let all = disk();
    for size in [1, 1023, 1024, 1025, all.len()] {
        let disk = &all[..size];
        let expected = Digest::of_bytes(disk);
        for compression in [zstd(1), zstd(19), LayerCompression::None] {
            let (first, bytes) =
                write_content(&blob(), Memory::new(disk, Holes::None), 1, compression);
            assert_eq!((first.diff_id, first.digest), (expected, Digest::of_bytes(&bytes)));
            assert_eq!(first.content_size, Some(size as u64));
            assert_eq!(first.size, bytes.len() as u64);
            let read = match compression {
                LayerCompression::None => bytes,
                _ => zstd::stream::decode_all(&bytes[..]).unwrap(),
            };
            assert!(read == disk, "{compression}, {size} bytes");
            for jobs in [2, 7] {
                let content = Memory::new(disk, Holes::Zeros);
                let (layer, _) = write_content(&blob(), content, jobs, compression);
                assert_eq!(layer, first, "{compression}, {size} bytes, {jobs} jobs");
            }
        }
    }
}

/// CDI's importer refuses a layer whose first member or frame is small.
#[test]
fn the_headers_stand_alone_in_front() {
    let disk = vec![0; 1 << 20];
    let (_, tar) = write(Memory::new(&disk, Holes::None), 1, LayerCompression::None);

    let (_, blob) = write(Memory::new(&disk, Holes::None), 1, gzip(12));
    let mut member = Vec::new();
    flate2::read::GzDecoder::new(&blob[..]).read_to_end(&mut member).unwrap();
    assert_eq!(member, tar[..1024]);
    assert_eq!(blob[15..15 + 1024], tar[..1024], "stored");

    let (_, blob) = write(Memory::new(&disk, Holes::None), 1, zstd(19));
    let decoder = zstd::stream::read::Decoder::new(&blob[..]).unwrap();
    let mut frame = Vec::new();
    decoder.single_frame().read_to_end(&mut frame).unwrap();
    assert_eq!(frame, tar[..1024]);
    assert_eq!(blob[12..12 + 1024], tar[..1024], "raw");
    let (_, chunked) = write(Memory::new(&disk, Holes::None), 1, chunked(19));
    assert_eq!(chunked[..12 + 1024], blob[..12 + 1024]);
}

fn unpack(compression: LayerCompression, blob: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    match compression {
        LayerCompression::Gzip(_) => flate2::read::MultiGzDecoder::new(blob).read_to_end(&mut tar),
        LayerCompression::Zstd(_) | LayerCompression::ZstdChunked(_) => {
            zstd::stream::read::Decoder::new(blob).unwrap().read_to_end(&mut tar)
        }
        LayerCompression::None => Ok(tar.write(blob).unwrap()),
    }
    .unwrap();
    tar
}

/// One stretch of a disk: what it holds, and how long it is.
fn stretch() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![0..600_usize, 30_000..70_000_usize, 200_000..1_200_000_usize];
    (len, 0..4_u8, any::<u64>()).prop_map(|(len, kind, seed)| match kind {
        0 => vec![0; len],
        1 => noise(seed).take(len).collect(),
        2 => noise(seed).map(|byte| byte & 3).take(len).collect(),
        _ => noise(seed).take(997).collect::<Vec<u8>>().repeat(len / 997),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is put in comes out, the digests are those of the bytes, and holes, zero blocks
    /// and stored runs change nothing.
    #[test]
    fn a_layer_holds_what_was_put_in(
        stretches in prop::collection::vec(stretch(), 0..8),
        kind in 0..4_usize,
    ) {
        let compression = [gzip(1), zstd(1), chunked(1), LayerCompression::None][kind];
        let disk = stretches.concat();
        let (layer, blob) = write(Memory::new(&disk, Holes::Zeros), 3, compression);
        let (slow, _) = write(Memory::new(&disk, Holes::None), 1, compression);
        prop_assert_eq!(layer, slow);
        prop_assert_eq!(layer.digest, Digest::of_bytes(&blob));
        prop_assert_eq!(layer.size, blob.len() as u64);
        let tar = unpack(compression, &blob);
        prop_assert_eq!(layer.diff_id, Digest::from_hasher(Sha256::new_with_prefix(&tar)));
        let mut archive = tar::Archive::new(&tar[..]);
        let mut entries = archive.entries().unwrap();
        let dir = entries.next().unwrap().unwrap();
        prop_assert_eq!(&*dir.path_bytes(), b"disk/");
        let mut file = entries.next().unwrap().unwrap();
        prop_assert_eq!(&*file.path_bytes(), b"disk/disk.img");
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        prop_assert!(content == disk);
        prop_assert!(entries.next().is_none());
        if let Some(metadata) = layer.chunked {
            chunked::check_metadata(&blob, &metadata, &tar);
        }
    }
}

/// A writer that fails after this many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn failures_end_the_pipeline() {
    let disk = disk();
    let check = |fails_at: usize, room: usize, stop_at: u64, expected: &str| {
        for compression in [gzip(1), zstd(1), chunked(1), LayerCompression::None] {
            let workers = LayerWorkers::start(2).unwrap();
            let content = Memory { fails_at, ..Memory::new(&disk, Holes::None) };
            let layer = LayerContent::Tar(entries());
            let contents: Vec<Box<dyn SourceContent>> = vec![Box::new(content)];
            let input =
                LayerInput { content: &layer, contents, mtime: 0, compression, known: None };
            let done = std::cell::Cell::new(0);
            let observe = |len| {
                done.set(done.get() + len);
                if done.get() > stop_at {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            let result = write_layer(input, &workers, &mut Full(room), &observe);
            let found = match result.unwrap_err() {
                LayerError::Write(error) => error.to_string(),
                error => error.to_string(),
            };
            assert_eq!(found, expected, "{compression}");
        }
    };
    let (never, all) = (usize::MAX, u64::MAX);
    check(1_000_000, never, all, "x: the file changed while it was read");
    check(13_000_000, never, all, "x: the file changed while it was read");
    check(never, 100, all, "no storage space");
    check(never, 600_000, all, "no storage space");
    check(never, never, 5_000_000, "cancelled");
}
