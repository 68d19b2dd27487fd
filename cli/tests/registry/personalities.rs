//! Every kind of registry takes and gives images, each in its own way.

use diskette_integration::image::Layout;
use diskette_integration::registry::cases::check_all;
use diskette_integration::registry::profile::{MountPolicy, ResumePolicy};
use diskette_integration::registry::test_images::{NAME, TestImages};
use diskette_integration::registry::{Fault, FaultTimes, Profile, Registry, RequestKind};
use diskette_integration::scene::{ProgramOutcome, Scene};
use ocidir::oci_spec::image::Descriptor;

/// What is done at a registry.
#[derive(Debug, Clone, Copy)]
enum Flow {
    /// A push sends every byte once.
    Push,
    /// A second push sends none.
    Again,
    /// A second repository takes the blobs of the first.
    Mount,
    /// Two platforms.
    Platforms,
    /// A pull gives what was pushed.
    Pull,
    /// A push whose connection breaks in the middle of the layer.
    Broken,
}

#[derive(Debug)]
struct Case {
    profile: Profile,
    flow: Flow,
}

const FLOWS: [Flow; 6] =
    [Flow::Push, Flow::Again, Flow::Mount, Flow::Platforms, Flow::Pull, Flow::Broken];

#[test]
fn personalities() {
    let Some(goods) = TestImages::new() else { return };
    let cases = |profile| FLOWS.map(|flow| Case { profile, flow });
    let cases: Vec<_> = Profile::ALL.into_iter().flat_map(cases).collect();
    assert_eq!(cases.len(), 72);
    check_all(&cases, |case| check(&goods, case));
    goods.assert_untouched();
}

fn check(goods: &TestImages, case: &Case) {
    let registry = goods.registry(case.profile);
    registry.create_repository("team/other");
    let scene = TestImages::scene(&registry);
    let there = registry.reference("team/vm:1");
    let push = |layout: &str, to: &[&str]| assert_success(&goods.push(&scene, layout, to));
    if matches!(case.flow, Flow::Broken) {
        registry.inject(RequestKind::Body, Fault::CutAt(goods.layer / 2), FaultTimes::First(1));
    }
    let layout = if matches!(case.flow, Flow::Platforms) { "multi" } else { "new" };
    push(layout, &[&there]);
    goods.assert_served(&registry, &goods.digest(layout));
    let sent = registry.received_bytes();
    match case.flow {
        Flow::Push => assert_eq!(sent, goods.len),
        Flow::Again => {
            push("new", &[&there]);
            assert_eq!(registry.received_bytes(), sent);
        }
        Flow::Mount => {
            push("new", &[&there, &registry.reference("team/other:1")]);
            assert_eq!(registry.verify_image("team/other", "1"), Ok(()));
            let again = if case.profile.mount == MountPolicy::Never { goods.len } else { 0 };
            assert_eq!(registry.received_bytes(), sent + again);
        }
        // Its two layers differ, and so do its configs.
        Flow::Platforms => assert_eq!(sent, blobs(goods, "multi")),
        Flow::Pull => pull(goods, &scene, &registry, &there),
        Flow::Broken => {
            assert!(sent <= goods.len + goods.layer / 2, "{sent} bytes were sent");
            // What tells the truth about what it has is believed.
            if case.profile.resume == ResumePolicy::Status && case.profile.name == "distribution v3"
            {
                assert_eq!(sent, goods.len);
            }
        }
    }
    if case.profile.resume == ResumePolicy::Status && !matches!(case.flow, Flow::Broken) {
        assert_eq!(registry.open_sessions(), 0, "a session is left open");
    }
}

fn pull(goods: &TestImages, scene: &Scene, registry: &Registry, there: &str) {
    let outcome = scene.run(["pull", there, "-o", "oci:back", "--authfile", "auth.json"]);
    assert_success(&outcome);
    let back = Layout::open(&scene.path("back"));
    assert_eq!(back.find_tag("1").digest().to_string(), goods.new);
    back.verify_blobs("1").unwrap();
    assert_eq!(registry.manifest(NAME, "1").unwrap().digest, goods.new);
}

/// Returns the bytes of a layout's configs and layers.
fn blobs(goods: &TestImages, layout: &str) -> u64 {
    let layout = Layout::open(goods.layout(layout).as_ref());
    let images = layout.images("1");
    let blobs = images.iter().flat_map(|image| {
        let config = image.manifest.config().size();
        std::iter::once(config).chain(image.manifest.layers().iter().map(Descriptor::size))
    });
    blobs.sum()
}

fn assert_success(outcome: &ProgramOutcome) {
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
}
