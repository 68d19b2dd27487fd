//! Images are **signed where they are written**, before their tags, and are **used only with the signatures** that are
//! required.
#![expect(clippy::too_many_lines, reason = "each test is a table of commands")]

use std::fs;

use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::registry::{Fault, FaultTimes, Profile, Registry, RequestKind};
use diskette_integration::scene::Scene;
use diskette_integration::trixie::Trixie;
use diskette_integration::upstream::Upstream;
use snapbox::{assert_data_eq, str};

/// Makes a scene with disks for two platforms and two pairs of keys.
fn scene() -> Scene {
    let scene = Scene::with_two_disks();
    scene.make_signing_key("EC -pkeyopt ec_paramgen_curve:P-256", "me");
    scene.make_signing_key("ED25519", "other");
    scene
}

const SIGN: [&str; 2] = ["--sign-key", "me.key"];

/// Runs a command that must succeed.
fn run(scene: &Scene, args: &[&str]) {
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 0, "{args:?}: {}", outcome.stderr);
}

/// Checks that an image is signed for a name, with its tag.
fn check_signed(scene: &Scene, image: &str, identity: &str) {
    let args = ["verify", "--progress", "none", "--key", "me.pub", "--identity", identity, image];
    run(scene, &args);
}

#[test]
fn each_command_signs_what_it_writes() {
    let scene = scene();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let names = |repository: &str| {
        ["1", "latest"].map(|tag| registry.reference(&format!("{repository}:{tag}")))
    };
    let sign = |args: &[&str]| run(&scene, &[args, &SIGN].concat());

    // Each of several names is signed for, in the registry and in the layout.
    let [one, latest] = names("me/built");
    sign(&["build", "-q", "-t", &one, "-t", &latest, "--push", "-o", "oci:out"]);
    for name in [&one, &latest] {
        check_signed(&scene, name, name);
        check_signed(&scene, &format!("oci:out:{name}"), name);
    }
    sign(&["build", "-q", "-t", &one, "-o", "oci-archive:out.tar"]);
    check_signed(&scene, "oci-archive:out.tar", &one);

    // The tags of platforms are signed for too.
    let tagged = registry.reference("me/tags:1");
    sign(&["build", "-q", "-t", &tagged, "--push", "--per-arch-tags"]);
    for end in ["", "-amd64", "-arm64"] {
        let name = format!("{tagged}{end}");
        check_signed(&scene, &name, &name);
    }

    // An image that is published by its digest is signed for its repository.
    let bare = registry.reference("me/bare");
    let output = format!("type=image,push=true,push-by-digest=true,name={bare}");
    let built = scene.run([&["build", "-q", "-o", &output][..], &SIGN].concat());
    let name = format!("{bare}@{}", built.digest());
    check_signed(&scene, &name, &bare);

    scene.build(&[]);
    let pushed = registry.reference("me/pushed:1");
    sign(&["push", "-q", "-l", "out", "quay.io/me/vm:1", &pushed]);
    check_signed(&scene, &pushed, &pushed);
    let copied = registry.reference("me/copied:1");
    sign(&["copy", "-q", "--referrers", "none", &pushed, &copied]);
    check_signed(&scene, &copied, &copied);
    sign(&["copy", "-q", &pushed, "oci:copies:a", "--sign-identity", "q.io/me/vm:7"]);
    check_signed(&scene, "oci:copies:a", "q.io/me/vm:7");
    sign(&["copy", "-q", &pushed, "oci:copies:b", "--sign-identity", "q.io/me/vm"]);
    check_signed(&scene, "oci:copies:b", "q.io/me/vm");
    let repository = copied.strip_suffix(":1").unwrap();
    sign(&["copy", "-q", "--all-tags", repository, &registry.reference("me/all")]);
    let all = registry.reference("me/all:1");
    check_signed(&scene, &all, &all);
    // The signatures of the source are there too.
    check_signed(&scene, &all, &copied);

    let joined = registry.reference("me/joined:2");
    let part = format!("{tagged}-amd64");
    sign(&["index", "create", "-q", &joined, &part, &format!("{tagged}-arm64")]);
    check_signed(&scene, &joined, &joined);
    scene.write("Dockerfile", "FROM scratch\nADD x.raw /disk/\n");
    let docker = registry.reference("me/docker:1");
    sign(&["build", "-q", "--format", "docker", "-t", &docker, "--push", "-f", "Dockerfile", "."]);
    check_signed(&scene, &docker, &docker);
}

#[test]
fn what_is_published_of_a_catalogue_is_signed() {
    let scene = scene();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let upstream = Upstream::start();
    scene.write("diskette.yaml", upstream.catalogue("prod.example", &["checksums"]));
    let staging = format!("{}/staging", registry.address());
    let public = format!("{}/public", registry.address());
    let file = ["--progress", "none", "--results-file", "results.json"];
    run(
        &scene,
        &[&["sync", "diskette.yaml", "--target-registry", &staging][..], &file, &SIGN].concat(),
    );
    let name = registry.reference("staging/checksums:1");
    check_signed(&scene, &name, &name);
    run(&scene, &[&["verify"][..], &file].concat());
    let promote = [&["promote", "--target-registry", &public][..], &file].concat();
    let refused = scene.run([&promote[..], &["--verify-key", "other.pub"]].concat());
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("one is by another key"), "{}", refused.stderr);
    let results = String::from_utf8(scene.read("results.json")).unwrap();
    scene.write("results.json", results.replace("\"Stage\": \"promote\"", "\"Stage\": \"verify\""));
    let mut results: serde_json::Value =
        serde_json::from_slice(&scene.read("results.json")).unwrap();
    results["checksums:1"]["Err"] = "".into();
    scene.write("results.json", results.to_string());
    run(&scene, &[&promote[..], &["--verify-key", "me.pub"], &SIGN].concat());
    for tag in ["1", "latest", "1.1"] {
        let name = registry.reference(&format!("public/checksums:{tag}"));
        check_signed(&scene, &name, &name);
    }
}

/// No tag refers to an image whose signature is not there.
#[test]
fn tags_are_written_after_signatures() {
    let scene = scene();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let name = registry.reference("me/vm:1");
    let build = [&["build", "-q", "-t", &name, "--push"][..], &SIGN].concat();
    run(&scene, &build);
    let written: Vec<String> = registry
        .take_requests()
        .iter()
        .filter(|it| it.method == "PUT" && it.path.contains("/manifests/"))
        .map(|it| it.path.rsplit('/').next().unwrap().to_owned())
        .collect();
    let last = written.iter().position(|it| it == "1").unwrap();
    assert_eq!(last, written.len() - 1, "{written:?}");
    assert_eq!(written.iter().filter(|it| it.starts_with("sha256-")).count(), 3, "{written:?}");

    // A registry that does not take the signatures leaves the tag as it was.
    let served = registry.manifest("me/vm", "1").unwrap().bytes;
    scene.write("x.raw", diskette_integration::disk::mixed_bytes(9, 90_000));
    registry.inject(RequestKind::PutTag, Fault::Status(403), FaultTimes::First(1));
    let refused = scene.run(&build);
    assert_eq!(refused.status, 1, "{}", refused.stderr);
    assert_eq!(registry.manifest("me/vm", "1").unwrap().bytes, served);
}

#[test]
fn names_and_keys_that_are_missing_are_explained() {
    let scene = scene();
    scene.build(&[]);
    let check = |args: &[&str], expected: snapbox::data::Inline| {
        assert_data_eq!(scene.run_refused(scene.program(args)), expected);
    };
    check(
        &["build", "-o", "oci:other", "x.raw", "--sign-key", "me.key"],
        str![[r#"
status: 2
stdout:
stderr:
warning: `x.raw` does not show its architecture; linux/amd64 is assumed
 |
 = help: name it with `--platform`, e.g. `--platform linux/arm64`
error: the image gets no name in a registry that it could be signed for
 |
 = help: name one with `--sign-identity`, e.g. `--sign-identity quay.io/me/fedora:42`

"#]],
    );
    check(
        &["copy", "oci:out", "oci:other:a", "--sign-key", "me.key"],
        str![[r#"
status: 2
stdout:
stderr:
error: the image gets no name in a registry that it could be signed for
 |
 = help: name one with `--sign-identity`, e.g. `--sign-identity quay.io/me/fedora:42`

"#]],
    );
    check(
        &["build", "--load=podman", "--sign-key", "me.key"],
        str![[r#"
status: 2
stdout:
stderr:
error: an engine that loads an image keeps no signatures
 |
 = help: leave `--sign-key` out

"#]],
    );
    check(
        &["build", "-o", "oci:other", "--sign-key", "none.key"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read the key `none.key`: No such file or directory (os error 2)

"#]],
    );
    check(
        &["build", "-o", "oci:other", "--sign-identity", "q.io/me/vm"],
        str![[r#"
status: 2
stdout:
stderr:
error: the following required arguments were not provided:
  --sign-key <FILE>

Usage: diskette build --sign-key <FILE> --output <DEST> --sign-identity <NAME> [DISK|CONTEXT]...

For more information, try '--help'.

"#]],
    );
    check(
        &["copy", "oci:out", "oci:other", "--verify-key", "me.pub", "--verify-policy", "p.json"],
        str![[r#"
status: 2
stdout:
stderr:
error: the argument '--verify-key <FILE>' cannot be used with '--verify-policy <FILE>'

Usage: diskette copy --verify-key <FILE> <SRC> <DST>

For more information, try '--help'.

"#]],
    );
}

/// Images with wrong signatures are refused by every command before one of their blobs is read.
#[test]
fn only_signed_images_are_used() {
    let scene = scene();
    scene.allow_bad_images("bases have no disk");
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    scene.build(&[]);
    let name = |image: &str| registry.reference(image);
    for image in ["me/signed:1", "me/unsigned:1", "me/index:1"] {
        run(&scene, &["push", "-q", "-l", "out", "quay.io/me/vm:1", &name(image)]);
    }
    let index = scene.run(["sign", "-q", "--key", "me.key", &name("me/signed:1")]).digest();
    // Only the index of the third is signed, as `cosign sign` does without `--recursive`.
    let signature = format!("{}.sig", index.replace(':', "-"));
    let bytes = registry.manifest("me/signed", &signature).unwrap().bytes;
    registry.put_manifest("me/index", &signature, &bytes);

    let layout = Layout::open(&scene.path("out"));
    let layers: Vec<String> = layout
        .images("1")
        .iter()
        .flat_map(|image| image.manifest.layers().iter().map(|it| it.digest().to_string()))
        .collect();
    let policy = format!(
        r#"{{"default":[{{"type":"reject"}}],"transports":{{"docker":{{"{}/me/signed":[
           {{"type":"sigstoreSigned","keyPath":"{}"}}]}}}}}}"#,
        registry.address(),
        scene.path("me.pub").display(),
    );
    scene.write("policy.json", policy);
    for image in ["me/signed:1", "me/unsigned:1", "me/index:1"] {
        let reference = name(image);
        scene.write("from/Dockerfile", format!("FROM {reference}\nLABEL a=b\n"));
        scene.write(
            "copy/Dockerfile",
            format!("FROM scratch\nCOPY --from={reference} /disk /disk\n"),
        );
        let spec = format!(
            "apiVersion: diskette/v1\nimage: q.io/me/new\ntags: [\"1\"]\nplatforms:\n  amd64: {{ disk: {{ image: {reference} }} }}\n"
        );
        scene.write("spec/diskette.yaml", spec);
        let commands: [&[&str]; 6] = [
            &["copy", "-q", &reference, "oci:new"],
            &["copy", "-q", "--platform", "linux/arm64", &reference, "oci:new"],
            &["pull", "-q", &reference, "-o", "oci:new"],
            &["build", "-q", "--no-cache", "-o", "oci:new", "-t", "q.io/me/new:1", "from"],
            &["build", "-q", "--no-cache", "-o", "oci:new", "-t", "q.io/me/new:1", "copy"],
            &["build", "-q", "--no-cache", "-o", "oci:new", "spec"],
        ];
        let identity = name("me/signed:1");
        for command in commands {
            for (gate, is_used) in [
                (&["--verify-key", "me.pub"][..], image == "me/signed:1"),
                (&["--verify-key", "other.pub", "--verify-key", "me.pub"], image == "me/signed:1"),
                (&["--verify-policy", "policy.json"], image == "me/signed:1"),
                (&["--verify-key", "other.pub"], false),
                (&["--verify-key", "me.pub", "--verify-identity", "q.io/me/vm"], false),
                (
                    &["--verify-key", "me.pub", "--verify-identity", &identity],
                    image == "me/signed:1",
                ),
            ] {
                registry.take_requests();
                let args = [command, gate].concat();
                let outcome = scene.run(&args);
                assert_eq!(outcome.status == 0, is_used, "{args:?}: {}", outcome.stderr);
                let read = registry.take_requests();
                if !is_used {
                    let of_layer = |path: &str| layers.iter().any(|it| path.ends_with(it));
                    assert!(!read.iter().any(|it| of_layer(&it.path)), "{args:?}");
                    assert!(!scene.path("new").exists(), "{args:?}");
                    continue;
                }
                fs::remove_dir_all(scene.path("new")).unwrap();
            }
        }
    }
}

/// A key signs what was written, and nothing that was there before: an index is only what a registry says.
#[test]
fn images_that_were_kept_are_not_signed_unchecked() {
    let scene = scene();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let name = registry.reference("me/vm:1");
    let parts = ["amd64", "arm64"].map(|arch| registry.reference(&format!("me/vm:{arch}")));
    for (arch, part) in ["linux/amd64", "linux/arm64"].iter().zip(&parts) {
        run(&scene, &["build", "-q", "-t", part, "--push", "--platform", arch]);
    }
    run(&scene, &["index", "create", "-q", &name, &parts[1]]);
    let append = ["index", "create", "-q", "--append", &name, &parts[0], SIGN[0], SIGN[1]];
    let refused = scene.run(append);
    assert_eq!(refused.status, 1, "{}", refused.stderr);
    let why = "the index lists the image for linux/arm64";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    run(&scene, &["sign", "-q", &name, "--key", "me.key"]);
    run(&scene, &append);
    check_signed(&scene, &name, &name);
}

/// Another client that replaces the image of a platform does not get it signed by the next release.
#[test]
fn a_published_platform_that_was_replaced_is_not_signed() {
    let scene = scene();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let upstream = Upstream::start();
    scene.write("diskette.yaml", upstream.catalogue("prod.example", &["checksums"]));
    let address = format!("{}/me", registry.address());
    let sync = ["sync", "diskette.yaml", "--progress", "none", "--target-registry", &address];
    run(&scene, &sync);
    scene.write(
        "diskette.yaml",
        upstream.catalogue("prod.example", &["checksums"]) + "labels: { a: b }\n",
    );
    run(&scene, &[&sync[..], &SIGN].concat());
    let name = registry.reference("me/checksums:1");
    check_signed(&scene, &name, &name);
}

/// What is copied from another registry was not checked: it is signed if the key had signed it there.
#[test]
fn a_platform_that_is_copied_is_signed_if_the_key_had_signed_it() {
    let upstream = Upstream::start();
    let disk = |number: u64| diskette_integration::disk::qcow2_disk(number, 300_000);
    for (key, is_signed) in [(None, false), (Some("other.key"), false), (Some("me.key"), true)] {
        let scene = scene();
        let Some(registry) = DockerRegistry::start_open(&scene) else { return };
        scene.write("diskette.yaml", upstream.catalogue("prod.example", &["checksums"]));
        let [own, staging] = ["own", "staging"].map(|it| format!("{}/{it}", registry.address()));
        let sync = ["sync", "diskette.yaml", "--progress", "none"];
        upstream.publish_disks("checksums", "1.1", [disk(1), disk(2)]);
        let key = key.map_or(vec![], |key| vec!["--sign-key", key]);
        run(&scene, &[&sync[..], &["--target-registry", &own], &key].concat());
        // The disk for amd64 is the old one: its image is copied.
        upstream.publish_disks("checksums", "1.2", [disk(1), disk(3)]);
        let both = ["--source-registry", &own, "--target-registry", &staging];
        let outcome = scene.run([&sync[..], &both, &SIGN].concat());
        let name = registry.reference("staging/checksums:1");
        if is_signed {
            assert_eq!(outcome.status, 0, "{}", outcome.stderr);
            check_signed(&scene, &name, &name);
            continue;
        }
        assert_eq!(outcome.status, 1, "{key:?}: {}", outcome.stderr);
        let why = "the index lists the image for linux/amd64";
        assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
        assert_eq!(scene.run(["verify", &name]).status, 1, "nothing has the name");
        run(&scene, &[&sync[..], &both, &SIGN, &["--force"]].concat());
        check_signed(&scene, &name, &name);
    }
}

/// An image whose tag looks like that of a signature is an image.
#[test]
fn names_of_signatures_do_not_pass_a_gate() {
    let scene = scene();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    scene.build(&[]);
    for end in ["", ".sig", ".att", ".sbom"] {
        let hex = "a".repeat(64);
        let evil = registry.reference(&format!("me/vm:sha256-{hex}{end}"));
        run(&scene, &["push", "-q", "-l", "out", "1", &evil]);
        let copied = registry.reference("you/vm:latest");
        let refused = scene.run(["copy", "-q", &evil, &copied, "--verify-key", "me.pub"]);
        assert_eq!(refused.status, 1, "{end}");
        run(&scene, &[&["copy", "-q", &evil, &copied][..], &SIGN].concat());
        check_signed(&scene, &copied, &copied);
    }
    let signed = registry.reference("me/vm:1");
    run(&scene, &[&["push", "-q", "-l", "out", "1", &signed][..], &SIGN].concat());
    let (from, to) = (registry.reference("me/vm"), registry.reference("we/vm"));
    run(&scene, &["copy", "-q", "--all-tags", &from, &to, "--verify-key", "me.pub"]);
    let tags = String::from_utf8(scene.run(["tags", &to]).stdout).unwrap();
    assert!(tags.contains('1') && !tags.contains("aaaa"), "{tags}");
}

/// What is known of a base from an earlier build is not used without the signatures either.
#[test]
fn cached_bases_are_checked() {
    let scene = scene();
    scene.allow_bad_images("the image has no disk of its own");
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let base = registry.reference("me/base:1");
    run(&scene, &[&["build", "-q", "-t", &base, "--push"][..], &SIGN].concat());
    scene.write("from/Dockerfile", format!("FROM {base}\nLABEL a=b\n"));
    let build = ["build", "-q", "-o", "oci:new", "-t", "q.io/me/new:1", "from", "--lock"];
    run(&scene, &[&build[..], &["--verify-key", "me.pub"]].concat());
    let refused = scene.run([&build[..7], &["--verify-key", "other.pub"]].concat());
    assert_eq!(refused.status, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("one is by another key"), "{}", refused.stderr);
}

/// cosign accepts what a build has signed, for each of its names.
#[test]
fn cosign_accepts_what_a_build_signs() {
    let scene = scene();
    let Some(trixie) = Trixie::find(&scene) else { return };
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let names = ["1", "latest"].map(|tag| registry.reference(&format!("me/vm:{tag}")));
    run(
        &scene,
        &[&["build", "-q", "-t", &names[0], "-t", &names[1], "--push"][..], &SIGN].concat(),
    );
    fs::copy(scene.path("me.pub"), trixie.path("me.pub")).unwrap();
    for name in &names {
        for platform in ["linux/amd64", "linux/arm64"] {
            let manifest = diskette_integration::peer::read_manifest_by_skopeo(name).unwrap();
            let index: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
            let entries = index["manifests"].as_array().unwrap();
            let architecture = platform.rsplit('/').next().unwrap();
            let entry = entries.iter().find(|it| it["platform"]["architecture"] == architecture);
            let digest = entry.unwrap()["digest"].as_str().unwrap();
            let image = format!("{}@{digest}", name.rsplit_once(':').unwrap().0);
            for image in [name, &image] {
                trixie.run(&[
                    "cosign",
                    "verify",
                    "--key",
                    "me.pub",
                    "--insecure-ignore-tlog",
                    image,
                ]);
            }
        }
    }
}
