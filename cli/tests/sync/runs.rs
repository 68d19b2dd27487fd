//! Runs of sync that are killed, that meet each other, and that have many images.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use diskette_integration::disk::{mixed_bytes, sha256};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};
use diskette_integration::upstream::Upstream;

/// How many images are many, unless `$DISKETTE_MANY_IMAGES` says otherwise.
const MANY: usize = 200;

/// At so many points of its course a run is killed.
const POINTS: u32 = 16;

const IMAGES: [&str; 3] = ["checksums", "directory", "coreos-stream"];

fn sync(scene: &Scene, args: &[&str]) -> Child {
    let mut command = scene.program(["sync", "--progress", "none", "diskette.yaml"]);
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Returns the digest of a tag, if it is there; all that it names must be there too.
fn whole(registry: &DockerRegistry, scene: &Scene, name: &str) -> Option<String> {
    let image = registry.reference(&format!("disks/{name}"));
    let index = peer::read_manifest_by_skopeo(&image)?;
    let judged = scene.run(["verify", "--progress", "none", &image]);
    assert_eq!(judged.status, 0, "{name}: {}", judged.stderr);
    Some(sha256(&index))
}

#[test]
fn a_run_that_is_killed_is_gone_on_with() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let upstream = Upstream::start();
    scene.write("diskette.yaml", upstream.catalogue(&registry.address(), &IMAGES));
    let started = Instant::now();
    let first = sync(&scene, &[]).wait_with_output().unwrap();
    let whole_run = started.elapsed();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let old: Vec<Option<String>> =
        IMAGES.iter().map(|kind| whole(&registry, &scene, &format!("{kind}:1"))).collect();
    for kind in IMAGES {
        upstream.publish_release(kind, "1.2", 2);
    }
    let mut killed = 0;
    for point in 0..POINTS {
        let mut child = sync(&scene, &["--no-cache"]);
        std::thread::sleep(whole_run * point / POINTS);
        child.kill().unwrap();
        killed += u32::from(!child.wait_with_output().unwrap().status.success());
        for (kind, old) in IMAGES.iter().zip(&old) {
            let now = whole(&registry, &scene, &format!("{kind}:1"));
            // The tag that moves last is the old image, or the new one, which has all its names.
            if now != *old {
                assert_eq!(now, whole(&registry, &scene, &format!("{kind}:1.2")), "{kind}");
                assert_eq!(now, whole(&registry, &scene, &format!("{kind}:latest")), "{kind}");
            }
        }
    }
    assert!(killed >= POINTS / 3, "only {killed} runs were killed");
    let last = sync(&scene, &["--no-cache"]).wait_with_output().unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    let again = sync(&scene, &[]).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("0 published, 3 unchanged, 0 with failures"), "{said}");
    for (kind, old) in IMAGES.iter().zip(&old) {
        assert_ne!(whole(&registry, &scene, &format!("{kind}:1")), *old);
        assert_eq!(whole(&registry, &scene, &format!("{kind}:1.1")), *old);
    }
}

#[test]
fn a_run_that_is_interrupted_says_what_stays() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let upstream = Upstream::start();
    scene.write("diskette.yaml", upstream.catalogue(&registry.address(), &IMAGES));
    let later = ServerAnswer::With("Retry-After: 60", Box::new(ServerAnswer::Status(503)));
    upstream.server.set_answer("/directory/directory-1.1.x86_64.qcow2", later);
    let child = sync(&scene, &["--workers", "3"]);
    let waits =
        || upstream.server.take_requests().iter().any(|path| path.contains("directory-1.1"));
    let started = Instant::now();
    while !waits() && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    while whole(&registry, &scene, "checksums:1").is_none() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.ends_with("interrupted; what was already written stays\n"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(30));
    let lines = String::from_utf8(ended.stdout).unwrap();
    assert!(lines.contains("published\t") && lines.contains("failed\t"), "{lines}");
    assert_eq!(whole(&registry, &scene, "directory:1"), None);
}

#[test]
fn runs_that_meet_agree() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let upstream = Upstream::start();
    scene.write("diskette.yaml", upstream.catalogue(&registry.address(), &IMAGES));
    for round in 2..5 {
        for kind in IMAGES {
            upstream.publish_release(kind, &format!("1.{round}"), round);
        }
        let runs = [&["--no-cache"][..], &["--workers", "3", "--no-cache"], &["--no-cache"]];
        let runs = runs.map(|args| sync(&scene, args));
        for run in runs {
            let run = run.wait_with_output().unwrap();
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        }
        for kind in IMAGES {
            let tags = ["1".to_owned(), "latest".to_owned(), format!("1.{round}")];
            let tags = tags.map(|tag| whole(&registry, &scene, &format!("{kind}:{tag}")).unwrap());
            assert_eq!(BTreeSet::from(tags).len(), 1, "{kind}");
        }
    }
}

#[test]
fn many_images_of_which_a_tenth_is_bad() {
    let given = std::env::var("DISKETTE_MANY_IMAGES").ok();
    let count: usize = given.map_or(MANY, |count| count.parse().unwrap());
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let is_bad = |number: usize| number % 10 == 3;
    let (mut sums, mut catalogue, mut answers) = (String::new(), String::new(), Vec::new());
    for number in 0..count {
        let disk = mixed_bytes(number as u64, 8192);
        writeln!(sums, "{}  d{number}.img", sha256(&disk)).unwrap();
        let answer = match number % 30 {
            3 => ServerAnswer::Status(404),
            13 => ServerAnswer::Content(mixed_bytes(0, 8192)),
            23 => ServerAnswer::Content(b"<html>".to_vec()),
            _ => ServerAnswer::Content(disk),
        };
        answers.push((format!("/d{number}.img"), answer));
    }
    answers.push(("/SUMS".into(), ServerAnswer::Content(sums.into_bytes())));
    let server = Server::start(answers);
    for number in 0..count {
        writeln!(
            catalogue,
            "---\napiVersion: diskette/v1\nimage: {}/many/d{number}\nplatforms: [amd64]\n\
             release: {{from: checksums, url: \"{}\", file: 'd{number}\\.img'}}",
            registry.address(),
            server.url("/SUMS")
        )
        .unwrap();
    }
    scene.write("diskette.yaml", catalogue);
    let started = Instant::now();
    let mut names = BTreeSet::new();
    // In four parts, as four machines would.
    for part in 0..4 {
        let args = ["--shard", &format!("{part}/4"), "--workers", "4", "--retry", "0"];
        let run = sync(&scene, &args).wait_with_output().unwrap();
        let report = String::from_utf8(run.stdout).unwrap();
        // Shards go by names, which have the registry's port: a shard may have no bad image.
        let has_failed = report.lines().any(|line| line.starts_with("failed"));
        assert_eq!(run.status.code(), Some(i32::from(has_failed)));
        for line in report.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let name = fields[1].rsplit_once("/d").unwrap().1.split(':').next().unwrap();
            let number: usize = name.parse().unwrap();
            assert_eq!(fields[0], if is_bad(number) { "failed" } else { "published" }, "{line}");
            assert!(names.insert(number), "{number} is in two parts");
        }
    }
    assert_eq!(names.len(), count);
    peer::note_skipped(&format!("{count} images took {:.1} s", started.elapsed().as_secs_f64()));
    let listed = sync(&scene, &["--list"]).wait_with_output().unwrap();
    assert_eq!(String::from_utf8(listed.stdout).unwrap().lines().count(), count);
    // The list is fetched once a run, however many images share it.
    let lists = server.take_requests().iter().filter(|path| *path == "/SUMS").count();
    assert_eq!(lists, 4);
    let tags = |number: usize| {
        let image = registry.reference(&format!("many/d{number}"));
        scene.run(["tags", &image]).status
    };
    assert_eq!([tags(3), tags(13), tags(23), tags(4)], [1, 1, 1, 0]);
    assert!(started.elapsed() < Duration::from_secs(600));
}
