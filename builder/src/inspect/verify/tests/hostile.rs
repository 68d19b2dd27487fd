//! Hostile images are judged, whatever they contain.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::oci::progress::ProgressEvent;

#[test]
fn any_bytes_are_judged() {
    let tar = disk(TarBuilder::new().dir("boot/").symlink("boot/a", "b")).end();
    for (blob, media_type) in [(tar.clone(), PLAIN), (gzip(&tar), GZIP), (zstd(&tar), ZSTD)] {
        for at in (0..2048).step_by(29).chain((2048..blob.len()).step_by(19_997)) {
            let mut blob = blob.clone();
            blob[at] ^= 0x41;
            let layer = Layer { blob, media_type, ..Layer::of(&tar) };
            // Not every byte matters; none may do harm.
            drop(Sample { layers: vec![layer], ..good() }.report());
        }
        for len in (0..2048).step_by(67) {
            let blob = blob[..len].to_vec();
            let layer = Layer { blob, media_type, ..Layer::of(&tar) };
            let report = Sample { layers: vec![layer], ..good() }.report();
            assert_ne!(report.findings, [], "{len}");
        }
    }
}

#[test]
fn documents_that_cannot_be_used_are_told_of() {
    let check = |change: fn(&mut MemoryImages, Digest) -> Digest, expected: &str| {
        let mut memory = MemoryImages::default();
        let root = Sample { index: Vec::new(), ..good() }.put(&mut memory);
        let root = change(&mut memory, root);
        let images = &memory;
        let document = images.read_document(root).unwrap().unwrap();
        let context = context(&images, &NoProgress);
        let found = match verify_image(document, None, &context) {
            Ok(report) => lines(&report.findings),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expected), "{found}");
    };
    check(|memory, _| memory.put("{\"manifests\":7}"), "document: image: the document");
    check(|memory, _| memory.put("{\"layers\":[]}"), "it has no config");
    check(
        |memory, _| {
            let digest = Digest::of_bytes(b"nothing").to_string();
            memory.put(json!({ "manifests": [{ "digest": digest, "size": 7 }] }).to_string())
        },
        "which is not there",
    );
    check(
        |memory, root| {
            let digest = root.to_string();
            memory.put(json!({ "manifests": [{ "digest": digest, "size": 7 }] }).to_string())
        },
        "it gives another size than one of its manifests has",
    );
}

#[test]
fn what_is_kept_of_members_is_bounded() {
    let many = (0..20)
        .fold(disk(TarBuilder::new()), |tar, number| tar.file(&format!("disk/{number}"), ""));
    let mut memory = MemoryImages::default();
    let root = sample([many.clone(), many]).put(&mut memory);
    let images = &memory;
    let document = images.read_document(root).unwrap().unwrap();
    let check = |kept: u64, expected: &str| {
        let context = VerifyContext { kept, ..context(&images, &NoProgress) };
        let found = lines(&verify_image(document.clone(), None, &context).unwrap().findings);
        assert!(found.starts_with(expected), "{found}");
    };
    check(44 * (10 + 128), "disk-several: /disk: it holds 21");
    let expected = "layer-unreadable: layer 1: the tar has more members than can be judged";
    check(22 * (5 + 128), expected);
}

#[test]
fn a_shared_layer_is_read_once_and_progress_is_told() {
    #[derive(Default)]
    struct Listener {
        read: AtomicUsize,
        advanced: AtomicUsize,
    }
    impl Progress for Listener {
        fn report(&self, event: ProgressEvent<'_>) {
            match event {
                ProgressEvent::Read { .. } => drop(self.read.fetch_add(1, Ordering::Relaxed)),
                ProgressEvent::Advanced { len, .. } => {
                    self.advanced.fetch_add(usize::try_from(len).unwrap(), Ordering::Relaxed);
                }
                _ => {}
            }
        }
    }
    let amd64 = json!({ "os": "linux", "architecture": "amd64" });
    let sample = Sample { index: vec![amd64.clone(), amd64], ..good() };
    let mut memory = MemoryImages::default();
    let root = sample.put(&mut memory);
    let images = &memory;
    let document = images.read_document(root).unwrap().unwrap();
    let listener = Listener::default();
    let context = context(&images, &listener);
    let report = verify_image(document, None, &context).unwrap();
    assert_eq!(report.images.len(), 2);
    assert_eq!(listener.read.into_inner(), 1);
    assert_eq!(listener.advanced.into_inner(), sample.layers[0].blob.len());
    let disk = report.images[0].disk().unwrap();
    assert_eq!((disk.path.as_str(), disk.info.file_size), ("disk/a.raw", 70_000));
}

#[test]
fn only_a_platform_is_judged_where_it_is_asked_for() {
    let arm64 = json!({ "os": "linux", "architecture": "arm64" });
    let unknown = json!({ "os": "unknown", "architecture": "unknown" });
    let sample = Sample { index: vec![arm64, unknown], ..with(json!({ "architecture": "arm64" })) };
    let mut memory = MemoryImages::default();
    let root = sample.put(&mut memory);
    let check = |platform: &str, expected: &str| {
        let images = &memory;
        let document = images.read_document(root).unwrap().unwrap();
        let context = context(&images, &NoProgress);
        let found = match verify_image(document, Some(&platform.parse().unwrap()), &context) {
            Ok(report) => format!("{} judged", report.images.len()),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    };
    check("linux/arm64", "1 judged");
    check("linux/amd64", "`a` has no image for linux/amd64; it has linux/arm64");
}

#[test]
fn an_interrupt_ends_it() {
    struct Impatient;
    impl Progress for Impatient {
        fn report(&self, _: ProgressEvent<'_>) {}
        fn is_cancelled(&self) -> bool {
            true
        }
    }
    let mut memory = MemoryImages::default();
    let root = good().put(&mut memory);
    let images = &memory;
    let document = images.read_document(root).unwrap().unwrap();
    let context = context(&images, &Impatient);
    assert!(matches!(verify_image(document, None, &context), Err(VerifyError::Cancelled)));
}
