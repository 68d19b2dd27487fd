//! `diskette tag`, `digest` and `delete`, in registries and in layouts.

use std::time::Duration;

use diskette_integration::disk::mixed_bytes;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::registry::profile::{TokenExpiry, TokenForm};
use diskette_integration::registry::test_images::TestImages;
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};
use serde_json::json;
use snapbox::{IntoData as _, assert_data_eq, str};

/// Starts Debian's registry, which deletes nothing unless it is told to.
fn start(scene: &Scene, deletes: bool) -> Option<DockerRegistry> {
    let settings = [("/storage/delete", json!({ "enabled": deletes }))];
    DockerRegistry::start(scene, "registry", &settings)
}

fn check(scene: &Scene, registry: &str, args: &[&str], expected: impl snapbox::IntoData) {
    let args = args.iter().map(|arg| arg.replace("REGISTRY", registry));
    let said = scene.run(args).transcript().replace(registry, "REGISTRY");
    assert_data_eq!(said, expected.raw());
}

fn tags(scene: &Scene, registry: &str) -> String {
    String::from_utf8(scene.run(["tags", &format!("{registry}/me/vm")]).stdout).unwrap()
}

#[test]
fn tags_are_added_without_a_blob() {
    let scene = Scene::with_two_disks();
    let digest = scene.build(&[]);
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let image = registry.reference("me/vm:1");
    scene.run(["push", "-q", "-l", "out", "1", &image]);
    registry.take_requests();
    let tagged = scene.run(["tag", &image, "latest", "stable"]);
    assert_eq!((tagged.digest(), &tagged.stderr[..]), (digest.clone(), ""));
    let asked = registry.take_requests();
    assert!(asked.iter().all(|request| !request.path.contains("/blobs/")), "{asked:?}");
    for tag in ["1", "latest", "stable"] {
        registry.verify_image("me/vm", tag).unwrap();
        let name = registry.reference(&format!("me/vm:{tag}"));
        assert_eq!(scene.run(["digest", &name]).digest(), digest);
    }
    assert_eq!(scene.run(["tag", "--dry-run", &image, "no"]).digest(), digest);
    assert!(registry.manifest("me/vm", "no").is_none());
}

#[test]
fn digests_are_of_the_index_or_of_a_platform() {
    let scene = Scene::with_two_disks();
    let digest = scene.build(&["--per-arch-tags"]);
    let layout = Layout::open(&scene.path("out"));
    let arm = layout.find_tag("1-arm64").digest().to_string();
    // The index stands for the layout: it lists all others.
    for name in ["out", "oci:out", "oci:out:1", "oci:out:quay.io/me/vm:1"] {
        assert_eq!(scene.run(["digest", name]).digest(), digest, "{name}");
    }
    assert_eq!(scene.run(["digest", "out", "--platform", "linux/arm64"]).digest(), arm);
    assert_eq!(scene.run(["digest", "oci:out:1-arm64"]).digest(), arm);
}

#[test]
fn deletion_says_what_is_deleted() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let Some(registry) = start(&scene, true) else { return };
    let address = registry.address();
    let name = |tag: &str| registry.reference(&format!("me/vm:{tag}"));
    scene.run(["push", "-q", "-l", "out", "1", &name("1")]);
    scene.run(["tag", &name("1"), "latest"]);
    let digest = scene.run(["digest", &name("1")]).digest();
    let check = |args: &[&str], expected| {
        let said = scene.run(args.iter().map(|arg| arg.replace("REGISTRY", &address)));
        let said = said.transcript().replace(&address, "REGISTRY").replace(&digest, "DIGEST");
        assert_data_eq!(said, expected);
    };
    // This registry cannot delete a tag alone.
    check(
        &["delete", "REGISTRY/me/vm:1"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot delete `REGISTRY/me/vm:1` alone: the registry deletes whole images, and this one has other tags: latest
 |
 = help: `diskette delete REGISTRY/me/vm@DIGEST` deletes the image and all its tags

"#]]
        .raw(),
    );
    assert_eq!(tags(&scene, &address).lines().count(), 2);
    let whole = format!("REGISTRY/me/vm@{digest}");
    let deleted = str![[r#"
status: 0
stdout:
REGISTRY/me/vm@DIGEST
REGISTRY/me/vm:1
REGISTRY/me/vm:latest
stderr:

"#]]
    .raw();
    check(&["delete", "--dry-run", &whole], deleted.clone());
    assert_eq!(tags(&scene, &address).lines().count(), 2);
    check(&["delete", &whole], deleted);
    assert_eq!(tags(&scene, &address), "");
    check(
        &["delete", "REGISTRY/me/vm:1"],
        str![[r#"
status: 1
stdout:
stderr:
error: there is no image `REGISTRY/me/vm:1`

"#]]
        .raw(),
    );
}

#[test]
fn the_only_tag_of_an_image_goes_with_it() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let Some(registry) = start(&scene, true) else { return };
    let name = registry.reference("me/vm:1");
    let digest = scene.run(["push", "-q", "-l", "out", "1", &name]).digest();
    let whole = registry.reference(&format!("me/vm@{digest}"));
    let deleted = scene.run(["delete", &name]).transcript();
    assert_eq!(deleted, format!("status: 0\nstdout:\n{whole}\n{name}\nstderr:\n"));
    assert_eq!(tags(&scene, &registry.address()), "");
}

#[test]
fn registries_that_delete_nothing_are_named() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let Some(registry) = start(&scene, false) else { return };
    let pushed = scene.run(["push", "-q", "-l", "out", "1", &registry.reference("me/vm:1")]);
    let said = scene.run(["delete", &registry.reference("me/vm:1")]).transcript();
    let said = said.replace(&registry.address(), "REGISTRY").replace(&pushed.digest(), "DIGEST");
    assert_data_eq!(
        said,
        str![[r#"
status: 1
stdout:
stderr:
error: cannot delete REGISTRY/me/vm@DIGEST: the server answered 405: UNSUPPORTED, The operation is unsupported.
 |
 = help: the registry does not allow deletion by this API; distribution does with `storage.delete.enabled: true`, others in their web interface

"#]]
        .raw()
    );
    assert_eq!(tags(&scene, &registry.address()), "1\n");
}

#[test]
fn archives_stay_as_they_are() {
    let scene = Scene::with_disk();
    scene.build_to("oci-archive:a.tar", &[]);
    for (command, participle) in [("tag", "tagged"), ("delete", "deleted")] {
        let args = [command, "oci-archive:a.tar:1", "2"];
        let args = &args[..if command == "tag" { 3 } else { 2 }];
        let said = scene.run_refused(scene.program(args));
        let expected = format!("error: an image in an archive cannot be {participle}\n");
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn layouts_have_tags_too() {
    let scene = Scene::with_disk();
    let old = scene.build(&["-t", "quay.io/me/vm:1"]);
    scene.write("disk.raw", mixed_bytes(9, 100_000));
    let new = scene.build(&["-t", "quay.io/me/vm:2"]);
    assert_eq!(scene.run(["tag", "oci:out:1", "3", "2"]).digest(), old);
    let layout = || Layout::open(&scene.path("out"));
    assert_eq!(layout().tags(), ["1", "3", "2"]);
    assert_eq!(layout().find_tag("2").digest().to_string(), old);
    assert_eq!(scene.run(["digest", "oci:out:quay.io/me/vm:3"]).digest(), old);
    // The image that lost its tag is garbage.
    let removed = String::from_utf8(scene.run(["gc", "out"]).stdout).unwrap();
    assert!(removed.contains(&new), "{removed}");
    check(
        &scene,
        "-",
        &["delete", "oci:out:2"],
        str![[r#"
status: 0
stdout:
oci:out:2
stderr:
note: `diskette gc out` frees the space

"#]],
    );
    assert_eq!(layout().tags(), ["1", "3"]);
    scene.run(["delete", &format!("oci:out:{old}")]);
    assert_eq!(layout().tags(), [] as [&str; 0]);
    check(
        &scene,
        "-",
        &["delete", "oci:out:1"],
        str![[r#"
status: 1
stdout:
stderr:
error: there is no image `oci:out:1`

"#]],
    );
    check(
        &scene,
        "-",
        &["tag", "oci:out:1", "2"],
        str![[r#"
status: 1
stdout:
stderr:
error: there is no image `oci:out:1`

"#]],
    );
}

#[test]
fn a_new_tag_is_only_a_tag() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    check(
        &scene,
        "-",
        &["tag", "oci:out:1", "quay.io/me/vm:2"],
        str![[r#"
status: 2
stdout:
stderr:
error: `quay.io/me/vm:2` is not a tag
 |
 = help: write the tag alone, e.g. `latest`; `diskette copy` copies an image to another repository

"#]],
    );
}

#[test]
fn a_tag_is_deleted_alone_where_that_is_possible() {
    let plain = Profile::DISTRIBUTION_3;
    let tokens =
        plain.with_tokens(Duration::from_secs(60), TokenExpiry::Declared, TokenForm::Opaque);
    for profile in [plain, tokens] {
        let registry = Registry::start(profile);
        let scene = TestImages::scene(&registry);
        scene.write("disk.raw", mixed_bytes(1, 100_000));
        scene.write_spec("amd64: { disk: disk.raw }");
        scene.build(&[]);
        let (first, second) = (registry.reference("me/vm:1"), registry.reference("me/vm:2"));
        let auth = ["--authfile", "auth.json"];
        let run = |args: &[&str]| scene.run(args.iter().chain(&auth));
        run(&["push", "-q", "-l", "out", "1", &first]);
        let digest = run(&["tag", &first, "2"]).digest();
        let deleted = run(&["delete", &second]);
        let note = format!("note: only the tag was deleted; {digest} stays\n");
        assert_eq!(deleted.transcript(), format!("status: 0\nstdout:\n{second}\nstderr:\n{note}"));
        assert!(registry.manifest("me/vm", "2").is_none());
        registry.verify_image("me/vm", "1").unwrap();
        let whole = registry.reference(&format!("me/vm@{digest}"));
        assert_eq!(run(&["delete", &whole]).status, 0);
        assert!(registry.manifest("me/vm", &digest).is_none());
    }
}

/// A registry that says that it has deleted a tag, and has not.
#[test]
fn what_was_not_deleted_is_an_error() {
    let manifest = br#"{"schemaVersion":2,"layers":[]}"#;
    let server =
        Server::start([("/v2/me/vm/manifests/1", ServerAnswer::Content(manifest.to_vec()))]);
    let address = server.url("").replace("http://", "");
    let said = Scene::new().run(["delete", &format!("{address}/me/vm:1")]).transcript();
    assert!(said.contains("the server answered 200, and the tag is still there"), "{said}");
}
