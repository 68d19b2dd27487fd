//! A reader of zstd:chunked, written from the format alone: it fetches chunks one by one, and makes the tar of the
//! files and the headers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::*;
use crate::disk::chunks::{Chunk, split_into_chunks};
use crate::oci::image::layer::{ChunkedMetadata, MetadataPart};

fn unzstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::decode_all(bytes).unwrap()
}

fn text_of(blob: &[u8], part: MetadataPart) -> Vec<u8> {
    let start = usize::try_from(part.offset).unwrap();
    let text = unzstd(&blob[start..start + usize::try_from(part.len).unwrap()]);
    assert_eq!(text.len() as u64, part.text_len);
    text
}

/// The ISO polynomial, bit by bit, as Go's `hash/crc64` documents it.
fn crc64_iso(bytes: &[u8]) -> u64 {
    let mut crc = !0_u64;
    for byte in bytes {
        crc ^= u64::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xd800_0000_0000_0000 } else { crc >> 1 };
        }
    }
    !crc
}

/// Returns the files, made from their chunks; every chunk is decompressed by itself.
fn read_files(blob: &[u8], entries: &[Value]) -> BTreeMap<String, Vec<u8>> {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let number = |entry: &Value, key: &str| {
        usize::try_from(entry.get(key).and_then(Value::as_u64).unwrap_or(0)).unwrap()
    };
    let mut end_of_file = 0;
    for (at, entry) in entries.iter().enumerate() {
        if !["reg", "chunk"].contains(&entry["type"].as_str().unwrap()) {
            continue;
        }
        if entry["type"] == "reg" && entry.get("digest").is_none() {
            continue;
        }
        let content = files.entry(entry["name"].as_str().unwrap().to_owned()).or_default();
        if entry["type"] == "reg" {
            end_of_file = number(entry, "endOffset");
        }
        let (start, size) = (number(entry, "offset"), number(entry, "chunkSize"));
        let next = entries.get(at + 1).filter(|next| next["type"] == "chunk");
        let end = next.map_or(end_of_file, |next| number(next, "offset"));
        let bytes = unzstd(&blob[start..end]);
        assert_eq!(number(entry, "chunkOffset"), content.len());
        if let Some(digest) = entry.get("chunkDigest") {
            assert_eq!(bytes.len(), size);
            assert_eq!(Digest::of_bytes(&bytes).to_string(), digest.as_str().unwrap());
        }
        assert_eq!(
            entry.get("chunkType").is_some(),
            size >= 16384 && bytes.iter().all(|it| *it == 0)
        );
        content.extend(bytes);
    }
    files
}

/// Checks that the table of contents finds each chunk, and that the tar can be made of the files.
pub(super) fn check_metadata(blob: &[u8], metadata: &ChunkedMetadata, tar: &[u8]) {
    let footer = &blob[blob.len() - 72..];
    assert_eq!(footer[..8], [0x50, 0x2a, 0x4d, 0x18, 64, 0, 0, 0]);
    assert_eq!(footer[64..], *b"GNUlInUx");
    let (toc, tar_split) = (metadata.toc, metadata.tar_split);
    let numbers = footer[8..64].as_chunks().0.iter().map(|number| u64::from_le_bytes(*number));
    let expected =
        [toc.offset, toc.len, toc.text_len, 1, tar_split.offset, tar_split.len, tar_split.text_len];
    assert_eq!(numbers.collect::<Vec<u64>>(), expected);

    let at = usize::try_from(tar_split.offset).unwrap();
    let compressed = &blob[at..at + usize::try_from(tar_split.len).unwrap()];
    let toc: Value = serde_json::from_slice(&text_of(blob, toc)).unwrap();
    assert_eq!(toc["tarSplitDigest"], Digest::of_bytes(compressed).to_string());
    let files = read_files(blob, toc["entries"].as_array().unwrap());

    let mut made = Vec::new();
    for line in text_of(blob, tar_split).split(|byte| *byte == b'\n').filter(|it| !it.is_empty()) {
        let line: Value = serde_json::from_slice(line).unwrap();
        let payload = line["payload"].as_str().map(|text| STANDARD.decode(text).unwrap());
        if line["type"] == 2 {
            made.extend(payload.unwrap());
        } else if line.get("size").is_some() {
            let content = &files[line["name"].as_str().unwrap()];
            assert_eq!(payload.unwrap(), crc64_iso(content).to_be_bytes());
            made.extend(content);
        }
    }
    assert!(made == tar);
}

#[test]
fn borders_depend_on_what_is_around_them() {
    let units = |bytes: &[u8], offset: u64| {
        let chunks = split_into_chunks(bytes, offset, 1 << 30);
        assert_eq!(chunks.first().map_or(0, |chunk| chunk.range.start), 0);
        assert!(chunks.windows(2).all(|pair| pair[0].range.end == pair[1].range.start));
        assert_eq!(chunks.last().map_or(0, |chunk| chunk.range.end), bytes.len());
        chunks
    };
    let data: Vec<u8> = noise(3).take(4 << 20).collect();
    let chunks = units(&data, 0);
    let average = data.len() / chunks.len();
    assert!((32 << 10..128 << 10).contains(&average), "{average}");
    // A few more blocks in front change the first chunks alone.
    let moved = [&data[..3 * 4096], &data].concat();
    let moved = units(&moved, 0);
    let ends = |chunks: &[Chunk], less: usize| {
        chunks.iter().rev().take(30).map(|it| it.range.end - less).collect::<Vec<_>>()
    };
    assert_eq!(ends(&moved, 3 * 4096), ends(&chunks, 0));
    // So it is where a block of the layer begins within a block of the file.
    let within = units(&data[1000..], 1000);
    assert_eq!(ends(&within, 0), ends(&chunks, 1000));
}

#[test]
fn long_runs_of_zeros_are_chunks() {
    let check = |parts: &[(u8, usize)], expected: &[(usize, bool)]| {
        let bytes: Vec<u8> = parts.iter().flat_map(|&(byte, len)| vec![byte; len]).collect();
        let found = split_into_chunks(&bytes, 0, bytes.len() as u64);
        let found = found.into_iter().map(|it| (it.range.len(), it.zeros)).collect::<Vec<_>>();
        assert_eq!(found, expected, "{parts:?}");
    };
    check(&[], &[]);
    check(&[(0, 100)], &[(100, false)]);
    check(&[(0, 16384)], &[(16384, true)]);
    check(&[(1, 4096), (0, 12288), (1, 4096)], &[(20480, false)]);
    check(&[(1, 4096), (0, 16384), (1, 4096)], &[(4096, false), (16384, true), (4096, false)]);
    check(&[(1, 4000), (0, 20000), (1, 576)], &[(4096, false), (16384, true), (4096, false)]);
    check(&[(0, 1 << 20), (1, 1)], &[(1 << 20, true), (1, false)]);
    check(&[(1, 1), (0, 1 << 20)], &[(4096, false), ((1 << 20) - 4095, true)]);
}

#[test]
fn chunks_of_large_files_are_longer() {
    let data: Vec<u8> = noise(5).take(8 << 20).collect();
    let count = |size: u64| split_into_chunks(&data, 0, size).len();
    assert_eq!(count(1 << 30), count(32 << 30));
    assert!(count(32 << 30) > 3 * count(256 << 30) / 2);
    assert!(count(1 << 50) < 8);
}
