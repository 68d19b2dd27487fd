//! `diskette prune` deletes old images of a repository, and nothing that something else needs.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::fs;

use diskette_integration::disk::mixed_bytes;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use serde_json::{Value, json};
use snapbox::{IntoData as _, assert_data_eq, str};

const COSIGN_KEY: &str = include_str!("../../../builder/src/signature/key/testing/cosign.key");
const COSIGN_PUB: &str = include_str!("../../../builder/src/signature/key/testing/cosign.pub");

/// Makes a scene with keys, and starts Debian's registry.
fn start() -> Option<(Scene, DockerRegistry)> {
    let scene = Scene::with_two_disks();
    scene.write("cosign.key", COSIGN_KEY);
    scene.write("cosign.pub", COSIGN_PUB);
    scene.write("password", "secret\n");
    let settings = [("/storage/delete", json!({ "enabled": true }))];
    let registry = DockerRegistry::start(&scene, "registry", &settings)?;
    Some((scene, registry))
}

/// Pushes an image of two platforms, of which one is the same for all seeds, and signs it.
fn push(scene: &Scene, registry: &DockerRegistry, seed: u64, tags: &[&str]) -> String {
    scene.write("x.raw", mixed_bytes(seed, 150_000));
    scene.build(&[]);
    let name = |tag: &str| registry.reference(&format!("me/vm:{tag}"));
    let digest = scene.run(["push", "-q", "-l", "out", "1", &name(tags[0])]).digest();
    for tag in &tags[1..] {
        scene.run(["tag", &name(tags[0]), tag]);
    }
    let args = ["--key", "cosign.key", "--key-password-file", "password"];
    scene.run(["sign", &name(tags[0])].iter().chain(&args));
    digest
}

/// Returns the tags of the repository that are not made of digests.
fn tags(scene: &Scene, registry: &DockerRegistry) -> Vec<String> {
    let listed = scene.run(["tags", &registry.reference("me/vm")]).stdout;
    let listed = String::from_utf8(listed).unwrap();
    let mut tags: Vec<String> =
        listed.lines().filter(|tag| !tag.starts_with("sha256-")).map(str::to_owned).collect();
    tags.sort_unstable();
    tags
}

fn stored_bytes(scene: &Scene) -> u64 {
    let files = walk(&scene.path("registry/data/docker/registry/v2/blobs"));
    files.iter().map(|path| fs::metadata(path).unwrap().len()).sum()
}

fn walk(path: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// Pulls all platforms with diskette, skopeo and the signatures, after the registry has collected its garbage.
fn check_image(scene: &Scene, registry: &DockerRegistry, tag: &str) {
    let name = registry.reference(&format!("me/vm:{tag}"));
    let layout = format!("pulled-{tag}");
    let pulled = scene.run(["copy", "-q", &name, &format!("oci:{layout}:{tag}")]);
    assert_eq!(pulled.status, 0, "{tag}: {}", pulled.stderr);
    Layout::open(&scene.path(&layout)).verify_blobs(tag).unwrap();
    let verified = scene.run(["verify", &name, "--key", "cosign.pub", "--progress", "none"]);
    assert_eq!(verified.status, 0, "{tag}: {}", verified.transcript());
    if let Some(skopeo) = peer::find("skopeo") {
        let (from, to) = (
            format!("docker://{name}"),
            format!("dir:{}", scene.path(&format!("dir-{tag}")).display()),
        );
        skopeo.run([
            "copy",
            "-q",
            "--all",
            "--src-tls-verify=false",
            "--insecure-policy",
            &from,
            &to,
        ]);
    }
}

#[test]
fn what_lives_is_pulled_after_the_registry_has_collected_its_garbage() {
    let Some((scene, mut registry)) = start() else { return };
    let old = push(&scene, &registry, 11, &["9-20260101"]);
    let older = push(&scene, &registry, 10, &["9-20251201", "9.7"]);
    push(&scene, &registry, 12, &["9-20260201"]);
    push(&scene, &registry, 13, &["9-20260301", "latest"]);
    let platform = |tag: &str| {
        let name = registry.reference(&format!("me/vm:{tag}"));
        scene.run(["digest", &name, "--platform", "linux/amd64"]).digest()
    };
    let gone = platform("9-20260101");
    // An index that lists an image of an old one keeps it.
    let kept = registry.reference(&format!("me/vm@{}", platform("9-20251201")));
    scene.run(["index", "create", &registry.reference("me/vm:part"), &kept]);
    let repository = registry.reference("me/vm");
    let shown = scene.run(["prune", &repository, "--keep", "2"]);
    let show = |text: &str| {
        let text = text
            .replace(&registry.address(), "REGISTRY")
            .replace(&old, "OLD")
            .replace(&older, "OLDER");
        text.lines()
            .filter(|line| !line.contains("sha256-"))
            .flat_map(|line| [line, "\n"])
            .collect::<String>()
    };
    assert_data_eq!(
        show(&shown.transcript()),
        str![[r#"
status: 0
stdout:
delete	9-20251201	OLDER	2025-12-01T00:00:00Z	the image, with 1 other manifest	dated by its tag `9-20251201`
delete	9.7	OLDER	2025-12-01T00:00:00Z	the image, with 1 other manifest	dated by its tag `9-20251201`
delete	9-20260101	OLD	2026-01-01T00:00:00Z	the image, with 3 other manifests	dated by its tag `9-20260101`
keep	9-20260201	sha256:2558693a1f4912a5c370fa776676522b43049af2c5bd6e2bfb4b67a32b3b7f8c	one of the newest 2
keep	9-20260301	sha256:35b874c9276a0aa60576bf5ca9adf4b7b42c7cf31c3c9caa9bf38c42b710d4f3	one of the newest 2
keep	latest	sha256:35b874c9276a0aa60576bf5ca9adf4b7b42c7cf31c3c9caa9bf38c42b710d4f3	one of the newest 2
keep	part	sha256:eb1dea5da7c0025822887ee2878527e7bb35b7b040a3c7348f15c62980bea3cc	no date
stderr:
would delete 3 tags and 6 manifests; `--yes` deletes them

"#]]
        .raw()
    );
    assert_eq!(tags(&scene, &registry).len(), 7);
    let before = stored_bytes(&scene);
    let deleted = scene.run(["prune", &repository, "--keep", "2", "--yes"]);
    assert_eq!(deleted.stdout, shown.stdout);
    assert_data_eq!(
        show(&deleted.stderr),
        str![[r#"
deleted 3 tags and 6 manifests

"#]]
        .raw()
    );
    registry.collect_garbage();
    let left = ["9-20260201", "9-20260301", "latest", "part"];
    assert_eq!(tags(&scene, &registry), left);
    for tag in ["9-20260201", "9-20260301", "latest"] {
        check_image(&scene, &registry, tag);
    }
    let part = registry.reference("me/vm:part");
    assert_eq!(scene.run(["copy", "-q", &part, "oci:part:1"]).status, 0);
    Layout::open(&scene.path("part")).verify_blobs("1").unwrap();
    // What was deleted is gone: its manifests, its signatures and its disk.
    for digest in [&old, &older, &gone] {
        let name = registry.reference(&format!("me/vm@{digest}"));
        assert!(scene.run(["digest", &name]).stderr.contains("there is no image"), "{digest}");
        let signature = registry.reference(&format!("me/vm:{}.sig", digest.replace(':', "-")));
        assert!(scene.run(["digest", &signature]).stderr.contains("there is no image"), "{digest}");
    }
    let freed = before - stored_bytes(&scene);
    assert!((60_000..100_000).contains(&freed), "{freed}");
    let again = scene.run(["prune", &repository, "--keep", "2", "--yes"]);
    assert!(again.stderr.ends_with("deleted 0 tags\n"), "{}", again.transcript());
}

#[test]
fn a_tag_of_an_image_that_stays_is_left() {
    let Some((scene, registry)) = start() else { return };
    push(&scene, &registry, 13, &["9-20260301", "latest"]);
    let repository = registry.reference("me/vm");
    let args = ["prune", &repository, "--keep", "0", "--keep-tags", "^latest$", "--yes"];
    let said = scene.run(args);
    assert_eq!(said.status, 0);
    assert_data_eq!(
        said.stderr,
        str![[r#"
note: `9-20260301` stays: the registry deletes whole images, and something that stays needs this one
deleted 0 tags

"#]]
        .raw()
    );
    assert_eq!(tags(&scene, &registry), ["9-20260301", "latest"]);
    check_image(&scene, &registry, "latest");
}

#[test]
fn a_plan_is_json_too() {
    let scene = Scene::with_disk();
    let build = |tag: &str, seed| {
        scene.write("disk.raw", mixed_bytes(seed, 100_000));
        scene.build_to(&format!("oci:out:{tag}"), &[])
    };
    let (old, _) = (build("vm-20260101", 1), build("vm-20260201", 2));
    let shown = scene.run(["prune", "oci:out", "--keep", "1", "--format", "json"]);
    let plan: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(
        plan["delete"],
        json!([{ "digest": old, "tags": ["vm-20260101"], "created": "2026-01-01T00:00:00Z", "datedByTag": "vm-20260101", "manifests": plan["delete"][0]["manifests"] }])
    );
    assert_eq!(plan["delete"][0]["manifests"][0], json!(old));
    assert_eq!(plan["keep"][0]["reason"], "the newest");
    assert!(
        shown.stderr.ends_with("would delete 1 tag and 2 manifests; `--yes` deletes them\n"),
        "{}",
        shown.stderr
    );
}

#[test]
fn layouts_are_pruned_too() {
    let scene = Scene::with_disk();
    for (seed, tag) in [(1, "vm-20260101"), (2, "vm-20260201"), (3, "latest")] {
        scene.write("disk.raw", mixed_bytes(seed, 100_000));
        scene.build_to(&format!("oci:out:{tag}"), &[]);
    }
    // All are old, and the newest stays nevertheless; not if that is said.
    let old = ["prune", "oci:out", "--keep-within", "1h"];
    let shown = scene.run(old);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("keep\tvm-20260201\t") && shown.contains("\tthe newest\n"), "{shown}");
    let none = ["prune", "oci:out", "--keep", "0"];
    assert!(!scene.run(none).stderr.contains("no tag stays"), "`latest` has no date");
    scene.build_to("oci:all:vm-20260101", &[]);
    let said = scene.run(["prune", "oci:all", "--keep", "0"]);
    assert_data_eq!(
        said.stderr,
        str![[r#"
note: no tag stays
would delete 1 tag and 2 manifests; `--yes` deletes them

"#]]
        .raw()
    );
    let said = scene.run(["prune", "oci:out", "--keep", "1", "--yes"]);
    assert!(
        said.stderr.ends_with("deleted 1 tag\nnote: `diskette gc out` frees the space\n"),
        "{}",
        said.stderr
    );
    scene.run(["gc", "out"]);
    let layout = Layout::open(&scene.path("out"));
    assert_eq!(layout.tags(), ["vm-20260201", "latest"]);
    for tag in layout.tags() {
        layout.verify_blobs(&tag).unwrap();
    }
}

#[test]
fn mistakes_are_explained() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    scene.build_to("oci-archive:a.tar", &[]);
    let check = |args: &[&str], expected: snapbox::data::Inline| {
        assert_data_eq!(scene.run_refused(scene.program(args)), expected.raw());
    };
    check(
        &["prune", "quay.io/me/vm:1", "--keep", "1"],
        str![[r#"
status: 2
stdout:
stderr:
error: `quay.io/me/vm:1` is one image, and the images of a whole repository are compared
 |
 = help: use `quay.io/me/vm`; `diskette delete quay.io/me/vm:1` deletes one image

"#]],
    );
    check(
        &["prune", "oci:out:1", "--keep", "1"],
        str![[r#"
status: 2
stdout:
stderr:
error: `oci:out:1` is one image, and the images of a whole repository are compared
 |
 = help: use `oci:out`; `diskette delete oci:out:1` deletes one image

"#]],
    );
    check(
        &["prune", "oci-archive:a.tar", "--keep", "1"],
        str![[r#"
status: 2
stdout:
stderr:
error: an image in an archive cannot be deleted
 |
 = help: copy it to a layout first: `diskette copy oci-archive:FILE oci:DIR`

"#]],
    );
    check(
        &["prune", "oci:out"],
        str![[r#"
status: 2
stdout:
stderr:
error: the following required arguments were not provided:
  <--keep <N>|--keep-within <AGE>>

Usage: diskette prune <--keep <N>|--keep-within <AGE>> <REF>

For more information, try '--help'.

"#]],
    );
    check(
        &["prune", "oci:out", "--keep", "all"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'all' for '--keep <N>': invalid digit found in string

For more information, try '--help'.

"#]],
    );
    check(
        &["prune", "oci:out", "--keep-within", "3m"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '3m' for '--keep-within <AGE>': `3m` is not an age: write it like 30d, 12h, 8w or 90min

For more information, try '--help'.

"#]],
    );
    check(
        &["prune", "oci:out", "--keep", "1", "--keep-tags", "("],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '(' for '--keep-tags <REGEX>': regex parse error:
    (
    ^
error: unclosed group

For more information, try '--help'.

"#]],
    );
}
