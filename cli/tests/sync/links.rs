//! The links of releases are checked without a download, against nginx as administrators set it up.

use diskette_integration::daemon::Daemon;
use diskette_integration::disk::{qcow2_disk, sha256};
use diskette_integration::nginx::start_nginx;
use diskette_integration::scene::{ProgramOutcome, Scene};
use snapbox::{IntoData, assert_data_eq, str};

/// What nginx does with the files in `d/`, each in a directory of its own.
const LOCATIONS: &str = r#"
    location /no-head/ { if ($request_method = HEAD) { return 405; } }
    location /unknown/ { if ($request_method = HEAD) { return 501; } }
    location /signed/ { if ($request_method = HEAD) { return 403; } }
    location /whole/ { if ($request_method = HEAD) { return 405; } max_ranges 0; }
    location /moved/ { rewrite ^ /plain/plain.qcow2 redirect; }
    location /loop/ { return 302 $uri; }
    location /denied/ { return 403; }
    location /busy/ { return 503; }
    location /page/ { try_files $uri /page.html; }
    location /called-page/ { types { } default_type text/html; }
"#;

/// Starts nginx with a disk in each of these directories, and a list of them.
fn start(scene: &Scene, directories: &[&str]) -> Option<Daemon> {
    let disk = qcow2_disk(3, 100_000);
    let mut list = Vec::new();
    for directory in directories {
        std::fs::create_dir_all(scene.path("root").join(directory)).unwrap();
        if !["gone", "page"].contains(directory) {
            scene.write(&format!("root/{directory}/{directory}.qcow2"), &disk);
        }
        let size = if *directory == "short" { disk.len() + 1 } else { disk.len() };
        let file = format!("{directory}/{directory}.qcow2");
        list.push(format!("# {directory}.qcow2: {size} bytes\n{}  {file}\n", sha256(&disk)));
    }
    scene.write("root/SUMS", list.concat());
    scene.write("root/page.html", "<!DOCTYPE html><html><title>Not here</title></html>");
    let root = scene.path("root");
    start_nginx(scene, "nginx", |port| {
        let root = root.display();
        format!("server {{ listen 127.0.0.1:{port}; root {root}; {LOCATIONS} }}")
    })
}

/// Writes a catalogue of the disks in these directories, with more keys of the releases.
fn write_catalogue(scene: &Scene, server: &Daemon, directories: &[&str], more: &str) {
    let document = |directory: &&str| {
        format!(
            "---\napiVersion: diskette/v1\nimage: r.example/{directory}\nplatforms: [linux/amd64]\n\
             release: {{from: checksums, url: \"http://{}/SUMS\", file: {directory}.qcow2{more}}}\n",
            server.address()
        )
    };
    scene.write("c.yaml", directories.iter().map(document).collect::<String>());
}

fn check_links(scene: &Scene, server: &Daemon, args: &[&str]) -> ProgramOutcome {
    let args = ["releases", "c.yaml", "--check-links", "--retry", "0"].iter().chain(args);
    let mut outcome = scene.run(args);
    let address = format!("http://{}", server.address());
    let text = String::from_utf8(outcome.stdout).unwrap();
    outcome.stdout = text.replace(&address, "[URL]").into_bytes();
    outcome.stderr = outcome.stderr.replace(&address, "[URL]");
    outcome
}

/// Returns the requests that nginx got, without those of lists.
fn requests(scene: &Scene) -> Vec<String> {
    let log = String::from_utf8(scene.read("nginx/access.log")).unwrap();
    let request = |line: &str| {
        let fields: Vec<&str> = line.split('"').collect();
        let status = fields[2].split_whitespace().next().unwrap();
        format!("{} {status}", fields[1].strip_suffix(" HTTP/1.1").unwrap())
    };
    log.lines().map(request).filter(|line| !line.contains("/SUMS ")).collect()
}

#[test]
fn links_that_hold() {
    let all = ["plain", "no-head", "unknown", "signed", "whole", "moved", "called-page"];
    let scene = Scene::new();
    let Some(server) = start(&scene, &all) else { return };
    write_catalogue(&scene, &server, &all, "");
    let outcome = check_links(&scene, &server, &["--workers", "1"]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    assert_data_eq!(
        String::from_utf8(outcome.stdout).unwrap(),
        str![[r#"
r.example/plain	-	linux/amd64	200	458752	ok	[URL]/plain/plain.qcow2
r.example/no-head	-	linux/amd64	206	458752	ok	[URL]/no-head/no-head.qcow2
r.example/unknown	-	linux/amd64	206	458752	ok	[URL]/unknown/unknown.qcow2
r.example/signed	-	linux/amd64	206	458752	ok	[URL]/signed/signed.qcow2
r.example/whole	-	linux/amd64	200	458752	ok	[URL]/whole/whole.qcow2
r.example/moved	-	linux/amd64	200	458752	ok	[URL]/moved/moved.qcow2
r.example/called-page	-	linux/amd64	206	458752	ok	[URL]/called-page/called-page.qcow2

"#]]
        .raw()
    );
    assert_data_eq!(
        requests(&scene).join("\n"),
        str![[r#"
HEAD /plain/plain.qcow2 200
HEAD /no-head/no-head.qcow2 405
GET /no-head/no-head.qcow2 206
HEAD /unknown/unknown.qcow2 501
GET /unknown/unknown.qcow2 206
HEAD /signed/signed.qcow2 403
GET /signed/signed.qcow2 206
HEAD /whole/whole.qcow2 405
GET /whole/whole.qcow2 200
HEAD /moved/moved.qcow2 302
HEAD /plain/plain.qcow2 200
HEAD /called-page/called-page.qcow2 200
GET /called-page/called-page.qcow2 206
"#]]
        .raw()
    );
}

#[test]
fn links_that_are_broken() {
    let all = ["plain", "gone", "denied", "loop", "busy", "short", "page"];
    let scene = Scene::new();
    let Some(server) = start(&scene, &all) else { return };
    write_catalogue(&scene, &server, &all, "");
    let outcome = check_links(&scene, &server, &["--workers", "1"]);
    assert_eq!(outcome.status, 1);
    assert_data_eq!(String::from_utf8(outcome.stdout).unwrap(), str![[r#"
r.example/plain	-	linux/amd64	200	458752	ok	[URL]/plain/plain.qcow2
r.example/gone	-	linux/amd64	404	-	the server answered 404	[URL]/gone/gone.qcow2
r.example/denied	-	linux/amd64	403	-	the server answered 403	[URL]/denied/denied.qcow2
r.example/loop	-	linux/amd64	-	-	refusing the redirect to `[URL]/loop/loop.qcow2`: too many redirects	[URL]/loop/loop.qcow2
r.example/busy	-	linux/amd64	503	-	the server answered 503	[URL]/busy/busy.qcow2
r.example/short	-	linux/amd64	200	458752	the server has 458752 bytes, not the 458753 that are published	[URL]/short/short.qcow2
r.example/page	-	linux/amd64	206	51	the server sent a web page	[URL]/page/page.qcow2

"#]].raw());
    assert_data_eq!(
        requests(&scene).join("\n"),
        str![[r#"
HEAD /plain/plain.qcow2 200
HEAD /gone/gone.qcow2 404
HEAD /denied/denied.qcow2 403
GET /denied/denied.qcow2 403
HEAD /loop/loop.qcow2 302
HEAD /loop/loop.qcow2 302
HEAD /loop/loop.qcow2 302
HEAD /loop/loop.qcow2 302
HEAD /loop/loop.qcow2 302
HEAD /loop/loop.qcow2 302
HEAD /loop/loop.qcow2 302
HEAD /loop/loop.qcow2 302
HEAD /loop/loop.qcow2 302
HEAD /loop/loop.qcow2 302
HEAD /busy/busy.qcow2 503
HEAD /short/short.qcow2 200
HEAD /page/page.qcow2 200
GET /page/page.qcow2 206
"#]]
        .raw()
    );
}

#[test]
fn broken_links_are_errors_of_their_releases() {
    let all = ["plain", "gone", "busy", "short"];
    let scene = Scene::new();
    let Some(server) = start(&scene, &all) else { return };
    write_catalogue(&scene, &server, &all, "");
    let outcome = check_links(&scene, &server, &[]);
    assert_eq!(outcome.status, 1);
    assert_data_eq!(outcome.stderr, str![[r#"
error: r.example/gone for linux/amd64: the link [URL]/gone/gone.qcow2 is broken: the server answered 404
  --> c.yaml:10:1
   |
10 | release: {from: checksums, url: "[URL]/SUMS", file: gone.qcow2}
   | ^^^^^^^
   |
   = help: check whether upstream has moved it, and change `url` or `mirrors`
error: r.example/busy for linux/amd64: the link [URL]/busy/busy.qcow2 is broken: the server answered 503
  --> c.yaml:15:1
   |
15 | release: {from: checksums, url: "[URL]/SUMS", file: busy.qcow2}
   | ^^^^^^^
   |
   = help: try again later, or name a mirror with `mirrors` or `--rewrite-url`
error: r.example/short for linux/amd64: the link [URL]/short/short.qcow2 is broken: the server has 458752 bytes, not the 458753 that are published
  --> c.yaml:20:1
   |
20 | release: {from: checksums, url: "[URL]/SUMS", file: short.qcow2}
   | ^^^^^^^
   |
   = help: the list or the server is behind the other: try again later, or ask upstream

"#]].raw());
}

#[test]
fn mirrors_are_links_and_each_is_asked_for_once() {
    let scene = Scene::new();
    let Some(server) = start(&scene, &["plain"]) else { return };
    let mirrors = format!(", mirrors: [\"http://{}/gone\"]", server.address());
    write_catalogue(&scene, &server, &["plain"], &mirrors);
    let one = String::from_utf8(scene.read("c.yaml")).unwrap();
    scene.write("c.yaml", one.replace("linux/amd64]", "linux/amd64, linux/arm64]"));
    let outcome = check_links(&scene, &server, &["--output-format", "json"]);
    assert_eq!(outcome.status, 1);
    let found: serde_json::Value = serde_json::from_slice(&outcome.stdout).unwrap();
    let size = scene.read("root/plain/plain.qcow2").len();
    let links = serde_json::json!([
        { "url": "[URL]/plain/plain.qcow2", "status": 200, "size": size, "error": null },
        { "url": "[URL]/gone/plain/plain.qcow2", "status": 404, "size": null,
          "error": "the server answered 404" },
    ]);
    assert_eq!((&found[0]["links"], &found[1]["links"]), (&links, &links));
    let mut asked = requests(&scene);
    asked.sort();
    assert_eq!(asked, ["HEAD /gone/plain/plain.qcow2 404", "HEAD /plain/plain.qcow2 200"]);
    let both = ["linux/amd64", "linux/arm64"];
    for platform in both {
        let message = format!(
            "error: r.example/plain for {platform}: the link [URL]/gone/plain/plain.qcow2 is broken: \
             the server answered 404"
        );
        assert!(outcome.stderr.contains(&message), "{}", outcome.stderr);
    }
}

/// What the user asks of connections and of failures holds for links, too.
#[test]
fn links_follow_the_options_of_all_requests() {
    let all = ["plain", "busy"];
    let scene = Scene::new();
    let Some(server) = start(&scene, &all) else { return };
    write_catalogue(&scene, &server, &all, "");
    let root = format!("http://{}/=http://{}/", "example.invalid", server.address());
    let list = String::from_utf8(scene.read("c.yaml")).unwrap();
    let address = server.address().to_string();
    scene.write("c.yaml", list.replace(&address, "example.invalid"));
    let more = ["--rewrite-url", &root, "--max-connections", "1", "--retry", "1"];
    let args = ["releases", "c.yaml", "--check-links"].iter().chain(&more);
    assert_eq!(scene.run(args).status, 1);
    let mut asked = requests(&scene);
    asked.sort();
    let busy = "HEAD /busy/busy.qcow2 503";
    assert_eq!(asked, [busy, busy, "HEAD /plain/plain.qcow2 200"], "once more, and no other");
    let none = scene.run(["releases", "c.yaml", "--workers", "2"]);
    assert_eq!(none.status, 2);
    assert!(none.stderr.contains("--check-links"), "{}", none.stderr);
}
