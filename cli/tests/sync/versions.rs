//! One document of a catalogue stands for all releases of a list.

use diskette_integration::disk::{qcow2_disk, sha256};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::scene::{ProgramOutcome, Scene};
use diskette_integration::server::{Server, ServerAnswer};
use serde_json::{Value, json};

const LIST: &str = "/releases.json";

fn start_server() -> Server {
    let none: [(String, ServerAnswer); 0] = [];
    Server::start(none)
}

/// Publishes releases, each with a disk for these architectures.
fn publish(server: &Server, releases: &[(&str, &[&str])]) {
    let mut files = Vec::new();
    for (version, architectures) in releases {
        for architecture in *architectures {
            let name = format!("/f-{}-1.{architecture}.qcow2", version.replace(' ', "_"));
            let seed = name.bytes().map(u64::from).sum();
            let disk = qcow2_disk(seed, 100_000);
            files.push(json!({ "version": version, "arch": architecture,
                "link": server.url(&name), "sha256": sha256(&disk) }));
            server.set_answer(name, ServerAnswer::Content(disk));
        }
    }
    let list = Value::Array(files).to_string();
    server.set_answer(LIST, ServerAnswer::Content(list.into_bytes()));
}

/// Writes a catalogue of all releases, and of an image beside them.
fn write_catalogue(scene: &Scene, registry: &str, server: &Server, more: &str) {
    let (list, sums) = (server.url(LIST), server.url("/SUMS"));
    scene.write(
        "c.yaml",
        format!(
            "apiVersion: diskette/v1\nimage: {registry}/d/f\ntags: ['{{release}}', '{{version}}']\n\
             platforms: [linux/amd64, linux/s390x]\nrelease:\n  from: fedora-releases\n  \
             url: {list}\n  file: 'f-(?<version>.*)\\.{{arch.uname}}\\.qcow2'\n  \
             versions: {{from: \"38\", prereleases: true, newest: [latest]}}\n---\n\
             apiVersion: diskette/v1\nimage: {registry}/d/other\nplatforms: [linux/amd64]\n\
             release: {{from: checksums, url: \"{sums}\", file: other.qcow2}}\n{more}"
        ),
    );
    let disk = qcow2_disk(6, 100_000);
    let sums = format!("{}  other.qcow2\n", sha256(&disk));
    server.set_answer("/SUMS", ServerAnswer::Content(sums.into_bytes()));
    server.set_answer("/other.qcow2", ServerAnswer::Content(disk));
}

fn sync(scene: &Scene, args: &[&str]) -> ProgramOutcome {
    scene.run(["sync", "c.yaml", "--progress", "none", "--retry", "0"].iter().chain(args))
}

/// Returns the lines of results: outcome, name without the registry, and tags.
fn results(outcome: &ProgramOutcome, registry: &str) -> Vec<String> {
    let text = String::from_utf8(outcome.stdout.clone()).unwrap().replace(registry, "R");
    let line = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        format!("{} {} {}", fields[0], fields[1], fields[3])
    };
    text.lines().map(line).collect()
}

const BOTH: &[&str] = &["x86_64", "s390x"];

#[test]
fn releases_that_appear_are_published() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let (server, at) = (start_server(), registry.address());
    write_catalogue(&scene, &at, &server, "");
    publish(&server, &[("40", &["x86_64"]), ("41 Beta", BOTH), ("37", BOTH), ("39", BOTH)]);
    server.take_requests();
    let first = sync(&scene, &["--results-file", "r.json"]);
    assert_eq!(first.status, 0, "{}", first.stderr);
    assert_eq!(
        results(&first, &at),
        [
            "published R/d/f:40 40-1,latest,40",
            "published R/d/f:39 39-1,39",
            "published R/d/f:41-beta 41_Beta-1,41-beta",
            "published R/d/other:latest latest",
        ]
    );
    let lists = server.take_requests();
    assert_eq!(lists.iter().filter(|path| *path == LIST).count(), 1, "{lists:?}");
    let bundled = scene.run(["bundle", "create", "-o", "b.tar", "c.yaml"]);
    let bundled = String::from_utf8(bundled.stdout).unwrap().replace(&at, "R");
    let names: Vec<&str> = bundled.lines().filter_map(|line| line.split('\t').next()).collect();
    let all = ["R/d/f:39", "R/d/f:40", "R/d/f:41-beta", "R/d/f:latest", "R/d/other:latest"];
    assert_eq!(names, all);
    let merged = scene.run(["results", "r.json", "--catalogue", "c.yaml", "--shards", "2"]);
    assert_eq!(merged.status, 0, "{}", merged.stderr);
    // The beta is finished: it becomes the newest, and the older ones stay.
    publish(&server, &[("40", &["x86_64"]), ("41", BOTH), ("37", BOTH), ("39", BOTH)]);
    let second = sync(&scene, &[]);
    assert_eq!(second.status, 0, "{}", second.stderr);
    let second = results(&second, &at);
    assert_eq!(second[0], "published R/d/f:41 41-1,latest,41");
    // Its index is written anew, since it has a tag less.
    assert_eq!(second[1], "published R/d/f:40 40-1,40");
    assert_eq!(second[2], "unchanged R/d/f:39 39-1,39");
    let third = results(&sync(&scene, &[]), &at);
    assert!(third.iter().all(|line| line.starts_with("unchanged ")), "{third:?}");
    let focused = sync(&scene, &["--focus", "f:39"]);
    assert_eq!(results(&focused, &at).len(), 1, "{}", focused.stderr);
    let unknown = sync(&scene, &["--focus", "f:99"]);
    assert_eq!(unknown.status, 2, "{}", unknown.stderr);
}

#[test]
fn a_list_that_is_missing_fails_alone() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let (server, at) = (start_server(), registry.address());
    write_catalogue(&scene, &at, &server, "");
    server.set_answer(LIST, ServerAnswer::Status(503));
    let outcome = sync(&scene, &[]);
    assert_eq!(outcome.status, 75, "{}", outcome.stderr);
    let expected = ["failed R/d/f:* ", "published R/d/other:latest latest"];
    assert_eq!(results(&outcome, &at), expected);
    let why = "releases.json: the server answered 503";
    assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
    let listed = scene.run(["releases", "c.yaml", "--retry", "0"]);
    assert_eq!(listed.status, 1);
    assert!(listed.stderr.contains("/d/f: cannot fetch"), "{}", listed.stderr);
    assert_eq!(String::from_utf8(listed.stdout).unwrap().lines().count(), 1);
    let bundled = scene.run(["bundle", "create", "-o", "b.tar", "c.yaml", "--retry", "0"]);
    assert_eq!(bundled.status, 1);
    assert!(bundled.stderr.contains("/d/f: cannot fetch"), "{}", bundled.stderr);
    assert!(!scene.path("b.tar").exists());
}

#[test]
fn what_contacts_no_server_shows_the_document() {
    let (scene, server) = (Scene::new(), start_server());
    write_catalogue(&scene, "r.example", &server, "");
    publish(&server, &[("40", &["x86_64"])]);
    server.take_requests();
    let list = |args: &[&str]| {
        let outcome = sync(&scene, &[&["--list"], args].concat());
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        String::from_utf8(outcome.stdout).unwrap()
    };
    let all = "f:*\tr.example/d/f\tlinux/amd64,linux/s390x\n";
    assert_eq!(list(&["--focus", "f:42"]), all);
    assert_eq!(list(&["--output-format", "tekton"]), "[\"f:*\",\"other:latest\"]\n");
    let docs = scene.run(["docs", "c.yaml"]);
    assert_eq!(docs.status, 0, "{}", docs.stderr);
    let docs = String::from_utf8(docs.stdout).unwrap();
    let row = "`{release}`, `{version}` for each release from 38 on; the newest also `latest`";
    assert!(docs.contains(row), "{docs}");
    assert!(server.take_requests().is_empty());
    // Another document has the tag of a release.
    let other = format!(
        "---\napiVersion: diskette/v1\nimage: r.example/d/f\ntags: [\"40\"]\nplatforms: [amd64]\n\
         release: {{from: checksums, url: \"{}\", file: a}}\n",
        server.url("/SUMS")
    );
    write_catalogue(&scene, "r.example", &server, &other);
    let twice = scene.run(["releases", "c.yaml"]);
    assert_eq!(twice.status, 1);
    let why = "two images are named `r.example/d/f:40`";
    assert!(twice.stderr.contains(why), "{}", twice.stderr);
}
