//! `extract --seed`: what an older disk has of a disk in zstd:chunked is not fetched.

mod parts;
mod tables;

use std::fs;
use std::os::unix::fs::symlink;

use diskette_integration::daemon::Daemon;
use diskette_integration::disk::{MIB, mixed_bytes, noise_bytes};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::nginx;
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use snapbox::data::Inline;
use snapbox::{IntoData, assert_data_eq, str};

const CHUNKED: &str = "zstd:chunked";

/// Pushes an image with the disk `disk.raw`.
fn push(scene: &Scene, disk: &[u8], compression: &str, image: &str) {
    scene.write("disk.raw", disk);
    scene.write_spec("amd64: { disk: disk.raw }");
    let args = ["build", "-q", "--push", "--no-cache", "--compression", compression, "-t", image];
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    fs::remove_file(scene.path("disk.raw")).unwrap();
}

/// Returns disks with so many bytes of data, and zeros. The second one has new blocks in front, which move all others,
/// something else in its middle, and more zeros.
fn disks(len: usize) -> (Vec<u8>, Vec<u8>) {
    let mut first = mixed_bytes(7, len);
    first.resize(len + MIB, 0);
    let mut second = first.clone();
    second.splice(len / 2..len / 2 + 4096, noise_bytes(1, 4096));
    second.splice(0..0, noise_bytes(2, 3 * 4096));
    second.resize(len + 3 * MIB + 1234, 0);
    (first, second)
}

/// Extracts a disk, and returns the line about seeds.
fn extract(scene: &Scene, image: &str, args: &[&str], expected: &[u8]) -> String {
    let options = ["extract", image, "--progress", "plain"];
    let outcome = scene.run(options.iter().chain(args));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let name = String::from_utf8(outcome.stdout).unwrap();
    assert!(scene.read(name.trim_end()) == expected, "another disk: {}", outcome.stderr);
    let about = |line: &&str| line.starts_with("reused ") || line.starts_with("the layer was read");
    outcome.stderr.lines().find(about).unwrap_or_default().to_owned()
}

/// nginx in front of a registry, with more settings.
fn front(scene: &Scene, registry: &DockerRegistry, more: &str) -> Option<Daemon> {
    let back = registry.address();
    nginx::start_nginx(scene, "nginx", |port| {
        format!(
            "server {{ listen 127.0.0.1:{port}; client_max_body_size 0; proxy_set_header Host $http_host;\n\
             proxy_http_version 1.1; {more} location / {{ proxy_pass http://{back}; }} }}"
        )
    })
}

/// Returns the status and the length of each response to a request for a blob so far, as nginx logged them.
fn take_blobs(scene: &Scene) -> Vec<(u16, u64)> {
    let log = String::from_utf8(scene.read("nginx/access.log")).unwrap();
    fs::write(scene.path("nginx/access.log"), "").unwrap();
    let blobs = log.lines().filter(|line| line.contains("\"GET /v2/vm/blobs/"));
    let numbers = blobs.map(|line| {
        let (_, rest) = line.split_once(" HTTP/1.1\" ").unwrap();
        let mut numbers = rest.split(' ');
        (numbers.next().unwrap().parse().unwrap(), numbers.next().unwrap().parse().unwrap())
    });
    numbers.collect()
}

#[test]
fn only_what_changed_is_fetched() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let Some(front) = front(&scene, &registry, "") else { return };
    let (first, second) = disks(32 * MIB);
    let image = format!("{}/vm:2", front.address());
    push(&scene, &second, CHUNKED, &image);
    scene.write("old.raw", &first);
    scene.write("half.raw", &first[..16 * MIB]);
    scene.write("rest.raw", &first[16 * MIB..]);
    symlink("old.raw", scene.path("link")).unwrap();
    take_blobs(&scene);
    let check = |args: &[&str], most: u64| {
        let said = extract(&scene, &image, args, &second);
        let blobs = take_blobs(&scene);
        let fetched: u64 = blobs.iter().map(|(_, len)| len).sum();
        assert!(fetched < most, "{args:?}: {fetched} in {blobs:?}");
        assert!(said.starts_with("reused "), "{args:?}: {said}");
        assert!(blobs.iter().all(|(status, len)| *status == 206 || *len < 4096), "{blobs:?}");
    };
    check(&["--seed", "old.raw", "-o", "new"], MIB as u64);
    check(&["--seed", "link", "-o", "new2"], MIB as u64);
    check(&["--seed", "half.raw", "--seed", "rest.raw", "-o", "new3"], MIB as u64);
    check(&["--seed", "half.raw", "-o", "new4"], 20 * MIB as u64);
    // What is replaced is a seed without being asked for.
    scene.write("disk", &first);
    check(&["--force", "-o", "disk"], MIB as u64);
    scene.write("dir/disk.raw", &first);
    check(&["--force", "-o", "dir", "--seed", "dir/disk.raw"], MIB as u64);
    // Of a file that the image names, the registry learns nothing: it is asked for the config and the layer.
    scene.write("dir/disk.raw", &first);
    assert_eq!(extract(&scene, &image, &["--force", "-o", "dir"], &second), "");
    assert!(take_blobs(&scene).iter().all(|(status, _)| *status == 200));
    // Standard output gets it, too.
    let outcome = scene.run(["extract", "-q", &image, "-o", "-", "--seed", "old.raw"]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    assert!(outcome.stdout == second);
    assert!(take_blobs(&scene).iter().map(|(_, len)| len).sum::<u64>() < MIB as u64);
    // Reading seeds is a part of the progress.
    let outcome =
        scene.run(["extract", "--progress=json", &image, "-o", "new5", "--seed", "old.raw"]);
    let survey = format!(r#""name":"seeds","platform":"linux/amd64","total":{}"#, first.len());
    assert!(outcome.stderr.contains(&survey), "{}", outcome.stderr);
    take_blobs(&scene);
    // Without a seed there is one request.
    assert_eq!(extract(&scene, &image, &["-o", "whole"], &second), "");
    assert_eq!(take_blobs(&scene).len(), 2, "a config and a layer");
}

/// What does not fit is read as a whole: the disk is right in any case.
#[test]
fn seeds_that_do_not_fit_do_no_harm() {
    let scene = Scene::new();
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let (first, second) = disks(4 * MIB);
    let image = registry.reference("vm:2");
    push(&scene, &second, CHUNKED, &image);
    let check = |seed: &[u8], expected: &str| {
        scene.write("seed", seed);
        let said = extract(&scene, &image, &["--seed", "seed", "--force", "-o", "new"], &second);
        let said = said.split(" of ").next().unwrap();
        assert!(said.starts_with(expected), "{said}");
        fs::remove_file(scene.path("new")).unwrap();
    };
    let none = "the layer was read as a whole: no seed has a part";
    check(b"", none);
    check(b"short", none);
    check(&noise_bytes(9, 3 * MIB), none);
    check(&vec![0; 3 * MIB], none);
    check(&first[..MIB], "reused ");
    check(&first[5..], none);
    let mut damaged = first.clone();
    for at in (0..damaged.len()).step_by(MIB) {
        damaged[at] ^= 1;
    }
    check(&damaged, "reused ");
    check(&second, "reused ");
}

#[test]
fn seeds_that_are_no_files_are_refused() {
    let scene = Scene::new();
    fs::create_dir(scene.path("dir")).unwrap();
    let check = |seed: &str, expected: Inline| {
        let args = ["extract", "-q", "localhost:1/vm:1", "--seed", seed];
        assert_data_eq!(scene.run_refused(scene.program(args)), expected.raw());
    };
    check(
        "dir",
        str![[r#"
status: 1
stdout:
stderr:
error: the seed `dir` is a directory
 |
 = help: name the file of an older disk; to reuse the layers of a layout, `diskette pull` into it and extract from it

"#]],
    );
    check(
        "none",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read the seed `none`: No such file or directory (os error 2)

"#]],
    );
    check(
        "/dev/null",
        str![[r#"
status: 1
stdout:
stderr:
error: the seed `/dev/null` is not a regular file
 |
 = help: name the file of an older disk

"#]],
    );
}

/// Layers of other kinds, and registries that send no parts, are as they were without a seed: one request.
#[test]
fn layers_without_chunks_are_read_as_a_whole() {
    let (first, second) = disks(4 * MIB);
    let check = |compression: &str, more: &str, expected: &str, expected_blobs: usize| {
        let scene = Scene::new();
        let Some(registry) = DockerRegistry::start_open(&scene) else { return };
        let Some(front) = front(&scene, &registry, more) else { return };
        let image = format!("{}/vm:2", front.address());
        push(&scene, &second, compression, &image);
        scene.write("old.raw", &first);
        take_blobs(&scene);
        let said = extract(&scene, &image, &["--seed", "old.raw", "-o", "new"], &second);
        assert_eq!(
            said,
            format!("the layer was read as a whole: {expected}"),
            "{compression} {more}"
        );
        let blobs = take_blobs(&scene);
        assert_eq!(blobs.len(), expected_blobs, "{compression} {more} {blobs:?}");
    };
    let not_chunked = "it is not in zstd:chunked";
    check("gzip", "", not_chunked, 2);
    check("zstd", "", not_chunked, 2);
    check("none", "", not_chunked, 2);
    // The table of contents is asked for.
    let no_parts =
        "its table of contents cannot be used, or the registry sends no parts of a layer";
    check(CHUNKED, "proxy_set_header Range \"\";", no_parts, 3);
}
