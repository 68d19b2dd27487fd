//! A layer in zstd:chunked is pulled into a layout that has an older one: only what that lacks is requested.

use std::fs;

use diskette_integration::disk::{mixed_bytes, noise_bytes};
use diskette_integration::image::Layout;
use diskette_integration::registry::{Profile, Registry, RequestKind};
use diskette_integration::scene::Scene;

const CHUNKED: [&str; 2] = ["--compression", "zstd:chunked"];

/// Pushes an image of a disk, and returns its name.
fn push(scene: &Scene, registry: &Registry, disk: &[u8], tag: &str, args: &[&str]) -> String {
    scene.write("disk.raw", disk);
    let name = registry.reference(&format!("team/vm:{tag}"));
    scene.write_spec("amd64: { disk: disk.raw }");
    let outcome = scene.run(["build", "-q", "--push", "-t", &name].iter().chain(args));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    name
}

/// Returns the number of bytes of blobs that were requested by ranges with an end, and how many blobs
/// were requested as a whole.
fn requested(registry: &Registry) -> (u64, usize) {
    let requests = registry.take_requests();
    let blobs = requests.iter().filter(|request| request.kinds.contains(&RequestKind::GetBlob));
    let ranges: Vec<Option<&str>> = blobs.map(|request| request.header("range")).collect();
    let len = |range: &str| {
        let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
        Some(end.parse::<u64>().ok()? + 1 - start.parse::<u64>().ok()?)
    };
    let whole = ranges.iter().filter(|range| range.is_none()).count();
    (ranges.into_iter().flatten().filter_map(len).sum(), whole)
}

/// The second disk has new blocks in front, and something else in its middle.
fn disks() -> (Vec<u8>, Vec<u8>) {
    let first = mixed_bytes(7, 24 << 20);
    let mut second = first.clone();
    second.splice(10 << 20..(10 << 20) + 4096, noise_bytes(1, 4096));
    second.splice(0..0, noise_bytes(2, 3 * 4096));
    (first, second)
}

#[test]
fn a_pull_requests_what_the_layout_lacks() {
    let (first, second) = disks();
    for (command, old, new, is_reused) in [
        ("pull", &CHUNKED[..], &CHUNKED[..], true),
        ("copy", &CHUNKED, &CHUNKED, true),
        ("pull", &CHUNKED, &["--compression", "zstd"], false),
        ("pull", &["--compression", "zstd"], &CHUNKED, false),
        // Frames of another level are other bytes.
        ("pull", &["--compression", "zstd:chunked", "--compression-level", "9"], &CHUNKED, false),
    ] {
        let scene = Scene::new();
        let registry = Registry::start(Profile::DISTRIBUTION_3);
        let pull = |name: &str| {
            registry.take_requests();
            let outcome = match command {
                "pull" => scene.run(["pull", "-q", name, "-o", "oci:back"]),
                _ => scene.run([
                    "copy",
                    "-q",
                    name,
                    &format!("oci:back:{}", &name[name.len() - 1..]),
                ]),
            };
            assert_eq!(outcome.status, 0, "{command} {}", outcome.stderr);
            requested(&registry)
        };
        pull(&push(&scene, &registry, &first, "1", old));
        let (ranges, whole) = pull(&push(&scene, &registry, &second, "2", new));
        if is_reused {
            // The config is requested as a whole.
            assert!(
                whole == 1 && ranges < second.len() as u64 / 10,
                "{command} {old:?} {new:?}: {ranges}, {whole}"
            );
        } else {
            assert_eq!(whole, 2, "{command} {old:?} {new:?}: {ranges}");
        }
        Layout::open(&scene.path("back")).verify_blobs("2").unwrap();
        let extracted = scene.run(["extract", "-q", "oci:back:2", "-o", "disk"]);
        assert_eq!(extracted.status, 0, "{}", extracted.stderr);
        assert!(scene.read("disk") == second);
    }
}

#[test]
fn chunks_that_are_damaged_are_read_again() {
    let (first, second) = disks();
    let scene = Scene::new();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let name = push(&scene, &registry, &first, "1", &CHUNKED);
    assert_eq!(scene.run(["pull", "-q", &name, "-o", "oci:back"]).status, 0);
    let layout = Layout::open(&scene.path("back"));
    let layer = layout.images("1")[0].manifest.layers()[0].digest().digest().to_owned();
    let path = scene.path(&format!("back/blobs/sha256/{layer}"));
    let mut blob = fs::read(&path).unwrap();
    let middle = blob.len() / 2;
    blob[middle] ^= 1;
    fs::write(&path, blob).unwrap();
    let name = push(&scene, &registry, &second, "2", &CHUNKED);
    registry.take_requests();
    let outcome = scene.run(["pull", "-q", &name, "-o", "oci:back"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let (_, whole) = requested(&registry);
    assert_eq!(whole, 2, "the layer is requested as it is, too");
    Layout::open(&scene.path("back")).verify_blobs("2").unwrap();
}
