//! Several programs at once: nothing of any of them is lost.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::thread::scope;
use std::time::{Duration, Instant};

use diskette_integration::disk::mixed_bytes;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use diskette_integration::upstream::Upstream;

/// Returns how long, or how often, something is done: more with `DISKETTE_FAULT_POINTS`.
fn scale(usual: u64, soak: u64) -> u64 {
    if std::env::var_os("DISKETTE_FAULT_POINTS").is_some() { soak } else { usual }
}

fn start(scene: &Scene, args: &[&str]) -> Child {
    let mut command = scene.program(args);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn succeed(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn many_builders_of_one_layout() {
    let (builders, each) = (scale(4, 16), scale(3, 25));
    let scene = Scene::new();
    scene.allow_bad_images("the disks are small");
    scene.write("disk.raw", mixed_bytes(1, 70_000));
    scope(|threads| {
        for builder in 0..builders {
            let scene = &scene;
            threads.spawn(move || {
                for number in 0..each {
                    let tag = format!("b{builder}-{number}");
                    scene
                        .write(&format!("{tag}.raw"), mixed_bytes(builder * 1000 + number, 60_000));
                    let (disk, reference) = (format!("{tag}.raw"), format!("quay.io/me/vm:{tag}"));
                    let platform = ["--platform", "linux/amd64"];
                    let args = ["build", &disk, "-q", "-t", &reference, "-o", "oci:out"];
                    succeed(start(scene, &[&args[..], &platform].concat()));
                }
            });
        }
    });
    let layout = Layout::open(&scene.path("out"));
    let tags: BTreeSet<String> = layout.tags().into_iter().collect();
    assert_eq!(tags.len() as u64, builders * each);
    for tag in tags {
        layout.verify_blobs(&tag).unwrap();
    }
}

#[test]
fn builders_collectors_and_readers() {
    let scene = Scene::with_disk();
    scene.allow_bad_images("the disks are small");
    scene.build(&[]);
    let end = Instant::now() + Duration::from_secs(scale(3, 60));
    let again = |args: &'static [&'static str]| {
        let mut count = 0;
        while Instant::now() < end {
            succeed(start(&scene, args));
            count += 1;
        }
        count
    };
    scope(|threads| {
        let builds = threads.spawn(|| {
            let mut count = 0;
            while Instant::now() < end {
                scene.write("next.raw", mixed_bytes(count, 200_000));
                let args = ["build", "next.raw", "--platform", "linux/amd64", "-q"];
                let to = ["-t", "quay.io/me/vm:2", "-o", "oci:out"];
                succeed(start(&scene, &[&args[..], &to].concat()));
                count += 1;
            }
            count
        });
        let others = [
            &["gc", "-q", "out"][..],
            &["verify", "oci:out:1"],
            &["extract", "-q", "-f", "oci:out:1", "-o", "got.raw"],
            &["copy", "-q", "oci:out:1", "oci:copied:1"],
        ];
        let others = others.map(|args| threads.spawn(move || again(args)));
        let others = others.map(|thread| thread.join().unwrap());
        println!("{} builds; gc, verify, extract, copy: {others:?}", builds.join().unwrap());
    });
    for name in ["out", "copied"] {
        Layout::open(&scene.path(name)).verify_blobs("1").unwrap();
    }
    assert_eq!(scene.read("got.raw"), scene.read("disk.raw"));
}

#[test]
fn logins_at_once() {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    for round in 0..scale(2, 15) {
        let scene = Scene::new();
        let names: Vec<String> =
            (0..16).map(|it| format!("{}/me/{it}", registry.address())).collect();
        let login = |name: &String| {
            start(&scene, &["login", "--authfile", "auth.json", "-u", "me", "-p", "x", name])
        };
        names.iter().map(login).collect::<Vec<_>>().into_iter().for_each(succeed);
        let file: serde_json::Value = serde_json::from_slice(&scene.read("auth.json")).unwrap();
        let kept: BTreeSet<&String> = file["auths"].as_object().unwrap().keys().collect();
        assert_eq!(kept, names.iter().collect(), "round {round}");
    }
}

#[test]
fn two_syncs_and_a_promotion() {
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let (upstream, kinds) = (Upstream::start(), ["checksums", "directory"]);
    scene.allow_bad_images("the disks are small");
    scene.write("diskette.yaml", upstream.catalogue(&registry.address(), &kinds));
    let mut last = String::new();
    for round in 1..=scale(2, 10) {
        for kind in kinds {
            upstream.publish_release(kind, &format!("1.{round}"), round);
        }
        let sync = ["sync", "diskette.yaml"];
        let source = registry.reference("disks/checksums:1");
        let target = registry.reference("promoted/checksums:1");
        let mut running = vec![start(&scene, &sync), start(&scene, &sync)];
        if round > 1 {
            running.push(start(&scene, &["copy", "-q", &source, &target]));
        }
        running.into_iter().for_each(succeed);
        let manifest = peer::read_manifest_by_skopeo(&source).unwrap();
        let manifest = diskette_integration::disk::sha256(&manifest);
        assert_ne!(manifest, last);
        last = manifest;
    }
    for name in ["disks/checksums:1", "disks/directory:1", "promoted/checksums:1"] {
        let outcome = scene.run(["verify", &format!("docker://{}", registry.reference(name))]);
        assert_ne!(outcome.status, 75, "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("cannot"), "{}", outcome.stderr);
    }
}
