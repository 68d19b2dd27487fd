//! What becomes of an image when only a part of it can be had, and of images that others published.

use diskette_integration::disk::{qcow2_disk, sha256};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::scene::{ProgramOutcome, Scene};
use diskette_integration::server::{Server, ServerAnswer};
use diskette_integration::upstream::Upstream;
use serde_json::{Value, json};
use snapbox::{IntoData, assert_data_eq, str};

struct Stage {
    scene: Scene,
    upstream: Upstream,
    registry: DockerRegistry,
}

impl Stage {
    fn new(more: &str) -> Option<Self> {
        let scene = Scene::new();
        let registry = DockerRegistry::start_open(&scene)?;
        let stage = Self { scene, upstream: Upstream::start(), registry };
        stage.catalogue(more);
        Some(stage)
    }

    /// Writes a catalogue of one image, with more lines at its end.
    fn catalogue(&self, more: &str) {
        let text = self.upstream.catalogue_document(&self.registry.address(), "checksums", more);
        self.scene.write("diskette.yaml", text);
    }

    fn sync(&self, args: &[&str]) -> ProgramOutcome {
        let common = ["sync", "--progress", "none", "--retry", "0", "diskette.yaml"];
        let mut outcome = self.scene.run(common.iter().chain(args));
        outcome.stderr = outcome.stderr.replace(&self.upstream.server.url(""), "[UPSTREAM]");
        outcome.stderr = outcome.stderr.replace(&self.registry.address(), "[REGISTRY]");
        outcome
    }

    fn word(&self, args: &[&str]) -> String {
        let outcome = self.sync(args);
        let stdout = String::from_utf8(outcome.stdout).unwrap();
        stdout.split('\t').next().unwrap_or_default().to_owned()
    }

    fn index(&self, tag: &str) -> Option<Value> {
        let name = self.registry.reference(&format!("disks/checksums:{tag}"));
        peer::read_manifest_by_skopeo(&name).map(|it| serde_json::from_slice(&it).unwrap())
    }

    /// Returns the versions of the index's images, in their order.
    fn versions(&self) -> Vec<String> {
        let index = self.index("1").unwrap();
        let versions = index["manifests"].as_array().unwrap().iter().map(|image| {
            let version = &image["annotations"]["org.opencontainers.image.version"];
            let architecture = image["platform"]["architecture"].as_str().unwrap();
            format!("{architecture} {}", version.as_str().unwrap())
        });
        versions.collect()
    }

    fn spoil(&self, version: &str, uname: &str, answer: ServerAnswer) {
        let path = format!("/checksums/checksums-{version}.{uname}.qcow2");
        self.upstream.server.set_answer(path, answer);
    }
}

#[test]
fn all_or_nothing_is_the_rule() {
    let Some(stage) = Stage::new("") else { return };
    stage.spoil("1.1", "aarch64", ServerAnswer::Status(404));
    let outcome = stage.sync(&["--results-file", "results.json"]);
    assert_eq!(outcome.status, 1);
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
0 published, 0 unchanged, 1 with failures
error: [REGISTRY]/disks/checksums for linux/arm64: cannot download `[UPSTREAM]/checksums/checksums-1.1.aarch64.qcow2`: the server answered 404
 --> diskette.yaml:6:1
  |
6 | release:
  | ^^^^^^^

"#]]
        .raw()
    );
    assert_eq!(stage.index("1"), None);
    let results: Value = serde_json::from_slice(&stage.scene.read("results.json")).unwrap();
    let image = &results["checksums:1"];
    assert!(image["Err"].as_str().unwrap().contains("the server answered 404"));
    assert_eq!(image["Outcome"], "failed");
    assert_eq!(image["Platforms"]["linux/amd64"]["Outcome"], "skipped");
    // Those who go on with the results do so whatever the status.
    assert_eq!(stage.sync(&["--no-fail"]).status, 0);
}

#[test]
fn best_effort_keeps_what_there_is() {
    let Some(stage) = Stage::new("policy: {platforms: best-effort}\n") else { return };
    stage.spoil("1.1", "aarch64", ServerAnswer::Status(503));
    let first = stage.sync(&[]);
    // The one that there never was is left out.
    assert_eq!((first.status, stage.versions()), (75, vec!["amd64 1.1".to_owned()]));
    stage.upstream.publish_release("checksums", "1.1", 1);
    assert_eq!(stage.word(&[]), "published");
    assert_eq!(stage.versions(), ["amd64 1.1", "arm64 1.1"]);
    stage.upstream.publish_release("checksums", "1.2", 2);
    stage.spoil("1.2", "x86_64", ServerAnswer::Content(b"<html>".to_vec()));
    let second = stage.sync(&["--results-file", "results.json"]);
    assert_eq!(
        (second.status, stage.versions()),
        (1, vec!["amd64 1.1".into(), "arm64 1.2".into()])
    );
    assert!(second.stderr.contains("1 published, 0 unchanged, 1 with failures"));
    let results: Value = serde_json::from_slice(&stage.scene.read("results.json")).unwrap();
    let image = &results["checksums:1"];
    assert_eq!((&image["Outcome"], &image["Err"]), (&json!("published"), &json!("")));
    assert_eq!(image["Platforms"]["linux/amd64"]["Outcome"], "kept");
    // It is still missing, and nothing else is new.
    assert_eq!(stage.word(&[]), "unchanged");
    let judged = stage.registry.reference("disks/checksums:1");
    assert_eq!(stage.scene.run(["verify", "--progress", "none", &judged]).status, 0);
}

#[test]
fn what_is_said_of_an_image_is_part_of_it() {
    let Some(stage) = Stage::new("") else { return };
    stage.scene.write("kernel", b"a kernel");
    assert_eq!(stage.word(&[]), "published");
    let check = |more: &str, expected: [&str; 2]| {
        stage.catalogue(more);
        assert_eq!([stage.word(&[]), stage.word(&["--no-cache"])], expected, "{more}");
    };
    check("", ["unchanged", "unchanged"]);
    check("labels: {a: b}\n", ["published", "unchanged"]);
    check("labels: {a: c}\n", ["published", "unchanged"]);
    check("kubevirt: {preference: p}\n", ["published", "unchanged"]);
    check("annotations: {a: b}\n", ["published", "unchanged"]);
    check("docs: {user: me}\nannotations: {a: b}\n", ["unchanged", "unchanged"]);
    let files = "files: [{path: /boot/kernel, source: kernel}]\n";
    check(files, ["published", "unchanged"]);
    stage.scene.write("kernel", b"another kernel");
    check(files, ["published", "unchanged"]);
    std::fs::remove_file(stage.scene.path("kernel")).unwrap();
    assert!(stage.sync(&[]).stderr.contains("cannot read `kernel`: No such file"));
}

#[test]
fn a_new_tag_needs_no_download() {
    let Some(stage) = Stage::new("") else { return };
    assert_eq!(stage.word(&[]), "published");
    let before = stage.index("1").unwrap();
    stage.upstream.server.take_requests();
    let path = stage.scene.path("diskette.yaml");
    let text = std::fs::read_to_string(&path).unwrap().replace("latest]", "latest, stable]");
    std::fs::write(&path, text).unwrap();
    assert_eq!(stage.word(&["--no-cache"]), "published");
    assert_eq!(stage.upstream.server.take_requests(), ["/checksums/SHA256SUMS"]);
    let now = stage.index("stable").unwrap();
    assert_eq!((&now["manifests"], Some(now.clone())), (&before["manifests"], stage.index("1")));
}

#[test]
fn older_releases_are_published_only_when_asked() {
    let Some(stage) = Stage::new("") else { return };
    stage.upstream.publish_release("checksums", "1.10", 2);
    assert_eq!(stage.word(&[]), "published");
    stage.upstream.publish_release("checksums", "1.9", 3);
    let refused = stage.sync(&[]);
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("upstream has 1.9, which is older than 1.10 that is published")
    );
    assert!(refused.stderr.contains("use `--allow-downgrade`"));
    assert_eq!(stage.versions(), ["amd64 1.10", "arm64 1.10"]);
    assert_eq!(stage.word(&["--allow-downgrade"]), "published");
    assert_eq!(stage.versions(), ["amd64 1.9", "arm64 1.9"]);
}

#[test]
fn staging_has_what_production_lacks() {
    let Some(stage) = Stage::new("") else { return };
    assert_eq!(stage.word(&[]), "published");
    let own = format!("{}/disks", stage.registry.address());
    let other = format!("{}/staging", stage.registry.address());
    let both = ["--source-registry", own.as_str(), "--target-registry", other.as_str()];
    assert_eq!(stage.word(&both), "unchanged");
    let (signed, key) = (stage.registry.reference("disks/checksums:1"), ["--key", "me.key"]);
    stage.scene.make_signing_key("ED25519", "me");
    stage.scene.run(["sign", "-q", &signed].iter().chain(&key)).digest();
    stage.upstream.publish_release("checksums", "1.2", 2);
    let amd64 = qcow2_disk(100 * 7 + "checksums".len() as u64, 300_000);
    stage.spoil("1.2", "x86_64", ServerAnswer::Content(amd64.clone()));
    let other_disk = qcow2_disk(201 * 7 + "checksums".len() as u64, 300_000);
    let sums = format!(
        "{}  checksums-1.2.x86_64.qcow2\n{}  checksums-1.2.aarch64.qcow2\n",
        sha256(&amd64),
        sha256(&other_disk)
    );
    stage
        .upstream
        .server
        .set_answer("/checksums/SHA256SUMS", ServerAnswer::Content(sums.into_bytes()));
    // The disk for amd64 is the old one: its image is copied.
    stage.upstream.server.take_requests();
    assert_eq!(stage.word(&both), "published");
    let asked = stage.upstream.server.take_requests();
    assert!(!asked.iter().any(|path| path.ends_with("x86_64.qcow2")), "{asked:?}");
    let judged = stage.registry.reference("staging/checksums:1");
    let outcome = stage.scene.run(["verify", "--progress", "none", &judged]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    // The signature of the image that was copied is there, and the new image has none.
    let check = |platform: &str| {
        let args = ["verify", "--key", "me.pub", "--identity", &signed, "--platform", platform];
        stage.scene.run(args.iter().chain(&[judged.as_str()])).status
    };
    assert_eq!([check("linux/amd64"), check("linux/arm64")], [0, 1]);
    assert_eq!(stage.versions(), ["amd64 1.1", "arm64 1.1"]);
    // What is where it is looked for alone is what a target is told by.
    assert_eq!(stage.word(&["--target-registry", &other]), "unchanged");
}

/// As medius makes an image: the checksum is a label, the manifests are Docker's.
fn medius(stage: &Stage, skopeo: &peer::Peer, checksum: &str) {
    stage.scene.write("d.raw", qcow2_disk(1, 100_000));
    let platforms = "platforms: {linux/amd64: {disk: d.raw}, linux/arm64: {disk: d.raw}}\n";
    let spec = format!("apiVersion: diskette/v1\n{platforms}labels: {{shasum: \"{checksum}\"}}\n");
    let spec = stage.scene.write("medius.yaml", spec);
    let spec = spec.to_str().unwrap();
    let built = stage.scene.run(["build", "-f", spec, "--format", "docker", "-o", "medius", "-q"]);
    assert_eq!(built.status, 0, "{}", built.stderr);
    let from = format!("oci:{}", stage.scene.path("medius").display());
    let to = format!("docker://{}", stage.registry.reference("disks/checksums:1"));
    skopeo.run(["copy", "--all", "--preserve-digests", "--dest-tls-verify=false", &from, &to]);
}

#[test]
fn images_that_medius_published_are_understood() {
    let Some(stage) = Stage::new("") else { return };
    let Some(skopeo) = peer::find("skopeo") else { return };
    let disk = qcow2_disk(100 * 7 + "checksums".len() as u64, 300_000);
    // One disk for both, so that one label tells of both.
    stage.spoil("1.1", "aarch64", ServerAnswer::Content(disk.clone()));
    let digits = sha256(&disk);
    let sums = ["x86_64", "aarch64"].map(|it| format!("{digits}  checksums-1.1.{it}.qcow2\n"));
    stage
        .upstream
        .server
        .set_answer("/checksums/SHA256SUMS", ServerAnswer::Content(sums.concat().into_bytes()));
    medius(&stage, &skopeo, &digits);
    assert_eq!(stage.word(&[]), "unchanged");
    // Where it could not tell the checksum it left the label empty, and where it was another it is.
    for other in ["", "0000"] {
        medius(&stage, &skopeo, other);
        assert_eq!(stage.word(&[]), "published");
        assert_eq!(stage.word(&[]), "unchanged");
        assert_eq!(stage.versions(), ["amd64 1.1", "arm64 1.1"]);
    }
}

#[test]
fn mirrors_have_the_same_bytes() {
    let Some(stage) = Stage::new("  mirrors: ['MIRROR']\n") else { return };
    let disk = |seed: u64| qcow2_disk(seed * 7 + "checksums".len() as u64, 300_000);
    let path = |uname: &str| format!("/m/checksums-1.1.{uname}.qcow2");
    let mirror = Server::start([
        (path("x86_64"), ServerAnswer::Content(disk(100))),
        (path("aarch64"), ServerAnswer::Content(disk(101))),
    ]);
    stage.catalogue(&format!("  mirrors: ['{}']\n", mirror.url("/m/")));
    stage.spoil("1.1", "x86_64", ServerAnswer::Status(404));
    stage.spoil("1.1", "aarch64", ServerAnswer::Cut(disk(101), 123_456));
    assert_eq!(stage.word(&[]), "published");
    let asked = mirror.take_requests();
    assert_eq!(asked, [path("x86_64"), format!("{} 123456-", path("aarch64"))]);
}

#[test]
fn packed_disks_are_checked_twice() {
    let Some(xz) = peer::find("xz") else { return };
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let disk = qcow2_disk(5, 300_000);
    let path = scene.write("d.qcow2", &disk);
    let packed = xz.run_for_bytes(["-c", path.to_str().unwrap()]);
    let stream = |unpacked: &str| {
        let file = json!({ "location": "d.qcow2.xz", "sha256": sha256(&packed),
            "uncompressed-sha256": unpacked });
        let qemu = json!({ "release": "1", "formats": { "qcow2.xz": { "disk": file } } });
        let all = json!({ "architectures": { "x86_64": { "artifacts": { "qemu": qemu } } } });
        ServerAnswer::Content(all.to_string().into_bytes())
    };
    let server = Server::start([
        ("/d.qcow2.xz", ServerAnswer::Content(packed.clone())),
        ("/stable.json", stream(&sha256(b"another disk"))),
    ]);
    let text = format!(
        "apiVersion: diskette/v1\nimage: {}/d\nplatforms: [amd64]\nrelease: {{from: coreos-stream, \
         url: \"{}\", file: '.*xz'}}\n",
        registry.address(),
        server.url("/stable.json")
    );
    scene.write("diskette.yaml", text);
    let wrong = scene.run(["sync", "--progress", "none", "diskette.yaml"]);
    assert_eq!(wrong.status, 1);
    assert!(
        wrong.stderr.contains("the checksum of the decompressed disk is wrong"),
        "{}",
        wrong.stderr
    );
    server.set_answer("/stable.json", stream(&sha256(&disk)));
    let good = scene.run(["sync", "--progress", "none", "diskette.yaml"]);
    assert_eq!(good.status, 0, "{}", good.stderr);
    let image = registry.reference("d:latest");
    let out = scene.path("out.qcow2");
    let taken = scene.run(["extract", "--progress", "none", &image, "-o", out.to_str().unwrap()]);
    assert_eq!(taken.status, 0, "{}", taken.stderr);
    assert_eq!(sha256(&scene.read("out.qcow2")), sha256(&disk));
}

#[test]
fn what_is_asked_for_has_to_make_sense() {
    let Some(stage) = Stage::new("") else { return };
    let check = |args: &[&str], status: i32, expected: &str| {
        let outcome = stage.sync(args);
        assert_eq!(outcome.status, status, "{args:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{args:?}: {}", outcome.stderr);
    };
    check(&["--focus", "nobody"], 2, "no image of the catalogue matches `--focus`");
    check(&["--focus", "checksums:2"], 2, "`diskette sync --list` shows");
    check(&["--shard", "4/4"], 2, "the parts are numbered from 0");
    check(&["--shard", "auto"], 2, "the environment does not say which part this is");
    check(&["--target-registry", "https://x"], 1, "is not a repository");
    check(&["--results-file", "no/where"], 1, "cannot write `no/where`");
    std::fs::create_dir(stage.scene.path("empty")).unwrap();
    check(&["empty"], 1, "there is no catalogue in `empty`");
    let text = String::from_utf8(stage.scene.read("diskette.yaml")).unwrap();
    stage.scene.write("two/a.yaml", &text);
    stage.scene.write("two/b.yml", &text);
    stage.scene.write("two/c.txt", "not a catalogue");
    // As a ConfigMap is mounted: links into a hidden directory.
    stage.scene.write("mounted/..2026/a.yaml", &text);
    let link = |to: &str, from: &str| {
        std::os::unix::fs::symlink(to, stage.scene.path(from)).unwrap();
    };
    link("..2026", "mounted/..data");
    link("..data/a.yaml", "mounted/a.yaml");
    let listed = stage.scene.run(["sync", "--list", "mounted"]);
    assert_eq!(String::from_utf8(listed.stdout).unwrap().lines().count(), 1);
    let doubled = stage.scene.run(["sync", "two"]);
    assert_eq!(doubled.status, 1);
    assert!(doubled.stderr.contains("two images are named"), "{}", doubled.stderr);
    assert!(doubled.stderr.contains("two/a.yaml:6:1"), "{}", doubled.stderr);
}

#[test]
fn parts_are_known_by_the_environment() {
    let Some(stage) = Stage::new("") else { return };
    let listed = |variables: &[(&str, &str)], shard: &str| {
        let mut command = stage.scene.program([
            "sync",
            "--list",
            "--format",
            "json",
            "--shard",
            shard,
            "diskette.yaml",
        ]);
        command.envs(variables.iter().copied());
        let outcome = stage.scene.run_command(command);
        let list: Vec<Value> = serde_json::from_slice(&outcome.stdout).unwrap_or_default();
        (outcome.status, list.len())
    };
    let (index, gitlab) = ("JOB_COMPLETION_INDEX", "CI_NODE_INDEX");
    let of = |name: &'static str, number: &'static str, total: &'static str| {
        listed(&[(name, number), ("CI_NODE_TOTAL", total)], "auto")
    };
    let mine: Vec<_> = ["0", "1", "2"].map(|it| listed(&[(index, it)], "auto/3")).into();
    let theirs: Vec<_> = ["1", "2", "3"].map(|it| of(gitlab, it, "3")).into();
    assert_eq!(mine, theirs);
    assert_eq!(mine.iter().map(|(_, count)| count).sum::<usize>(), 1);
    assert_eq!(listed(&[(index, "3")], "auto/3").0, 2);
    assert_eq!(listed(&[(index, "0")], "auto").0, 2);
    let (status, count) = listed(&[], "0/1");
    assert_eq!((status, count), (0, 1));
}
