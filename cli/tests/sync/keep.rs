//! `policy.keep`: old images are deleted after a release was published.
#![expect(
    clippy::too_many_lines,
    reason = "a test is a table of mistakes and what is said of them"
)]

use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::scene::{ProgramOutcome, Scene};
use diskette_integration::upstream::Upstream;
use serde_json::json;
use snapbox::{IntoData as _, assert_data_eq, str};

fn sync(scene: &Scene, registry: &DockerRegistry, args: &[&str]) -> ProgramOutcome {
    let common = ["sync", "--progress", "none", "--retry", "0", "diskette.yaml"];
    let mut outcome = scene.run(common.iter().chain(args));
    let show = |text: &str| text.replace(&registry.address(), "REGISTRY");
    outcome.stderr = show(&outcome.stderr);
    outcome.stdout = show(&String::from_utf8_lossy(&outcome.stdout)).into_bytes();
    outcome
}

/// Returns the lines about what is deleted.
fn deleted(outcome: &ProgramOutcome) -> Vec<String> {
    let text = String::from_utf8_lossy(&outcome.stdout);
    let lines = text.lines().filter(|line| line.contains("delete") || line.starts_with("kept"));
    lines.map(str::to_owned).collect()
}

fn tags(scene: &Scene, registry: &DockerRegistry) -> Vec<String> {
    let listed = scene.run(["tags", &registry.reference("disks/checksums")]).stdout;
    let listed = String::from_utf8(listed).unwrap();
    let mut tags: Vec<String> = listed.lines().map(str::to_owned).collect();
    tags.sort_unstable();
    tags
}

#[test]
fn old_images_are_deleted_after_a_release_was_published() {
    let scene = Scene::new();
    let settings = [("/storage/delete", json!({ "enabled": true }))];
    let Some(mut registry) = DockerRegistry::start(&scene, "registry", &settings) else { return };
    let upstream = Upstream::start();
    let keep = "policy: {keep: {newest: 2, tags: [20251101]}}\n";
    let address = registry.address();
    let write = |more: &str| {
        let text = upstream.catalogue_document(&address, "checksums", more);
        scene.write("diskette.yaml", text);
    };
    write("");
    for (seed, version) in [(1, "20251101"), (2, "20251201"), (3, "20260101")] {
        upstream.publish_release("checksums", version, seed);
        assert_eq!(sync(&scene, &registry, &[]).status, 0);
    }
    // An image of somebody else, whose tag looks like one of ours.
    scene.write("disk.raw", diskette_integration::disk::mixed_bytes(9, 50_000));
    let other = registry.reference("disks/checksums:20240101");
    scene.run(["build", "-q", "disk.raw", "-t", &other, "--push"]);
    upstream.publish_release("checksums", "20260201", 4);
    write(&keep.replace("[20251101]", "['20251101']"));
    let dry = sync(&scene, &registry, &["--dry-run"]);
    assert_eq!(deleted(&dry), [] as [&str; 0], "{}", dry.transcript());
    let all = ["1", "20240101", "20251101", "20251201", "20260101", "latest"];
    assert_eq!(tags(&scene, &registry), all);
    let done = sync(&scene, &registry, &[]);
    assert_eq!(done.status, 0, "{}", done.stderr);
    assert_eq!(deleted(&done), ["deleted\tREGISTRY/disks/checksums:20251201"]);
    let left = ["1", "20240101", "20251101", "20260101", "20260201", "latest"];
    assert_eq!(tags(&scene, &registry), left);
    registry.collect_garbage();
    for tag in left {
        let name = registry.reference(&format!("disks/checksums:{tag}"));
        let copied = scene.run(["copy", "-q", &name, &format!("oci:left:{tag}")]);
        assert_eq!(copied.status, 0, "{}", copied.stderr);
    }
    // An unchanged image is looked after too; in a dry run, nothing is deleted.
    write("policy: {keep: {newest: 1}}\n");
    let dry = sync(&scene, &registry, &["--dry-run"]);
    let old =
        ["20251101", "20260101"].map(|tag| format!("would delete\tREGISTRY/disks/checksums:{tag}"));
    assert_eq!(deleted(&dry), old);
    assert_eq!(tags(&scene, &registry), left);
    assert_eq!(deleted(&sync(&scene, &registry, &[])).len(), 2);
    assert_eq!(tags(&scene, &registry), ["1", "20240101", "20260201", "latest"]);
}

#[test]
fn all_tags_of_the_current_image_stay_whatever_their_age() {
    let scene = Scene::new();
    let settings = [("/storage/delete", json!({ "enabled": true }))];
    let Some(registry) = DockerRegistry::start(&scene, "registry", &settings) else { return };
    let upstream = Upstream::start();
    let keep = "policy: {keep: {within: 1h}}\n";
    let text = upstream.catalogue_document(&registry.address(), "checksums", keep);
    scene.write("diskette.yaml", text);
    upstream.publish_release("checksums", "20240101", 1);
    for outcome in ["published", "unchanged"] {
        let done = sync(&scene, &registry, &[]);
        assert!(done.stdout.starts_with(outcome.as_bytes()), "{}", done.transcript());
        assert_eq!(deleted(&done), [] as [&str; 0]);
    }
    // A tag that somebody else has set is one of its tags.
    let current = registry.reference("disks/checksums:20240101");
    assert_eq!(scene.run(["tag", &current, "20240102"]).status, 0);
    assert_eq!(deleted(&sync(&scene, &registry, &[])), [] as [&str; 0]);
    assert_eq!(tags(&scene, &registry), ["1", "20240101", "20240102", "latest"]);
    // What was current is deleted, and nothing of an image that failed.
    upstream.publish_release("checksums", "20240103", 2);
    let done = sync(&scene, &registry, &[]);
    assert_eq!(deleted(&done).len(), 2, "{}", done.transcript());
    assert_eq!(tags(&scene, &registry), ["1", "20240103", "latest"]);
    upstream.publish_release("checksums", "20240101", 3);
    let failed = sync(&scene, &registry, &[]);
    assert_eq!((failed.status, deleted(&failed)), (1, Vec::new()), "{}", failed.transcript());
    // The current image is not the newest one.
    for args in [&["--allow-downgrade"][..], &[]] {
        let done = sync(&scene, &registry, args);
        assert_eq!((done.status, deleted(&done)), (0, Vec::new()), "{}", done.transcript());
        assert_eq!(tags(&scene, &registry), ["1", "20240101", "20240103", "latest"]);
    }
}

#[test]
fn a_registry_that_deletes_nothing_is_an_error() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let upstream = Upstream::start();
    let keep = "policy: {keep: {newest: 1}}\n";
    let text = upstream.catalogue_document(&registry.address(), "checksums", keep);
    scene.write("diskette.yaml", text);
    for (seed, version) in [(1, "20251101"), (2, "20251201")] {
        upstream.publish_release("checksums", version, seed);
        let done = sync(&scene, &registry, &[]);
        assert_eq!(done.status, i32::from(seed == 2), "{}", done.stderr);
    }
    let failed = sync(&scene, &registry, &[]);
    assert!(failed.stderr.contains("the server answered 405: UNSUPPORTED"), "{}", failed.stderr);
    assert_eq!(tags(&scene, &registry), ["1", "20251101", "20251201", "latest"]);
    assert_eq!(sync(&scene, &registry, &["--no-fail"]).status, 0);
}

#[test]
fn rules_that_make_no_sense_are_explained() {
    let scene = Scene::new();
    let upstream = Upstream::start();
    let check = |keep: &str, expected: snapbox::data::Inline| {
        let text = upstream.catalogue_document("localhost:1", "checksums", "");
        let policy = format!("policy: {{keep: {keep}}}\n");
        scene.write("diskette.yaml", text.replace("platforms:", &format!("{policy}platforms:")));
        let said = scene.run_refused(scene.program(["sync", "--list", "diskette.yaml"]));
        assert_data_eq!(said, expected.raw());
    };
    check(
        "{tags: [x]}",
        str![[r#"
status: 1
stdout:
stderr:
error: `keep` says neither how many images stay nor how long
 --> diskette.yaml:4:10
  |
4 | policy: {keep: {tags: [x]}}
  |          ^^^^
  |
  = help: add `newest: 5` or `within: 30d`

"#]],
    );
    check(
        "{newest: 0}",
        str![[r#"
status: 1
stdout:
stderr:
error: `0` is no number of images
 --> diskette.yaml:4:25
  |
4 | policy: {keep: {newest: 0}}
  |                         ^
  |
  = help: write a whole number from 1 on

"#]],
    );
    check(
        "{newest: few}",
        str![[r#"
status: 1
stdout:
stderr:
error: expected a number, found text
 --> diskette.yaml:4:25
  |
4 | policy: {keep: {newest: few}}
  |                         ^^^

"#]],
    );
    check(
        "{within: 3m}",
        str![[r#"
status: 1
stdout:
stderr:
error: `3m` is not an age: write it like 30d, 12h, 8w or 90min
 --> diskette.yaml:4:25
  |
4 | policy: {keep: {within: 3m}}
  |                         ^^

"#]],
    );
    check(
        "{newest: 1, tags: ['(']}",
        str![[r#"
status: 1
stdout:
stderr:
error: `(` is not a regular expression: unclosed group
 --> diskette.yaml:4:35
  |
4 | policy: {keep: {newest: 1, tags: ['(']}}
  |                                   ^^^

"#]],
    );
}
