//! A connection that breaks in the middle of a layer costs nothing where the registry can resume, and
//! the bytes so far where it cannot.

use diskette_integration::disk::mixed_bytes;
use diskette_integration::registry::cases::check_all;
use diskette_integration::registry::profile::ResumePolicy;
use diskette_integration::registry::test_images::{NAME, TestImages};
use diskette_integration::registry::{Fault, FaultTimes, Profile, Registry, RequestKind};
use diskette_integration::scene::Scene;

/// A resumed push may send this much twice, in bytes: `Range: 0-0` leaves open whether a byte came.
const AGAIN: u64 = 1;

const PROFILES: [Profile; 2] = [Profile::DISTRIBUTION_3, Profile::DISTRIBUTION_2_8];

#[derive(Debug)]
struct Case {
    profile: Profile,
    /// Bytes of the layer that come through.
    offset: u64,
}

/// Returns `count` cuts of a layer for each profile, the first and the last byte included.
fn cases(layer: u64, count: u64) -> Vec<Case> {
    let offset = |cut| cut * (layer - 1) / (count - 1);
    let cuts = move |profile| (0..count).map(move |cut| Case { profile, offset: offset(cut) });
    PROFILES.into_iter().flat_map(cuts).collect()
}

/// Checks how much was sent for `len` bytes of blobs.
fn assert_sent(registry: &Registry, len: u64, offset: u64) {
    assert_eq!(registry.fault_count(), 1, "it was not cut");
    let most = match registry.profile().resume {
        ResumePolicy::Status => len + AGAIN,
        ResumePolicy::Lost => len + offset,
    };
    let sent = registry.received_bytes();
    assert!((len..=most).contains(&sent), "{sent} bytes were sent, not {len} to {most}");
}

#[test]
fn cuts_of_layouts() {
    let Some(goods) = TestImages::new() else { return };
    let cases = cases(goods.layer, 64);
    assert_eq!(cases.len(), 128);
    check_all(&cases, |case| {
        let registry = goods.registry(case.profile);
        registry.inject(RequestKind::Body, Fault::CutAt(case.offset), FaultTimes::First(1));
        let scene = TestImages::scene(&registry);
        let outcome = goods.push(&scene, "new", &[&registry.reference("team/vm:1")]);
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        goods.assert_served(&registry, &goods.new);
        assert_sent(&registry, goods.len, case.offset);
    });
    goods.assert_untouched();
}

/// Several cuts of one push: each piece is kept where that is possible.
#[test]
fn cuts_one_after_the_other() {
    let Some(goods) = TestImages::new() else { return };
    let registry = goods.registry(Profile::DISTRIBUTION_3);
    registry.inject(RequestKind::Body, Fault::CutAt(10_000), FaultTimes::First(5));
    let scene = TestImages::scene(&registry);
    let outcome = goods.push(&scene, "new", &[&registry.reference("team/vm:1")]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    goods.assert_served(&registry, &goods.new);
    assert_eq!(registry.fault_count(), 5);
    assert!(registry.received_bytes() <= goods.len + 5 * AGAIN, "{}", registry.received_bytes());
}

#[test]
fn cuts_of_builds() {
    let Some(goods) = TestImages::new() else { return };
    check_all(&cases(goods.layer, 12), |case| {
        let registry = goods.registry(case.profile);
        registry.inject(RequestKind::Body, Fault::CutAt(case.offset), FaultTimes::First(1));
        // The disk of `new`.
        let scene = Scene::new();
        scene.write("disk.raw", mixed_bytes(13, 300 << 10));
        scene.write_spec("amd64: { disk: disk.raw }");
        let there = registry.reference("team/vm:1");
        let outcome = scene.run(["build", "--push", "-q", "-t", &there]);
        let digest = outcome.digest();
        goods.assert_served(&registry, &digest);
        assert_eq!(outcome.stderr, "", "the user need not know");
        let pushed = registry.manifest(NAME, &digest).unwrap();
        let child = pushed.json()["manifests"][0]["digest"].as_str().unwrap().to_owned();
        let image = registry.manifest(NAME, &child).unwrap().json();
        let sizes = [&image["config"]["size"], &image["layers"][0]["size"]];
        let len = sizes.iter().map(|size| size.as_u64().unwrap()).sum();
        // A stream cannot be resumed: what was sent is gone.
        let sent = registry.received_bytes();
        let most = len + case.offset;
        assert!((len..=most).contains(&sent), "{sent} bytes were sent, not {len} to {most}");
        assert_eq!(registry.fault_count(), 1, "it was not cut");
        assert!(scene.file_digests("tmp").is_empty(), "{:?}", scene.file_digests("tmp"));
    });
}
