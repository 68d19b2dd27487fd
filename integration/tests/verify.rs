//! What the program says of finished images, whoever made them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use diskette_integration::disk::{MIB, mixed};
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::scene::{Outcome, Scene, is_root};
use serde_json::Value;
use snapbox::{IntoData, assert_data_eq, str};

/// Judges an image; digests are left out of what is returned.
fn verify(scene: &Scene, args: &[&str]) -> Outcome {
    let args = ["verify", "--progress", "none"].iter().chain(args);
    let mut outcome = scene.run(args);
    let text = String::from_utf8(outcome.stdout).unwrap();
    outcome.stdout = without_digests(&text).into_bytes();
    outcome
}

fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        format!("{text}[DIGEST]{rest}")
    })
}

#[track_caller]
fn check(scene: &Scene, args: &[&str], expected: impl IntoData) {
    assert_data_eq!(verify(scene, args).transcript(), expected.raw());
}

/// A scene with an image that has two disks, and a label that CDI cannot set.
fn spoilt() -> Scene {
    let scene = Scene::with_disk();
    scene.unjudged("what is wrong with the image is what is looked for");
    scene.write("b.raw", mixed(2, MIB));
    scene.write(
        "Dockerfile",
        "FROM scratch\nCOPY disk.raw b.raw /disk/\nENV KUBEVIRT_IO_A=- CDI_KUBEVIRT_IO_A=a\n",
    );
    let outcome = scene.run([
        "build",
        "-f",
        "Dockerfile",
        "-o",
        "out",
        "-t",
        "1",
        "--platform",
        "linux/amd64",
    ]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    scene
}

#[test]
fn good_images_are_good() {
    let scene = Scene::with_two_disks();
    for compression in ["gzip", "zstd", "none"] {
        scene.build(&["--compression", compression]);
        check(&scene, &["--strict", "out"], str![]);
        check(&scene, &["oci:out:1", "--platform", "linux/arm64"], str![]);
    }
    check(&scene, &["oci:out:1", "--format", "json"], str![]);
}

#[test]
fn findings_are_told() {
    let scene = spoilt();
    check(&scene, &["out"], str![]);
    check(&scene, &["out", "--format", "json"], str![]);
    check(&scene, &["out", "--allow", "disk-several", "--allow", "label-value"], str![]);
    let strict = ["out", "--strict", "--allow", "disk-several", "--allow", "label-value"];
    assert_eq!(verify(&scene, &strict).status, 1);
}

#[test]
fn sarif_is_as_the_standard_has_it() {
    let schema: Value =
        serde_json::from_str(include_str!("verify/sarif-schema-2.1.0.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let scene = Scene::with_two_disks();
    scene.build(&[]);
    let (good, spoilt) = (scene, spoilt());
    for (scene, results) in [(&good, 0), (&spoilt, 3)] {
        let outcome = verify(scene, &["out", "--format", "sarif"]);
        let log: Value = serde_json::from_slice(&outcome.stdout).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&log).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
        let run = &log["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), results);
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
    }
    let outcome = verify(&spoilt, &["out", "--format", "sarif"]);
    let log: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    assert_data_eq!(format!("{:#}\n", log["runs"][0]["results"]), str![].raw());
    assert_eq!(log["runs"][0]["artifacts"][0]["location"]["uri"], "out");
}

#[test]
fn what_is_asked_must_make_sense() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    check(&scene, &[], str![]);
    check(&scene, &["out", "--allow", "disk-server"], str![]);
    check(&scene, &["out", "--rules"], str![]);
    check(&scene, &["--rules", "--format", "sarif"], str![]);
    check(&scene, &["out", "--platform", "linux/s390x"], str![]);
    check(&scene, &["oci:out:2"], str![]);
    check(&scene, &["./nothing"], str![]);
}

#[test]
fn rules_are_listed() {
    let scene = Scene::new();
    let text = String::from_utf8(verify(&scene, &["--rules"]).stdout).unwrap();
    let json = verify(&scene, &["--rules", "--format", "json"]).stdout;
    let rules: Value = serde_json::from_slice(&json).unwrap();
    for rule in rules.as_array().unwrap() {
        for field in ["id", "severity", "summary", "why", "source", "fix"] {
            assert!(text.contains(rule[field].as_str().unwrap()), "{rule}");
        }
    }
    assert_data_eq!(text.lines().take(10).collect::<Vec<_>>().join("\n"), str![]);
}

type Damage = fn(&mut Vec<u8>);

#[test]
fn damage_is_told() {
    let damages: [(&str, Damage); 3] = [
        ("truncated", |blob| blob.truncate(blob.len() / 2)),
        ("changed", |blob| *blob.last_mut().unwrap() ^= 1),
        ("longer", |blob| blob.push(0)),
    ];
    let mut found = String::new();
    for (name, damage) in damages {
        let scene = Scene::with_disk();
        scene.build(&[]);
        for blob in Layout::open(&scene.path("out")).reachable("1") {
            let path = format!("out/blobs/sha256/{}", blob.digest().digest());
            let good = scene.read(&path);
            let mut bad = good.clone();
            damage(&mut bad);
            scene.write(&path, bad);
            let outcome = verify(&scene, &["out"]);
            assert_eq!(outcome.status, 1, "{name} {}", blob.media_type());
            let what = String::from_utf8(outcome.stdout).unwrap() + &outcome.stderr;
            let is_told = |line: &&str| line.contains("error");
            let what =
                what.lines().find(is_told).unwrap().trim().replace(blob.digest().digest(), "[HEX]");
            found += &format!("{name} {}:\n  {what}\n", blob.media_type());
            scene.write(&path, good);
        }
    }
    assert_data_eq!(without_digests(&found), str![].raw());
}

#[test]
fn a_layer_that_is_missing_is_told() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let layout = Layout::open(&scene.path("out"));
    let layer = layout.images("1").remove(0).manifest.layers()[0].digest().digest().to_owned();
    std::fs::remove_file(scene.path(&format!("out/blobs/sha256/{layer}"))).unwrap();
    let outcome = verify(&scene, &["out"]).transcript().replace(&layer, "[HEX]");
    assert_data_eq!(outcome, str![].raw());
}

#[test]
fn umoci_images_are_judged() {
    let Some(umoci) = peer::find("umoci") else { return };
    let scene = Scene::with_disk();
    let layout = scene.path("out");
    let image = format!("{}:1", layout.display());
    umoci.run(["init", "--layout", layout.to_str().unwrap()]);
    umoci.run(["new", "--image", &image]);
    let disk = scene.path("disk.raw");
    let args =
        ["insert", "--rootless", "--image", &image, disk.to_str().unwrap(), "/disk/disk.raw"];
    umoci.run(args);
    umoci.run([
        "config",
        "--image",
        &image,
        "--config.env",
        "KUBEVIRT_IO_A=a",
        "--architecture",
        "arm64",
    ]);
    check(&scene, &["oci:out:1"], str![]);
}

#[test]
fn buildah_and_podman_images_are_judged() {
    let Some(skopeo) = peer::find("skopeo") else { return };
    for name in ["buildah", "podman"] {
        let Some(builder) = peer::find(name) else { continue };
        if !is_root() {
            peer::note("not root: buildah builds only with user namespaces");
            return;
        }
        let scene = Scene::with_disk();
        scene.write("Containerfile", "FROM scratch\nADD disk.raw /disk/\n");
        build(&builder, &scene, name, &skopeo);
        let judged = verify(&scene, &["oci:out:1"]);
        assert_data_eq!(judged.transcript(), str![].raw());
    }
}

/// Builds as users do, and puts the image into the layout `out`.
fn build(builder: &peer::Peer, scene: &Scene, name: &str, skopeo: &peer::Peer) {
    let path = |name: &str| scene.path(name).to_str().unwrap().to_owned();
    let (root, run) = (path("storage"), path("run"));
    let mut storage = vec!["--root", &root, "--runroot", &run, "--storage-driver", "vfs"];
    if name == "podman" {
        storage.extend(["--cgroup-manager", "cgroupfs", "--events-backend", "none"]);
    }
    let (file, archive) = (path("Containerfile"), format!("docker-archive:{}", path("image.tar")));
    let context = path("");
    let verb = if name == "podman" { "build" } else { "bud" };
    let args = [verb, "--isolation", "chroot", "-q", "-t", "vm:1", "-f", &file, &context];
    builder.run(storage.iter().copied().chain(args));
    scene.write("policy.json", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
    let policy = path("policy.json");
    let push = ["push", "-q", "--signature-policy", &policy, "localhost/vm:1", &archive];
    builder.run(storage.iter().copied().chain(push));
    let layout = format!("oci:{}:1", path("out"));
    skopeo.run(["--insecure-policy", "copy", "-q", &archive, &layout]);
    assert!(Path::new(&path("out/index.json")).exists());
}
