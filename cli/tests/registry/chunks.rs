//! Chunks are as long as the registry wants them, whatever the user said.

use diskette_integration::disk::{MIB, mixed_bytes};
use diskette_integration::registry::profile::RangePolicy;
use diskette_integration::registry::test_images::TestImages;
use diskette_integration::registry::{Fault, FaultTimes, Profile, Registry, RequestKind};
use diskette_integration::scene::Scene;

/// Pushes a layer of 20 MiB, finished and while it is made, and returns the longest chunks.
fn check(ranges: RangePolicy, chunk: &str, expected: u64) {
    let scene = Scene::new();
    scene.write("x.raw", mixed_bytes(5, 20 * MIB));
    scene.write_spec("amd64: { disk: x.raw }");
    scene.build(&["--compression", "none"]);
    let profile = Profile { ranges, faults: &[], ..Profile::DISTRIBUTION_3 };
    for push in [
        &["push", "-l", "out", "1"][..],
        &["build", "--push", "--no-cache", "--compression", "none", "-t"],
    ] {
        let registry = Registry::start(profile);
        let there = registry.reference("team/vm:1");
        let limits = ["--chunk-size", chunk, "--retry", "0"];
        let outcome = scene.run(push.iter().copied().chain([&there[..]]).chain(limits));
        assert_eq!(outcome.status, 0, "{ranges:?} {chunk}: {}", outcome.stderr);
        assert_eq!(registry.verify_image("team/vm", "1"), Ok(()), "{ranges:?} {chunk}");
        assert_eq!(registry.open_sessions(), 0, "{ranges:?} {chunk}");
        let requests = registry.take_requests();
        let patches = requests.iter().filter(|request| {
            request.method == "PATCH" && request.status.is_some_and(|status| status < 300)
        });
        let longest = patches.map(|patch| patch.received).max();
        assert_eq!(longest, Some(expected), "{ranges:?} {chunk} {push:?}");
    }
}

#[test]
fn chunks_have_the_length_that_the_registry_wants() {
    check(RangePolicy::Checked, "8M", 8 << 20);
    // As GitHub's: 416 for a chunk of more than 4 MiB.
    check(RangePolicy::Capped(4 << 20), "16M", 4 << 20);
    check(RangePolicy::Capped(4 << 20), "5M", 4 << 20);
    check(RangePolicy::Capped(4 << 20), "4M", 4 << 20);
    check(RangePolicy::Capped(4 << 20), "1M", 1 << 20);
    check(RangePolicy::Capped(1 << 20), "16M", 1 << 20);
    check(RangePolicy::MultipleOf(5 << 20), "1M", 5 << 20);
    check(RangePolicy::MultipleOf(5 << 20), "5M", 5 << 20);
    check(RangePolicy::MultipleOf(5 << 20), "10M", 10 << 20);
}

/// An undeclared limit, in a registry that accepts no chunk at all, is an error and not a loop.
#[test]
fn chunks_that_are_always_refused_are_an_error() {
    let Some(goods) = TestImages::new() else { return };
    for status in [413, 416] {
        let registry = goods.registry(Profile::DISTRIBUTION_3);
        registry.inject(RequestKind::Body, Fault::Status(status), FaultTimes::Always);
        let scene = TestImages::scene(&registry);
        let there = registry.reference("team/vm:1");
        let outcome = goods.push(&scene, "new", &["--chunk-size", "64K", "--retry", "0", &there]);
        assert_eq!(outcome.status, 1, "{status}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(&format!("answered {status}")), "{}", outcome.stderr);
    }
}
