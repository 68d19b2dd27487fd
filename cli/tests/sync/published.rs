//! What upstream releases is published, once, and nothing that is not what upstream lists.

use std::collections::BTreeMap;

use diskette_integration::disk::sha256;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::scene::{ProgramOutcome, Scene};
use diskette_integration::server::ServerAnswer;
use diskette_integration::upstream::{KINDS, Upstream};
use serde_json::Value;

/// A scene with an upstream, a registry, and a catalogue between them.
struct Stage {
    scene: Scene,
    upstream: Upstream,
    registry: DockerRegistry,
}

impl Stage {
    fn new(kinds: &[&str]) -> Option<Self> {
        let scene = Scene::new();
        let registry = DockerRegistry::start_open(&scene)?;
        let stage = Self { scene, upstream: Upstream::start(), registry };
        stage.write(&stage.upstream.catalogue(&stage.registry.address(), kinds));
        Some(stage)
    }

    fn write(&self, catalogue: &str) {
        self.scene.write("diskette.yaml", catalogue);
    }

    /// Runs a sync that shows each request.
    fn sync(&self, args: &[&str]) -> Synced {
        let common = ["sync", "--debug", "--progress", "none", "--retry", "1", "diskette.yaml"];
        Synced::of(self.scene.run(common.iter().chain(args)))
    }

    /// Returns the digest of a tag, by another program than ours.
    fn digest(&self, image: &str) -> Option<String> {
        peer::read_manifest_by_skopeo(&self.registry.reference(&format!("disks/{image}")))
            .map(|it| sha256(&it))
    }
}

/// What a sync said.
struct Synced {
    status: i32,
    /// By the image's name: what became of it, its digest, its tags.
    images: BTreeMap<String, (String, String, String)>,
    /// Method and path.
    requests: Vec<String>,
    /// All but the requests.
    said: String,
}

impl Synced {
    fn of(outcome: ProgramOutcome) -> Self {
        let stdout = String::from_utf8(outcome.stdout).unwrap();
        let images = stdout.lines().map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [outcome, name, digest, tags] = fields[..] else { panic!("{line}") };
            let name = name.rsplit('/').next().unwrap().split(':').next().unwrap();
            (name.to_owned(), (outcome.to_owned(), digest.to_owned(), tags.to_owned()))
        });
        let is_trace = |line: &&str| line.starts_with("> ") || line.starts_with("< ");
        let (trace, said): (Vec<&str>, Vec<&str>) = outcome.stderr.lines().partition(is_trace);
        let requests = trace.iter().filter_map(|line| line.strip_prefix("> "));
        Self {
            status: outcome.status,
            images: images.collect(),
            requests: requests.map(str::to_owned).collect(),
            said: said.join("\n"),
        }
    }

    fn outcomes(&self) -> Vec<&str> {
        self.images.values().map(|(outcome, ..)| outcome.as_str()).collect()
    }

    fn asked(&self, method: &str, part: &str) -> usize {
        let is_such = |line: &&String| line.starts_with(method) && line.contains(part);
        self.requests.iter().filter(is_such).count()
    }
}

#[test]
fn all_that_is_released_is_published_once() {
    let Some(stage) = Stage::new(&KINDS) else { return };
    let planned = stage.sync(&["--dry-run=true"]);
    let would = vec!["would-publish"; 7];
    assert_eq!((planned.status, planned.outcomes()), (0, would), "{}", planned.said);
    assert_eq!(planned.asked("P", ""), 0);
    assert_eq!(planned.asked("GET", "qcow2"), 0);

    let first =
        stage.sync(&["--dry-run=false", "--workers", "3", "--results-file", "results.json"]);
    assert_eq!((first.status, first.outcomes()), (0, vec!["published"; 7]), "{}", first.said);
    assert_eq!(first.asked("GET", ".qcow2"), 14, "each disk is downloaded once");
    for kind in KINDS {
        let (_, digest, tags) = &first.images[kind];
        assert_eq!(tags, "1.1,latest,1", "{kind}");
        for tag in ["1.1", "latest", "1"] {
            let found = stage.digest(&format!("{kind}:{tag}"));
            assert_eq!(found.as_deref(), digest.strip_prefix("sha256:"), "{kind}:{tag}");
        }
        let image = stage.registry.reference(&format!("disks/{kind}:1"));
        let judged = stage.scene.run(["verify", "--progress", "none", &image]);
        assert_eq!(judged.status, 0, "{}", judged.stderr);
    }
    let results: Value = serde_json::from_slice(&stage.scene.read("results.json")).unwrap();
    let debian = &results["debian-cloud:1"];
    assert_eq!((&debian["Stage"], &debian["Err"]), (&"push".into(), &"".into()));
    assert_eq!(debian["Tags"], serde_json::json!(["1.1", "latest", "1"]));
    assert_eq!(debian["Platforms"]["linux/arm64"]["Outcome"], "published");

    let second = stage.sync(&["--no-cache"]);
    assert_eq!((second.status, second.outcomes()), (0, vec!["unchanged"; 7]));
    let to_registry = stage.registry.address();
    // The registry is greeted once, and asked for each image's index.
    assert_eq!(second.asked("", &to_registry), 1 + 7, "{:#?}", second.requests);
    assert_eq!(second.asked("P", ""), 0);
    assert_eq!(second.asked("", ".qcow2"), 0);
    assert_eq!(second.said, "0 published, 7 unchanged, 0 with failures");

    stage.upstream.publish_release("simplestreams", "1.2", 2);
    let third = stage.sync(&["--no-cache"]);
    assert_eq!(third.status, 0);
    for (name, (outcome, _, tags)) in &third.images {
        let is_new = name == "simplestreams";
        assert_eq!(outcome, if is_new { "published" } else { "unchanged" }, "{name}");
        assert_eq!(tags, if is_new { "1.2,latest,1" } else { "1.1,latest,1" });
    }
    assert_eq!(third.asked("GET", ".qcow2"), 2);
    // What was published before is still there under its own tag.
    assert_ne!(stage.digest("simplestreams:1.1"), stage.digest("simplestreams:1.2"));
    let forced = stage.sync(&["--force", "--focus", "directory:1"]);
    assert_eq!(forced.outcomes(), ["published"]);
    assert_eq!(forced.images["directory"].1, first.images["directory"].1, "the same again");
}

/// A catalogue publishes disk artifacts; an image that was published before is replaced as a whole.
#[test]
fn disk_artifacts_follow_releases() {
    let kind = "checksums";
    let Some(stage) = Stage::new(&[kind]) else { return };
    let write = |more: &str| {
        let address = stage.registry.address();
        stage.write(&stage.upstream.catalogue_document(&address, kind, more));
    };
    let index = || {
        let image = stage.registry.reference("disks/checksums:1");
        serde_json::from_slice::<Value>(&peer::read_manifest_by_skopeo(&image).unwrap()).unwrap()
    };
    let outcome = |args: &[&str]| {
        let synced = stage.sync(args);
        assert_eq!(synced.outcomes().len(), 1, "{}", synced.said);
        (synced.status, synced.outcomes()[0].to_owned())
    };
    let published = (0, "published".to_owned());
    assert_eq!(outcome(&[]), published);
    assert_eq!(index()["artifactType"], Value::Null);

    // One platform fails: the image of the other kind is not kept beside the artifact.
    write("format: artifact\npolicy: { platforms: best-effort }\n");
    let broken = format!("/{kind}/{kind}-1.1.aarch64.qcow2");
    stage.upstream.server.set_answer(broken, ServerAnswer::Status(404));
    assert_eq!(outcome(&["--no-cache"]).0, 1);
    assert_eq!(index()["manifests"].as_array().unwrap().len(), 1);
    stage.upstream.publish_release(kind, "1.1", 1);

    assert_eq!(outcome(&[]), published);
    assert_eq!(index()["artifactType"], "application/vnd.kubevirt.disk.v1");
    assert_eq!(index()["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(outcome(&[]), (0, "unchanged".to_owned()));
    let image = stage.registry.reference("disks/checksums:1");
    let verified = stage.scene.run(["verify", "--strict", "--for", "kubevirt=1.10", &image]);
    assert_eq!(verified.status, 0, "{}", verified.transcript());
    stage.scene.run(["extract", "-q", "--platform", "linux/amd64", "-o", "found", &image]);
    let disk = format!("sha256:{}", sha256(&stage.scene.read("found")));
    assert_eq!(index()["manifests"][0]["annotations"]["dev.diskette.source.digest"], disk);

    stage.upstream.publish_release(kind, "1.2", 2);
    assert_eq!(outcome(&[]), published);
    assert_eq!(outcome(&[]), (0, "unchanged".to_owned()));
    let page = stage.scene.run(["docs", "diskette.yaml"]);
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(page.contains("diskette manifests vm"), "{page}");
    assert!(!page.contains("containerdisk"), "{page}");
}
