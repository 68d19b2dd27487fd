//! Where a build writes: an archive or a layout and registries at once, by tag or by digest, with the
//! fields of buildx; and what `--dry-run` leaves as it is.

use diskette_integration::docker_registry::{DockerRegistry, USER, htpasswd_settings};
use diskette_integration::registry::{Fault, FaultTimes, Profile, Registry, RequestKind};
use diskette_integration::scene::Scene;
use serde_json::Value;

/// Runs the program, which must succeed, and returns what it prints.
fn run(scene: &Scene, args: &[&str]) -> String {
    run_with_messages(scene, args).0
}

/// Returns what the program prints, and its messages.
fn run_with_messages(scene: &Scene, args: &[&str]) -> (String, String) {
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 0, "{args:?}: {}", outcome.stderr);
    (String::from_utf8(outcome.stdout).unwrap().trim().to_owned(), outcome.stderr)
}

/// Returns what the program prints for an image.
fn digest(scene: &Scene, image: &str) -> String {
    run(scene, &["digest", image])
}

#[test]
fn a_store_and_registries_get_the_same_image() {
    let scene = Scene::with_two_disks();
    let (a, b) =
        (Registry::start(Profile::DISTRIBUTION_3), Registry::start(Profile::DISTRIBUTION_3));
    let (a1, b1) = (a.reference("team/vm:1"), b.reference("team/vm:1"));
    for local in ["oci:layout", "oci-archive:image.tar", "oci-archive:image.tar.gz"] {
        let built = run(
            &scene,
            &["build", "-q", "--no-cache", "-o", local, "-o", &b1, "--push", "-t", &a1],
        );
        let names = [local.to_owned(), a1.clone(), b1.clone()];
        for name in names {
            assert_eq!(digest(&scene, &name), built, "{name} beside {local}");
        }
        a.verify_image("team/vm", "1").unwrap();
    }
    let stream = scene.run(["build", "-o", "-", "--push", "-t", &a1]);
    assert_eq!(stream.status, 0, "{}", stream.stderr);
    let two = scene.run(["build", "-o", "oci:x", "-o", "y.tar"]);
    assert_eq!(two.status, 2, "{}", two.stderr);
}

/// What a registry does not take while it is made is read from the archive again.
#[test]
fn an_archive_is_read_for_a_registry_that_failed() {
    let scene = Scene::with_two_disks();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    registry.inject(RequestKind::Commit, Fault::Status(400), FaultTimes::First(1));
    let name = registry.reference("team/vm:1");
    let args = ["build", "-q", "--no-cache", "-o", "image.tar", "--push", "-t", &name];
    let built = run(&scene, &args);
    assert_eq!(registry.fault_count(), 1);
    registry.verify_image("team/vm", "1").unwrap();
    assert_eq!(digest(&scene, "image.tar"), built);
}

#[test]
fn an_image_is_pushed_by_its_digest_alone() {
    let scene = Scene::with_two_disks();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let repository = registry.reference("team/vm");
    let by_digest = "type=image,push-by-digest=true,name-canonical=true,push=true";
    let named = format!("{by_digest},name={repository}");
    for (options, platform) in [
        (vec!["-o", &named], "linux/amd64"),
        (vec!["-o", by_digest, "-t", &repository], "linux/arm64"),
    ] {
        let metadata = ["--metadata-file", "m.json", "--platform", platform];
        let args = [&["build"][..], &options, &metadata].concat();
        let printed = run(&scene, &args);
        let metadata: Value = serde_json::from_slice(&scene.read("m.json")).unwrap();
        assert_eq!(metadata["image.name"], printed);
        assert!(printed.starts_with(&format!("{repository}@sha256:")), "{printed}");
        scene.write(&platform.replace('/', "-"), printed);
    }
    assert_ne!(scene.run(["tags", &repository]).stdout, b"latest\n", "no tag was written");
    let parts =
        ["linux-amd64", "linux-arm64"].map(|name| String::from_utf8(scene.read(name)).unwrap());
    run(&scene, &["index", "create", "-q", &format!("{repository}:1"), &parts[0], &parts[1]]);
    registry.verify_image("team/vm", "1").unwrap();

    let check = |args: &[&str], expected: &str| {
        let outcome = scene.run([&["build"], args].concat());
        assert_eq!(outcome.status, 2, "{args:?}");
        assert!(outcome.stderr.contains(expected), "{args:?} {}", outcome.stderr);
    };
    let tagged = format!("{repository}:1");
    check(&["-o", by_digest, "-t", &tagged], "has a tag, and `push-by-digest` writes none");
    check(&["-o", &named, "--per-arch-tags"], "`--per-arch-tags` has a tag");
    check(&["-o", by_digest, "-o", &tagged], "is for all outputs in registries, or for none");
}

#[test]
fn the_fields_of_an_output_make_the_image() {
    let scene = Scene::with_disk();
    let build = |args: &[&str]| run(&scene, &[&["build", "-q"], args].concat());
    for (fields, options) in [
        (
            "compression=zstd,compression-level=7",
            vec!["--compression", "zstd", "--compression-level", "7"],
        ),
        ("compression=uncompressed", vec!["--compression", "none"]),
        ("oci-mediatypes=false", vec!["--format", "docker"]),
        ("annotation.a=b", vec!["--annotation", "manifest:a=b"]),
        (
            "annotation-index.a=b,annotation-manifest-descriptor.c=d",
            vec!["--annotation", "index:a=b", "--annotation", "manifest-descriptor:c=d"],
        ),
    ] {
        let output = format!("type=oci,dest=a.tar,{fields}");
        let expected = build(&[&["-o", "b.tar"], &options[..]].concat());
        assert_eq!(build(&["-o", &output]), expected, "{fields}");
        assert_ne!(build(&["-o", "c.tar"]), expected, "{fields}");
    }
    let both = scene.run(["build", "-o", "type=oci,compression=zstd", "--compression", "gzip"]);
    assert!(
        both.stderr.contains("`--compression` and the fields of `-o` disagree"),
        "{}",
        both.stderr
    );
    let vddk = scene.run(["vddk", "x.tar.gz", "-t", "q.io/a", "-o", "type=oci,compression=zstd"]);
    assert!(vddk.stderr.contains("are for `diskette build`"), "{}", vddk.stderr);
}

#[test]
fn a_dry_run_writes_nothing() {
    let scene = Scene::with_disk();
    let built = scene.build(&[]);
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let name = registry.reference("team/vm:1");
    let sent = |args: &[&str]| {
        let (printed, messages) = run_with_messages(&scene, args);
        let methods: Vec<_> = registry.take_requests().iter().map(|it| it.method.clone()).collect();
        assert!(methods.iter().all(|method| method == "GET" || method == "HEAD"), "{methods:?}");
        assert!(printed.contains(&built), "{printed}");
        messages
    };
    let before = scene.file_digests("");
    let none = " would be sent, 0 B already exist\n";
    let told = sent(&["push", "-l", "out", "1", &name, "--dry-run", "--progress", "none"]);
    assert_eq!(told, "", "no summary without progress");
    let told = sent(&["push", "-l", "out", "1", &name, "--dry-run"]);
    assert!(told.ends_with(none) && !told.contains("\n0 B"), "{told}");
    let told = sent(&["copy", "oci:out:1", &name, "--dry-run"]);
    assert!(told.ends_with(none), "{told}");
    let told = sent(&["copy", "oci:out:1", "oci:new:1", "--dry-run"]);
    assert!(told.ends_with(none), "{told}");
    sent(&["copy", "oci:out:1", "new.tar", "--dry-run"]);
    assert_eq!(scene.file_digests(""), before);
    run(&scene, &["push", "-q", "-l", "out", "1", &name]);
    registry.take_requests();
    let told = sent(&["copy", "oci:out:1", &name, "--dry-run"]);
    assert!(told.contains("0 B would be sent, "), "{told}");
}

/// Each side of a copy has its own credentials and certificates, as with skopeo.
#[test]
fn sides_of_a_copy_have_their_own_options() {
    let scene = Scene::with_disk();
    let settings = [htpasswd_settings(&scene)];
    let Some(first) = DockerRegistry::start(&scene, "first", &settings) else { return };
    let Some(second) = DockerRegistry::start_open(&scene) else { return };
    scene.build(&[]);
    let (a, b) = (first.reference("team/vm:1"), second.reference("team/vm:1"));
    run(&scene, &["push", "-q", "-l", "out", "1", &a, "--creds", USER]);
    run(&scene, &["login", "--authfile", "auth.json", &first.address(), "--creds", USER]);
    let check = |args: &[&str], expected: i32| {
        let outcome = scene.run([&["copy", "-q", "--retry", "0", &a, &b], args].concat());
        assert_eq!(outcome.status, expected, "{args:?} {}", outcome.stderr);
    };
    check(&[], 1);
    check(&["--dest-authfile", "auth.json"], 1);
    check(&["--src-authfile", "auth.json"], 0);
    check(&["--src-authfile", "auth.json", "--dest-tls-verify=false"], 0);
    check(&["--src-authfile", "auth.json", "--src-tls-verify=false"], 0);
    check(&["--src-authfile", "auth.json", "--dest-tls-verify"], 1);
    check(&["--src-authfile", "auth.json", "--src-tls-verify=true"], 1);
    check(&["--src-authfile", "auth.json", "--dest-cert-dir", "nowhere"], 1);
    check(&["--src-authfile", "auth.json", "--src-cert-dir", "nowhere"], 1);
    check(&["--plain-http", "--src-tls-verify"], 2);
}
