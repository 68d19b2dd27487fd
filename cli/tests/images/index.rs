//! Images that were made apart become one index.

use diskette_integration::disk::{qcow2_disk, sha256};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::scene::{ProgramOutcome, Scene};
use serde_json::Value;

struct Stage {
    scene: Scene,
    registry: DockerRegistry,
}

impl Stage {
    /// A scene with an image for each of two architectures, as two runners push them.
    fn new() -> Option<Self> {
        let scene = Scene::new();
        let registry = DockerRegistry::start_open(&scene)?;
        let stage = Self { scene, registry };
        for (arch, seed) in [("amd64", 1), ("arm64", 2)] {
            stage.scene.write(&format!("{arch}.qcow2"), qcow2_disk(seed, 200_000));
            stage.push(arch, &format!("me/vm:1-{arch}"), &[]);
        }
        Some(stage)
    }

    fn push(&self, arch: &str, name: &str, more: &[&str]) {
        let spec = format!(
            "apiVersion: diskette/v1\nplatforms: {{linux/{arch}: {{disk: {arch}.qcow2}}}}\n"
        );
        self.scene.write(&format!("{arch}.yaml"), spec);
        let (file, image) = (format!("{arch}.yaml"), self.registry.reference(name));
        let args = ["build", "-q", "-f", &file, "-t", &image, "--push"];
        let built = self.scene.run(args.iter().chain(more));
        assert_eq!(built.status, 0, "{}", built.stderr);
    }

    fn create(&self, args: &[&str]) -> ProgramOutcome {
        self.scene.run(["index", "create", "--progress", "none"].iter().chain(args))
    }

    fn index(&self, name: &str) -> Option<Value> {
        let index = peer::read_manifest_by_skopeo(&self.registry.reference(name))?;
        Some(serde_json::from_slice(&index).unwrap())
    }

    fn platforms(&self, name: &str) -> Vec<String> {
        let index = self.index(name).unwrap();
        let images = index["manifests"].as_array().unwrap().iter();
        images.map(|it| it["platform"]["architecture"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn images_of_two_runners_become_one_index() {
    let Some(stage) = Stage::new() else { return };
    let image = |name: &str| stage.registry.reference(name);
    let (amd64, arm64) = (image("me/vm:1-amd64"), image("me/vm:1-arm64"));
    let planned = stage.create(&["--dry-run", &image("me/vm:1"), &amd64, &arm64]);
    assert_eq!(planned.status, 0, "{}", planned.stderr);
    assert_eq!(stage.index("me/vm:1"), None);
    let made = stage.create(&[&image("me/vm:1"), &amd64, &arm64, "-t", "latest"]);
    assert_eq!(made.status, 0, "{}", made.stderr);
    let index = stage.index("me/vm:1").unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&planned.stdout).unwrap(), index);
    assert_eq!(stage.index("me/vm:latest"), Some(index));
    assert_eq!(stage.platforms("me/vm:1"), ["amd64", "arm64"]);
    // As one build of both would have been.
    let spec = "apiVersion: diskette/v1\nplatforms: {linux/amd64: {disk: amd64.qcow2}, linux/arm64: \
        {disk: arm64.qcow2}}\n";
    stage.scene.write("both.yaml", spec);
    let both = stage.scene.run(["build", "-q", "-f", "both.yaml", "-o", "both"]);
    let made = String::from_utf8(made.stdout).unwrap();
    assert!(made.trim_end().ends_with(&both.digest()), "{made}");
    let judged = stage.scene.run(["verify", "--progress", "none", &image("me/vm:1")]);
    assert_eq!(judged.status, 0, "{}", judged.stderr);

    // To another repository, by digest, and from a layout to a layout.
    let digest = |name: &str| {
        format!(
            "{}@sha256:{}",
            image("me/vm"),
            sha256(&peer::read_manifest_by_skopeo(&image(name)).unwrap())
        )
    };
    let (one, other) = (digest("me/vm:1-amd64"), digest("me/vm:1-arm64"));
    let moved = stage.create(&[&image("you/vm:2"), &other, &one, "--annotation", "a=b"]);
    assert_eq!(moved.status, 0, "{}", moved.stderr);
    assert_eq!(stage.platforms("you/vm:2"), ["arm64", "amd64"]);
    assert_eq!(stage.index("you/vm:2").unwrap()["annotations"]["a"], "b");
    let judged = stage.scene.run(["verify", "--progress", "none", &image("you/vm:2")]);
    assert_eq!(judged.status, 0, "{}", judged.stderr);
    let local = stage.create(&["oci:local:1", &amd64, &arm64]);
    assert_eq!(local.status, 0, "{}", local.stderr);
    Layout::open(&stage.scene.path("local")).verify_blobs("1").unwrap();
}

#[test]
fn an_index_is_added_to() {
    let Some(stage) = Stage::new() else { return };
    let image = |name: &str| stage.registry.reference(name);
    let first = stage.create(&[&image("me/vm:1"), &image("me/vm:1-amd64")]);
    assert_eq!(first.status, 0, "{}", first.stderr);
    let second = stage.create(&["--append", &image("me/vm:1"), &image("me/vm:1-arm64")]);
    assert_eq!(second.status, 0, "{}", second.stderr);
    assert_eq!(stage.platforms("me/vm:1"), ["amd64", "arm64"]);
    let before = stage.index("me/vm:1").unwrap();
    stage.scene.write("amd64.qcow2", qcow2_disk(3, 200_000));
    stage.push("amd64", "me/vm:new", &[]);
    let third = stage.create(&["--append", &image("me/vm:1"), &image("me/vm:new")]);
    assert_eq!(third.status, 0, "{}", third.stderr);
    let after = stage.index("me/vm:1").unwrap();
    assert_eq!(stage.platforms("me/vm:1"), ["arm64", "amd64"]);
    assert_eq!(after["manifests"][0], before["manifests"][1]);
    assert_ne!(after["manifests"][1], before["manifests"][0]);
}

#[test]
fn images_of_dockers_format_and_single_manifests_have_their_part() {
    let Some(stage) = Stage::new() else { return };
    let Some(skopeo) = peer::find("skopeo") else { return };
    let image = |name: &str| stage.registry.reference(name);
    stage.push("amd64", "me/vm:docker", &["--format", "docker"]);
    // A manifest alone: what it runs on is only in its config.
    let digest = stage.index("me/vm:docker").unwrap()["manifests"][0]["digest"].clone();
    let from = format!("docker://{}@{}", image("me/vm"), digest.as_str().unwrap());
    let to = format!("docker://{}", image("me/vm:single"));
    skopeo.run([
        "copy",
        "--preserve-digests",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        &from,
        &to,
    ]);
    let made = stage.create(&[&image("me/vm:1"), &image("me/vm:single"), &image("me/vm:1-arm64")]);
    assert_eq!(made.status, 0, "{}", made.stderr);
    assert_eq!(stage.platforms("me/vm:1"), ["amd64", "arm64"]);
    let index = stage.index("me/vm:1").unwrap();
    let kind = "application/vnd.docker.distribution.manifest.v2+json";
    assert_eq!(index["manifests"][0]["mediaType"], kind);
}

#[test]
fn what_cannot_be_joined_is_refused() {
    let Some(stage) = Stage::new() else { return };
    let image = |name: &str| stage.registry.reference(name);
    let (amd64, arm64) = (image("me/vm:1-amd64"), image("me/vm:1-arm64"));
    stage.scene.write("amd64.qcow2", qcow2_disk(9, 200_000));
    stage.push("amd64", "me/vm:other", &[]);
    let other = image("me/vm:other");
    let check = |args: &[&str], status: i32, expected: &str| {
        let outcome = stage.create(args);
        assert_eq!(outcome.status, status, "{args:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{args:?}: {}", outcome.stderr);
    };
    let target = image("me/vm:2");
    check(&[&target, &amd64, &other], 2, "have an image for linux/amd64");
    check(&[&target, &amd64, &image("me/vm:gone")], 1, "there is no image");
    check(&["--append", &target, &amd64], 1, "there is no image");
    let by_digest = format!("{}@sha256:{}", image("me/vm"), "0".repeat(64));
    check(&[&by_digest, &amd64], 2, "the index needs a tag");
    check(&["oci:here", &amd64], 2, "an index in a layout has one name");
    check(&["oci-archive:a.tar:1", &amd64], 2, "is not written to an archive");
    check(&[&target], 2, "SOURCE");
    // The same twice is the same.
    let twice = stage.create(&[&target, &amd64, &amd64, &arm64]);
    assert_eq!(twice.status, 0, "{}", twice.stderr);
    assert_eq!(stage.platforms("me/vm:2"), ["amd64", "arm64"]);
}

/// Attestations that BuildKit or a build keeps in the index of an image are kept, as buildx does; those of images that are replaced
/// are not.
#[test]
fn attestations_in_indexes_are_kept() {
    let Some(stage) = Stage::new() else { return };
    let image = |name: &str| stage.registry.reference(name);
    let (amd64, arm64) = (image("me/a:1"), image("me/b:1"));
    let attest = ["--attest", "provenance", "--attest-format", "buildkit"];
    stage.push("amd64", "me/a:1", &attest);
    stage.push("arm64", "me/b:1", &attest);
    let entries = |name: &str| -> Vec<(String, String)> {
        let index = stage.index(name).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entry = |it: &Value| match &it["annotations"]["vnd.docker.reference.digest"] {
            Value::Null => ("image".to_owned(), text(&it["digest"])),
            about => (text(&it["platform"]["architecture"]), text(about)),
        };
        index["manifests"].as_array().unwrap().iter().map(entry).collect()
    };
    let listed = |name: &str| {
        let all = entries(name);
        let (images, attestations): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(kind, _)| kind == "image");
        assert!(attestations.iter().all(|(kind, _)| kind == "unknown"), "{attestations:?}");
        let digests = |all: Vec<(String, String)>| all.into_iter().map(|(_, it)| it).collect();
        [digests(images), digests(attestations)] as [Vec<String>; 2]
    };
    let attested = |name: &str| {
        let args = ["verify", "--progress", "none", "--output-format", "json", &image(name)];
        let report: Value = serde_json::from_slice(&stage.scene.run(args).stdout).unwrap();
        let all = report["attestations"].as_array().unwrap().iter();
        all.map(|it| it["platform"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let made = stage.create(&[&image("other/vm:1"), &amd64, &arm64]);
    assert_eq!(made.status, 0, "{}", made.stderr);
    let [images, attestations] = listed("other/vm:1");
    assert_eq!((images.len(), &images), (2, &attestations));
    assert_eq!(attested("other/vm:1"), ["linux/amd64", "linux/arm64"]);
    // Another image for arm64, without an attestation.
    let more = ["--append", &image("other/vm:1"), &image("me/vm:1-arm64")];
    stage.push("arm64", "me/vm:1-arm64", &["--label", "a=b"]);
    let made = stage.create(&more);
    assert_eq!(made.status, 0, "{}", made.stderr);
    let [images, attestations] = listed("other/vm:1");
    assert_eq!((images.len(), &images[..1]), (2, &attestations[..]));
    assert_eq!(attested("other/vm:1"), ["linux/amd64"]);
}
