//! Layers that are made with frames of another: the same bytes come out, whatever the other layer has become.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};

use super::super::KnownBlobs;
use super::*;

/// A layer that was written to a file.
struct OlderLayer {
    layer: FinishedLayer,
    dir: Dir,
    _temporary: tempfile::TempDir,
}

impl OlderLayer {
    fn new(disk: &[u8], compression: LayerCompression) -> Self {
        let (layer, blob) = write(Memory::new(disk, Holes::Zeros), 2, compression);
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        dir.write("blob", &blob).unwrap();
        Self { layer, dir, _temporary: temporary }
    }

    fn open(&self, name: &str) -> (FinishedLayer, File) {
        (self.layer, self.dir.open(name).unwrap().into_std())
    }

    fn open_for_changes(&self, name: &str) -> File {
        let options = OpenOptions::new().read(true).write(true).clone();
        self.dir.open_with(name, &options).unwrap().into_std()
    }
}

/// The disk, with some of it moved, some of it changed, and more of it.
fn newer(disk: &[u8]) -> Vec<u8> {
    let mut newer = [&disk[4096 * 100..], &disk[..4096 * 100]].concat();
    newer[5_000_000..5_000_100].fill(b'x');
    newer.extend(noise(77).take(700_000));
    newer
}

/// Writes a layer until the blobs were checked, and compares it with what is written without them; returns how much the
/// last attempt copied.
fn write_with(blobs: &KnownBlobs, disk: &[u8], compression: LayerCompression, jobs: usize) -> u64 {
    let (expected, expected_blob) = write(Memory::new(disk, Holes::Zeros), 2, compression);
    let workers = LayerWorkers::start(jobs).unwrap();
    let content = LayerContent::Tar(entries());
    let mut copied = 0;
    for _ in 0..3 {
        let known = blobs.frames(disk.len() as u64).map(Arc::new);
        let contents: Vec<Box<dyn SourceContent>> = vec![Box::new(Memory::new(disk, Holes::Zeros))];
        let input =
            LayerInput { content: &content, contents, mtime: 0, compression, known: known.clone() };
        let mut blob = Vec::new();
        let layer = write_layer(input, &workers, &mut blob, &go_on).unwrap();
        assert!(layer == expected && blob == expected_blob, "{compression}, {jobs} jobs");
        copied = known.map_or(0, |known| known.copied());
        thread::sleep(Duration::from_millis(100));
    }
    copied
}

fn known<const N: usize>(layers: [(FinishedLayer, File); N]) -> KnownBlobs {
    KnownBlobs::new(layers.into_iter())
}

#[test]
fn known_frames_are_copied() {
    let disk = disk();
    let older = OlderLayer::new(&disk, chunked(1));
    for jobs in [1, 3] {
        let copied = write_with(&known([older.open("blob")]), &newer(&disk), chunked(1), jobs);
        // The rest is noise, which is stored.
        let share = copied * 100 / older.layer.size;
        assert!((30..60).contains(&share), "{share} %");
    }
}

#[test]
fn frames_of_a_damaged_layer_are_made_again() {
    let disk = disk();
    let older = OlderLayer::new(&disk, chunked(1));
    let toc = older.layer.chunked.unwrap().toc;
    let check = |name: &str, at: u64, is_read: bool| {
        older.dir.copy("blob", &older.dir, name).unwrap();
        let file = older.open_for_changes(name);
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[!byte[0]], at).unwrap();
        let blobs = known([older.open(name)]);
        assert_eq!(blobs.frames(disk.len() as u64).is_some(), is_read, "{name}");
        assert_eq!(write_with(&blobs, &newer(&disk), chunked(1), 2), 0, "{name}");
    };
    check("frame", older.layer.size / 2, true);
    check("table", toc.offset + 1, false);
    check("footer", older.layer.size - 1, true);
    // A second layer that is whole is used all the same.
    let both = known([older.open("frame"), older.open("blob")]);
    assert!(write_with(&both, &newer(&disk), chunked(1), 2) > older.layer.size / 4);
}

#[test]
fn frames_that_change_after_the_check_are_made_again() {
    let disk = disk();
    let older = OlderLayer::new(&disk, chunked(1));
    let blobs = known([older.open("blob")]);
    let before = write_with(&blobs, &newer(&disk), chunked(1), 2);
    assert!(before > 0);
    let blob = older.dir.read("blob").unwrap();
    let file = older.open_for_changes("blob");
    // The second half; then all, and shorter.
    file.write_all_at(&vec![0; blob.len() - blob.len() / 2], blob.len() as u64 / 2).unwrap();
    assert!(write_with(&blobs, &newer(&disk), chunked(1), 2) < before);
    file.write_all_at(&vec![0; blob.len()], 0).unwrap();
    assert_eq!(write_with(&blobs, &newer(&disk), chunked(1), 2), 0);
    file.set_len(10).unwrap();
    assert_eq!(write_with(&blobs, &newer(&disk), chunked(1), 2), 0);
}

#[test]
fn a_layer_that_was_cut_is_not_used() {
    let disk = disk();
    let older = OlderLayer::new(&disk, chunked(1));
    let blobs = known([older.open("blob")]);
    assert!(blobs.frames(disk.len() as u64).is_some());
    older.open_for_changes("blob").set_len(older.layer.size / 2).unwrap();
    assert_eq!(write_with(&blobs, &newer(&disk), chunked(1), 2), 0);
    assert!(known([older.open("blob")]).frames(disk.len() as u64).is_none());
}

#[test]
fn a_layer_may_stand_behind_others() {
    let disk = disk();
    let older = OlderLayer::new(&disk, chunked(1));
    let others: Vec<OlderLayer> = (20..26)
        .map(|seed| OlderLayer::new(&noise(seed).take(9_000_000).collect::<Vec<u8>>(), chunked(1)))
        .collect();
    let layers = others.iter().chain([&older]).map(|layer| layer.open("blob"));
    assert!(write_with(&KnownBlobs::new(layers), &newer(&disk), chunked(1), 2) > 0);
}

#[test]
fn long_tables_are_not_read_for_short_layers() {
    let older = OlderLayer::new(&disk(), chunked(1));
    let blobs = known([older.open("blob"), older.open("blob")]);
    assert!(blobs.frames(64 << 10).is_none());
    assert!(blobs.frames(16 << 20).is_some());
    let (other, _) = write(Memory::new(b"x", Holes::None), 1, zstd(1));
    let file = older.open("blob").1;
    assert!(known([(other, file)]).frames(1 << 40).is_none());
}
