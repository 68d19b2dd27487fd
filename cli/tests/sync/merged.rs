//! The results of several machines become one report.

use std::fs::File;
use std::time::{Duration, SystemTime};

use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::scene::{ProgramOutcome, Scene};
use diskette_integration::server::ServerAnswer;
use diskette_integration::upstream::{KINDS, Upstream};
use serde_json::{Value, json};
use snapbox::{IntoData, assert_data_eq, str};

use crate::markup;

fn report(scene: &Scene, args: &[&str]) -> ProgramOutcome {
    scene.run([&["results"], args].concat())
}

fn stdout(outcome: &ProgramOutcome) -> String {
    String::from_utf8(outcome.stdout.clone()).unwrap()
}

/// Three machines with a part each report together what one reports alone.
#[test]
fn parts_report_what_one_run_reports() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let upstream = Upstream::start();
    scene.write("diskette.yaml", upstream.catalogue(&registry.address(), &KINDS));
    upstream.server.set_answer("/directory/SHA256SUMS", ServerAnswer::Status(404));
    upstream.server.set_answer("/virt-builder/index", ServerAnswer::Status(503));
    std::fs::create_dir(scene.path("r")).unwrap();
    let sync = |args: &[&str]| {
        let common = ["sync", "diskette.yaml", "--progress", "none", "--retry", "0"];
        scene.run(common.iter().chain(args))
    };
    let nowhere = sync(&["--results-file", "nowhere/r.json"]);
    assert_eq!((nowhere.status, stdout(&nowhere).as_str()), (1, ""), "nothing is published");
    assert!(nowhere.stderr.contains("cannot write `nowhere/r.json`"), "{}", nowhere.stderr);
    let whole = sync(&["--dry-run", "--results-file", "whole.json"]);
    for part in 0..3 {
        let (shard, file) = (format!("{part}/3"), format!("r/{part}.json"));
        sync(&["--dry-run", "--shard", &shard, "--results-file", &file]);
    }
    let merged = report(&scene, &["r", "--format", "json", "--catalogue", "diskette.yaml"]);
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    assert_eq!(json(&merged.stdout), json(&scene.read("whole.json")));
    assert_eq!((merged.status, whole.status), (1, 1), "{}", merged.stderr);
    let text = report(&scene, &["r"]);
    let sorted = |outcome: &ProgramOutcome| {
        let mut lines: Vec<String> = stdout(outcome).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&text), sorted(&whole));
    let last = |outcome: &ProgramOutcome| {
        let mut lines = outcome.stderr.lines().map(str::to_owned);
        lines.find(|line| line.contains(" with failures")).unwrap()
    };
    assert_eq!(last(&text), last(&whole));

    // What was published has its size: that of the layers, by another program.
    let published = sync(&["--results-file", "whole.json", "--focus", "checksums"]);
    assert_eq!(published.status, 0, "{}", published.stderr);
    let results = json(&scene.read("whole.json"));
    let platform = &results["checksums:1"]["Platforms"]["linux/arm64"];
    let digest = platform["Digest"].as_str().unwrap();
    let name = registry.reference(&format!("disks/checksums@{digest}"));
    let manifest = json(&peer::read_manifest_by_skopeo(&name).unwrap());
    let layers = manifest["layers"].as_array().unwrap();
    let size: u64 = layers.iter().map(|layer| layer["size"].as_u64().unwrap()).sum();
    assert_eq!(platform["Size"], size);
    let markdown = stdout(&report(&scene, &["whole.json", "--format", "markdown"]));
    assert!(markdown.contains(" | published | 1.1 | "), "{markdown}");
}

fn image(outcome: &str, err: &str, temporary: bool) -> Value {
    json!({ "Tags": ["latest", "1"], "Stage": "push", "Err": err, "Image": "quay.io/me/d",
        "Outcome": outcome, "Temporary": temporary })
}

fn catalogue_document(image: &str) -> String {
    format!(
        "---\napiVersion: diskette/v1\nimage: {image}\ntags: ['1']\nplatforms: [amd64]\n\
         release: {{from: checksums, url: 'https://example.com/SUMS', file: x}}\n"
    )
}

/// Checks the exit status of a report, and what is said on standard error.
fn check(scene: &Scene, args: &str, status: i32, says: &[&str]) {
    let args: Vec<&str> = args.split(' ').collect();
    let found = report(scene, &args);
    assert_eq!(found.status, status, "{args:?}: {}", found.stderr);
    for part in says {
        assert!(found.stderr.contains(part), "{args:?}: {part}: {}", found.stderr);
    }
}

#[test]
fn the_exit_status_is_that_of_one_run() {
    let scene = Scene::new();
    scene.write("good.json", json!({ "a:1": image("published", "", false) }).to_string());
    scene.write("bad.json", json!({ "b:1": image("failed", "no", false) }).to_string());
    scene.write("later.json", json!({ "c:1": image("failed", "busy", true) }).to_string());
    scene.write("again.json", json!({ "b:1": image("unchanged", "", false) }).to_string());
    let mut kept = image("published", "", true);
    kept["Platforms"] = json!({ "linux/amd64": { "Err": "busy", "Outcome": "kept" } });
    scene.write("kept.json", json!({ "e:1": kept }).to_string());
    // What medius writes.
    let medius = r#"{"f:1": {"Tags": ["1"], "Stage": "push"}, "g:2": {"Stage": "verify"}}"#;
    scene.write("medius.json", medius);
    scene.write("empty.json", "{}");
    let check = |args: &str, status: i32, says: &[&str]| check(&scene, args, status, says);
    check("good.json empty.json", 0, &["1 published, 0 unchanged, 0 with failures\n"]);
    check("medius.json", 0, &["0 with failures, 2 without an outcome\n"]);
    let medius = r#"{"f:1": {"Stage": "push", "Err": "gone"}}"#;
    scene.write("medius-bad.json", medius);
    check("medius-bad.json", 1, &["error: f:1: gone\n"]);
    check("good.json bad.json", 1, &["error: quay.io/me/d:1: no", "1 with failures"]);
    check("later.json", 75, &["error: quay.io/me/d:1: busy"]);
    check("kept.json", 75, &["d:1: linux/amd64: busy", "1 published, 0 unchanged, 1 with"]);
    check("later.json bad.json", 1, &[]);
    // Nothing that a file says is counted as nothing.
    scene.write("would.json", json!({ "j:1": image("would-publish", "", false) }).to_string());
    check("would.json", 0, &["1 would be published, 0 unchanged, 0 with failures\n"]);
    let both = "1 published, 1 would be published, 0 unchanged, 0 with failures\n";
    check("good.json would.json", 0, &[both]);
    scene.write("other.json", json!({ "g:1": image("skipped\n", "", false) }).to_string());
    scene.write("mute.json", json!({ "h:1": image("failed", "", false) }).to_string());
    scene.write("lost.json", json!({ "i:1": image("missing", "gone", true) }).to_string());
    scene.write("found.json", json!({ "i:1": image("published", "", false) }).to_string());
    let unknown = "error: quay.io/me/d:1: its outcome is `skipped\\n`, which is unknown";
    check("good.json other.json", 1, &[unknown, "1 published, 0 unchanged, 1 with failures\n"]);
    check("mute.json", 1, &["d:1: it failed, and the results do not say why", "1 with failures"]);
    check(
        "lost.json",
        75,
        &["error: no results, says the report of an earlier run: quay.io/me/d:1"],
    );
    check("lost.json found.json", 0, &["1 published, 0 unchanged, 0 with failures\n"]);
    // Of two results of an image, the later file counts.
    check("bad.json again.json", 0, &["1 unchanged"]);
    check("again.json bad.json", 1, &[]);
    check("bad.json gone.json", 1, &["there is no results file `gone.json`"]);
    check(
        "good.json --max-age soon",
        2,
        &["`soon` is not an age: write it like 30d, 12h, 8w or 90min"],
    );
    check("good.json --shards 2", 2, &["--catalogue"]);
}

#[test]
fn files_that_are_missing_old_or_wrong_are_named() {
    let scene = Scene::new();
    scene.write("good.json", json!({ "a:1": image("published", "", false) }).to_string());
    scene.write("old.json", "{}");
    let two_days_ago = SystemTime::now() - Duration::from_secs(48 * 3600);
    let old = File::options().append(true).open(scene.path("old.json")).unwrap();
    old.set_modified(two_days_ago).unwrap();
    scene.write("wrong.json", "[]");
    let huge = File::create(scene.path("huge.json")).unwrap();
    huge.set_len((256 << 20) + 1).unwrap();
    std::fs::create_dir(scene.path("none")).unwrap();
    let check = |args: &str, status: i32, says: &[&str]| check(&scene, args, status, says);
    let gone = "there is no results file `gone.json`";
    check("good.json gone.json", 75, &[gone, "was that part stopped"]);
    check("none", 75, &["there is no results file in `none`"]);
    // What ext4 keeps at the top of a volume holds no results.
    scene.write("volume/a.json", json!({ "a:1": image("published", "", false) }).to_string());
    scene.write("volume/lost+found/b.json", "[]");
    check("volume", 0, &[]);
    check("good.json old.json", 0, &[]);
    check("good.json old.json --max-age 12h", 75, &["the results file `old.json` is 48 hours old"]);
    for age in ["12h", "1d", "90min"] {
        check(&format!("good.json --max-age {age}"), 0, &[]);
    }
    // The catalogue tells what is missing: a file that is left from more parts is not.
    scene.write("c.yaml", catalogue_document("q.io/a"));
    check("good.json old.json --max-age 12h --catalogue c.yaml", 0, &[]);
    check("old.json --max-age 12h --catalogue c.yaml", 75, &["an image of the catalogue without"]);
    let wrong = ["cannot read the results in `wrong.json`", "--results-file FILE"];
    check("good.json wrong.json", 1, &wrong);
    let no_result = |file: &str, content: Value, said: &str| {
        scene.write(file, content.to_string());
        let said = format!("cannot read the results in `{file}`: {said}");
        check(&format!("good.json {file}"), 1, &[&said]);
    };
    let lower = json!({ "tags": ["1"], "stage": "push", "image": "q.io/a", "err": "gone" });
    no_result("no-keys.json", json!({ "x": {} }), "`x` is no result: it has no `Stage`");
    no_result("lower.json", json!({ "a:1": lower }), "`a:1` is no result: it has no `Stage`");
    let mut unnamed = image("published", "", false);
    unnamed["Image"] = json!("");
    no_result("unnamed.json", json!({ "a\n": unnamed }), "`a\\n` is no result: it has no `Image`");
    check("huge.json", 1, &["`huge.json`: it is longer than any results"]);
}

#[test]
fn images_of_several_repositories_can_be_called_alike() {
    let scene = Scene::new();
    let named = ["q.io/x/d", "q.io/y/d"];
    scene.write("two.yaml", named.map(catalogue_document).concat());
    for (number, name) in named.iter().enumerate() {
        let mut result = image("published", "", false);
        result["Image"] = (*name).into();
        scene.write(&format!("d{number}.json"), json!({ "d:1": result }).to_string());
    }
    let two = ["2 published, 0 unchanged"];
    check(&scene, "d0.json --catalogue two.yaml", 75, &["without a result: q.io/y/d:1"]);
    check(&scene, "d0.json d1.json d0.json --catalogue two.yaml", 0, &two);
    // One run keeps them apart, too.
    let two = named.map(catalogue_document).concat();
    let nowhere = two.replace("https://example.com", "http://127.0.0.1:9");
    scene.write("nowhere.yaml", nowhere.replace("q.io", "127.0.0.1:9"));
    let args = ["sync", "nowhere.yaml", "--dry-run", "--retry", "0", "--results-file", "r.json"];
    assert_eq!(scene.run(args).status, 75);
    let results: Value = serde_json::from_slice(&scene.read("r.json")).unwrap();
    let keys: Vec<&String> = results.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["127.0.0.1:9/y/d:1", "d:1"]);
}

#[test]
fn a_missing_part_is_named() {
    let scene = Scene::new();
    let documents = ('a'..='n').map(|name| catalogue_document(&format!("quay.io/me/{name}")));
    scene.write("diskette.yaml", documents.collect::<String>());
    let parts = scene.run(["sync", "diskette.yaml", "--list", "--list-shards", "2"]);
    assert_eq!(String::from_utf8(parts.stdout).unwrap().lines().count(), 2);
    let mine = scene.run(["sync", "diskette.yaml", "--list", "--shard", "0/2"]);
    let names = String::from_utf8(mine.stdout).unwrap();
    let mut results = serde_json::Map::new();
    for line in names.lines() {
        let (key, rest) = line.split_once('\t').unwrap();
        let mut result = image("unchanged", "", false);
        result["Image"] = rest.split('\t').next().into();
        results.insert(key.to_owned(), result);
    }
    scene.write("0.json", Value::Object(results.clone()).to_string());
    let args = ["results", "0.json", "1.json", "--catalogue", "diskette.yaml", "--shards", "2"];
    assert_data_eq!(scene.run_refused(scene.program(args)), str![[r#"
status: 75
stdout:
missing	quay.io/me/a:1	-	
missing	quay.io/me/b:1	-	
missing	quay.io/me/c:1	-	
missing	quay.io/me/d:1	-	
missing	quay.io/me/e:1	-	
missing	quay.io/me/f:1	-	
unchanged	quay.io/me/g:1	-	latest,1
unchanged	quay.io/me/h:1	-	latest,1
missing	quay.io/me/i:1	-	
missing	quay.io/me/j:1	-	
unchanged	quay.io/me/k:1	-	latest,1
unchanged	quay.io/me/l:1	-	latest,1
unchanged	quay.io/me/m:1	-	latest,1
missing	quay.io/me/n:1	-	
stderr:
0 published, 5 unchanged, 0 with failures, 9 missing
error: there is no results file `1.json`
 |
 = help: was that part stopped, or is it still running? run its `diskette sync` again
error: shard 1/2 has no results: quay.io/me/a:1, quay.io/me/b:1, quay.io/me/c:1, quay.io/me/d:1, quay.io/me/e:1 and 4 more
 |
 = help: was that part stopped, or is it still running? run its `diskette sync` again

"#]].raw());
    let (lost, _) = results.iter().next().map(|(key, it)| (key.clone(), it.clone())).unwrap();
    results.remove(&lost);
    scene.write("0.json", Value::Object(results).to_string());
    let found = report(&scene, &["0.json", "--catalogue", "diskette.yaml", "--shards", "2"]);
    assert!(found.stderr.contains("an image of shard 0/2 without a result: quay.io/me/"));
    let found = report(&scene, &["0.json", "--catalogue", "diskette.yaml", "--format", "json"]);
    let merged: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(merged.as_object().unwrap().len(), 14);
    assert_eq!(merged[&lost]["Outcome"], "missing");
    // Later commands leave it alone.
    scene.write("merged.json", found.stdout);
    let args = ["promote", "--results-file", "merged.json", "--target-registry", "localhost:9/x"];
    let promoted = scene.run([&args[..], &["--focus", lost.split(':').next().unwrap()]].concat());
    assert_eq!((promoted.status, promoted.stdout), (0, Vec::new()), "{}", promoted.stderr);
}

/// Text that means something in Markdown, HTML, XML or to a terminal.
const HOSTILE: &str = "a|b <script>x</script> & \"q\" 'r' ![i](https://e.com/x) `c` **d** @me #1 \
                       www.e.com https://e.com $m$ ~~s~~ \\";

fn hostile_results(scene: &Scene) {
    let mut version = image("published", "", false);
    version["Platforms"] = json!({ "linux/amd64": { "Version": HOSTILE, "Outcome": "published", "Size": 2048,
            "Packages": { "Count": 9, "Changes": { "AddedCount": 5, "Added": [
                { "Name": "<b>", "Version": "1|2" }, { "Name": "`c`", "Version": "1" }] } } } });
    let error = format!("{HOSTILE}\nline\u{1b}[2J\u{7}\u{0}\u{202e}\u{ffff}");
    let all = json!({ "bad:1": image("failed", &error, false), "new:2": version,
        "same:3": image("unchanged", "", false) });
    scene.write("results.json", all.to_string());
}

#[test]
fn foreign_text_stays_text_in_markdown() {
    let scene = Scene::new();
    hostile_results(&scene);
    let found = report(&scene, &["results.json", "gone.json", "--format", "markdown"]);
    assert_eq!(found.status, 1);
    let Some(page) = markup::read_markdown(&scene, &found.stdout) else { return };
    assert_eq!(
        page["tags"],
        json!(["h2", "li", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"])
    );
    let hostile = format!("{HOSTILE} line\\u{{1b}}[2J\\u{{7}}\\u{{0}}\\u{{202e}}\u{ffff}");
    let changes = "5 added, 0 removed, 0 changed: + <b> 1|2, + `c` 1, and 3 more";
    let expected = [
        ["Image", "Outcome", "Version", "Size", "Packages", "Error"],
        ["quay.io/me/d:1", "failed", "", "", "", &hostile],
        ["quay.io/me/d:2", "published", HOSTILE, "2.00 KiB", changes, ""],
    ];
    assert_eq!(page["cells"], json!(expected.concat()));
}

#[test]
fn foreign_text_stays_text_in_xml() {
    let scene = Scene::new();
    hostile_results(&scene);
    let found = report(&scene, &["results.json", "gone.json", "--format", "junit"]);
    assert_eq!(found.status, 1);
    let Some(read) = markup::read_junit(&stdout(&found)) else { return };
    let counts = json!({ "name": "diskette sync", "tests": "4", "failures": "1", "errors": "1" });
    assert_eq!(read["suite"], counts);
    let error = format!("{HOSTILE}\nline\\u{{1b}}[2J\\u{{7}}\\u{{0}}\\u{{202e}}\u{fffd}");
    let gone = "there is no results file `gone.json`";
    let expected = json!([
        ["quay.io/me/d:1", "failure", "failed", error, error],
        ["quay.io/me/d:2"],
        ["quay.io/me/d:3"],
        [gone, "error", "missing", gone, null],
    ]);
    assert_eq!(read["cases"], expected);
}
