use std::io::{self, Write as _};

use serde_json::json;

use super::*;
use crate::oci::image_documents::read_documents;
use crate::oci::images::testing::MemoryImages;
use crate::oci::tar::testing::{RawHeader, TarBuilder};

/// Returns the overview of an image with these layers.
fn seen(layers: &[Vec<u8>]) -> ImageOverview {
    let mut memory = MemoryImages::default();
    let descriptor = |digest: Digest, size: usize, kind: &str| {
        let media_type = format!("application/vnd.oci.image.{kind}");
        json!({ "mediaType": media_type, "digest": digest.to_string(), "size": size })
    };
    let config = json!({ "os": "linux", "architecture": "amd64" }).to_string();
    let config = descriptor(memory.put(config.clone()), config.len(), "config.v1+json");
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| descriptor(memory.put(layer.clone()), layer.len(), "layer.v1.tar+zstd"))
        .collect();
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
    let digest = memory.put(manifest.to_string());
    let images = &memory;
    let root = images.read_document(digest).unwrap().unwrap();
    let documents = read_documents(&images, root).unwrap();
    inspect_image(&documents.images[0], &images)
}

fn zstd(tar: &[u8]) -> Vec<u8> {
    zstd::encode_all(tar, 1).unwrap()
}

#[test]
fn the_disk_comes_into_sight() {
    let disk = TarBuilder::new().dir("disk").file("disk/a.raw", "abc").end();
    let found = seen(&[zstd(&TarBuilder::new().file("etc", &"x".repeat(99)).end()), disk.clone()]);
    let disk = found.disk.unwrap();
    assert_eq!((disk.layer, disk.path.as_str(), disk.info.file_size), (1, "disk/a.raw", 3));
    assert_eq!(found.compressions[1], SeenCompression::None);
    assert_eq!(found.problems, [""; 0]);
}

#[test]
fn what_is_out_of_sight_is_not_waited_for() {
    let len = 8_u64 << 30;
    let mut bomb = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    bomb.write_all(&RawHeader::new(b"etc", b'0', 0).binary(124, 12, len).sealed().0).unwrap();
    io::copy(&mut io::repeat(0).take(1 << 30), &mut bomb).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    let found = seen(&[bomb]);
    assert!(found.disk.is_none() && found.problems.is_empty(), "{found:?}");
}

#[test]
fn what_cannot_be_read_is_told() {
    let mut cut = zstd(&TarBuilder::new().file("disk/a", &"x".repeat(4096)).end());
    cut.truncate(20);
    let found = seen(&[cut]);
    assert!(found.disk.is_none());
    assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
    assert!(found.problems[0].starts_with("layer 1: "), "{:?}", found.problems);
}
