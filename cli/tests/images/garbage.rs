//! `diskette gc` removes what no image of a layout uses, and nothing else.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::Stdio;
use std::time::Duration;

use diskette_integration::disk::{mixed_bytes, sha256};
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use serde_json::{Value, json};
use snapbox::{IntoData as _, assert_data_eq, str};

/// A scene whose layout `out` has a tag that was built from three disks, one after another.
fn rebuilt() -> (Scene, String) {
    let scene = Scene::with_disk();
    let digests = (0..3).map(|seed| {
        scene.write("disk.raw", mixed_bytes(seed, 200_000));
        scene.build(&[])
    });
    let last = digests.last().unwrap();
    (scene, last)
}

/// Returns the files of the layout's blobs, by name.
fn blobs(scene: &Scene) -> BTreeMap<String, String> {
    scene.file_digests("out/blobs/sha256")
}

#[test]
fn disks_of_older_builds_are_removed() {
    let (scene, last) = rebuilt();
    // Layer, config, manifest and index of each.
    assert_eq!(blobs(&scene).len(), 12);
    let before = scene.file_digests("out");
    let listed = scene.run(["gc", "out", "--dry-run"]);
    assert_eq!(scene.file_digests("out"), before);
    let removed = scene.run(["gc", "oci:out"]);
    assert_eq!(removed.stdout, listed.stdout);
    assert_eq!(String::from_utf8(removed.stdout).unwrap().lines().count(), 8);
    assert!(listed.stderr.starts_with("would remove 8 blobs, "), "{}", listed.stderr);
    assert!(removed.stderr.starts_with("removed 8 blobs, "), "{}", removed.stderr);
    let layout = Layout::open(&scene.path("out"));
    layout.verify_blobs("1").unwrap();
    assert_eq!(layout.find_tag("1").digest().to_string(), last);
    assert_eq!(blobs(&scene).len(), 4);
    let again = scene.run(["gc", "out"]);
    assert_eq!(again.transcript(), "status: 0\nstdout:\nstderr:\nremoved 0 blobs, 0 B\n");
    assert_eq!(scene.run(["gc", "-q", "out"]).transcript(), "status: 0\nstdout:\nstderr:\n");
}

/// An attached image is used by its name; unlike a signature, it does not stay with its subject.
#[test]
fn attached_images_without_a_name_are_removed() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let attach = |seed| {
        scene.write("b.raw", mixed_bytes(seed, 100_000));
        scene.build_to("oci:out:disk", &["b.raw", "--subject", "oci:out:1"]);
    };
    attach(1);
    attach(2);
    assert_eq!(blobs(&scene).len(), 12);
    scene.run(["gc", "out"]);
    assert_eq!(blobs(&scene).len(), 8);
    Layout::open(&scene.path("out")).verify_blobs("disk").unwrap();
    scene.run(["delete", "oci:out:disk"]);
    scene.run(["gc", "out"]);
    assert_eq!(blobs(&scene).len(), 4);
    Layout::open(&scene.path("out")).verify_blobs("1").unwrap();
}

#[test]
fn a_build_collects_garbage() {
    let (scene, _) = rebuilt();
    scene.write("disk.raw", mixed_bytes(7, 100_000));
    scene.build(&["--gc"]);
    assert_eq!(blobs(&scene).len(), 4);
    Layout::open(&scene.path("out")).verify_blobs("1").unwrap();
    // The cache knows layers of builds whose blobs are gone.
    scene.write("disk.raw", mixed_bytes(0, 200_000));
    scene.build(&["--gc"]);
    assert_eq!(blobs(&scene).len(), 4);
    Layout::open(&scene.path("out")).verify_blobs("1").unwrap();
}

/// Writes a blob into the layout, and returns its digest.
fn put_blob(scene: &Scene, bytes: &[u8]) -> String {
    let hex = sha256(bytes);
    scene.write(&format!("out/blobs/sha256/{hex}"), bytes);
    format!("sha256:{hex}")
}

fn put_json(scene: &Scene, value: &Value) -> String {
    put_blob(scene, &serde_json::to_vec(value).unwrap())
}

fn manifest(layer: &str, subject: Option<&str>) -> Value {
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let layer = json!({ "mediaType": "application/octet-stream", "digest": layer, "size": 5 });
    let mut manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "layers": [layer] });
    if let Some(subject) = subject {
        manifest["subject"] = json!({ "mediaType": media_type, "digest": subject, "size": 1 });
    }
    manifest
}

/// Changes the entries of the layout's index.
fn change_entries(scene: &Scene, change: impl FnOnce(&mut Vec<Value>)) {
    let mut index: Value = serde_json::from_slice(&scene.read("out/index.json")).unwrap();
    change(index["manifests"].as_array_mut().unwrap());
    scene.write("out/index.json", serde_json::to_vec(&index).unwrap());
}

#[test]
fn all_that_the_index_reaches_stays() {
    let (scene, last) = rebuilt();
    scene.run(["gc", "out"]);
    let mut kept: Vec<String> = blobs(&scene).into_keys().collect();
    let mut keep = |digest: &String| kept.push(digest.strip_prefix("sha256:").unwrap().to_owned());
    // A signature of an image, and a signature of the signature, which no entry names.
    let (bytes, more) = (put_blob(&scene, b"sign1"), put_blob(&scene, b"sign2"));
    let signature = put_json(&scene, &manifest(&bytes, Some(&last)));
    let second = put_json(&scene, &manifest(&more, Some(&signature)));
    [&bytes, &more, &signature, &second].into_iter().for_each(&mut keep);
    // An artifact that an entry names without a tag, in an index in an index, of another media type.
    let leaf = put_blob(&scene, b"leaf1");
    let artifact = json!({ "blobs": [{ "digest": leaf, "size": 5 }] });
    let artifact = put_json(&scene, &artifact);
    let entry =
        |digest: &str, kind: &str| json!({ "mediaType": kind, "digest": digest, "size": 1 });
    let index_type = "application/vnd.oci.image.index.v1+json";
    let missing = entry(&format!("sha256:{}", "0".repeat(64)), index_type);
    let inner = json!({ "manifests": [entry(&artifact, "application/x"), missing] });
    let inner = put_json(&scene, &inner);
    let outer = put_json(&scene, &json!({ "manifests": [entry(&inner, index_type)] }));
    [&leaf, &artifact, &inner, &outer].into_iter().for_each(&mut keep);
    // Layers of Docker's first schema.
    let old = put_blob(&scene, b"old01");
    let schema_1 = put_json(&scene, &json!({ "fsLayers": [{ "blobSum": old }] }));
    [&old, &schema_1].into_iter().for_each(&mut keep);
    change_entries(&scene, |entries| {
        entries.push(entry(&outer, index_type));
        entries.push(entry(&schema_1, "application/vnd.docker.distribution.manifest.v1+json"));
    });
    // A signature of an image that is gone; files of interrupted builds, and of somebody else.
    let unsigned = put_blob(&scene, b"lost1");
    put_json(&scene, &manifest(&unsigned, Some(&format!("sha256:{}", "1".repeat(64)))));
    let name = "5f1c6f6e-8f0a-4d5e-9c0b-3a9d0f6d2b11";
    for path in [format!("out/{name}"), format!("out/blobs/sha256/{name}")] {
        scene.write(&path, b"half");
    }
    scene.write("out/blobs/sha256/.tmp1", b"half");
    for path in ["out/README.md", "out/.gitignore", "out/blobs/sha512/a", "out/blobs/sha256/README"]
    {
        scene.write(path, b"theirs");
    }
    let removed = scene.run(["gc", "out"]);
    assert_eq!(removed.stderr, "removed 2 blobs and 3 temporary files, 398 B\n");
    let mut found: Vec<String> = blobs(&scene).into_keys().collect();
    kept.push("README".into());
    kept.sort();
    found.sort();
    assert_eq!(found, kept);
    for path in ["README.md", ".gitignore", "blobs/sha512/a", "oci-layout", "index.json"] {
        assert!(scene.path("out").join(path).exists(), "{path}");
    }
    assert!(!scene.path("out").join(name).exists());
}

#[test]
fn a_damaged_image_stops_it() {
    let (scene, last) = rebuilt();
    let path = format!("out/blobs/sha256/{}", last.strip_prefix("sha256:").unwrap());
    scene.write(&path, b"{}");
    let said = scene.run_refused(scene.program(["gc", "out"]));
    let expected = str![[r#"
status: 1
stdout:
stderr:
error: out/blobs/sha256/[..] is damaged: its bytes have another digest

"#]];
    assert_data_eq!(said, expected);
    let check = |path: &str, expected| {
        assert_data_eq!(scene.run_refused(scene.program(["gc", path])), expected);
    };
    check(
        "home",
        str![[r#"
status: 1
stdout:
stderr:
error: home is not an OCI layout

"#]]
        .raw(),
    );
    check(
        "missing",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot open the layout `missing`: No such file or directory (os error 2)

"#]]
        .raw(),
    );
}

#[test]
fn it_needs_a_layout() {
    let scene = Scene::with_disk();
    let build = ["build", "--gc", "-o", "oci-archive:a.tar"];
    assert_data_eq!(
        scene.run_refused(scene.program(build)),
        str![[r#"
status: 2
stdout:
stderr:
error: `--gc` removes blobs of a layout
 |
 = help: use `-o oci:DIR`

"#]]
        .raw()
    );
}

#[test]
fn a_build_that_writes_is_waited_for() {
    let (scene, _) = rebuilt();
    // What a build holds while it writes.
    let blobs_dir = File::open(scene.path("out/blobs/sha256")).unwrap();
    blobs_dir.lock_shared().unwrap();
    scene.write("disk.raw", mixed_bytes(7, 100_000));
    let built = scene.run(["build", "--progress", "plain", "-o", "out", "--gc"]).stderr;
    let note = "note: `--gc` is skipped: another build is writing to `out`\n";
    assert!(built.ends_with(note), "{built}");
    assert_eq!(blobs(&scene).len(), 16);
    let mut waiting = scene.program(["gc", "out"]);
    let mut waiting = waiting.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(waiting.try_wait().unwrap().is_none());
    assert_eq!(blobs(&scene).len(), 16);
    blobs_dir.unlock().unwrap();
    let output = waiting.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("note: waiting for a build that writes to `out`\nremoved 12 blobs"),
        "{said}"
    );
    assert_eq!(blobs(&scene).len(), 4);
}

#[test]
fn builds_at_the_same_time_lose_nothing() {
    let scene = Scene::new();
    let tags: Vec<String> = (0..6).map(|number| format!("t{number}")).collect();
    for round in 0..3 {
        for (tag, seed) in tags.iter().zip(10..) {
            scene.write(&format!("{tag}/disk.raw"), mixed_bytes(seed + 100 * round, 300_000));
            let spec = "{apiVersion: diskette/v1, image: vm, platforms: {amd64: {disk: disk.raw}}}";
            scene.write(&format!("{tag}/diskette.yaml"), spec);
        }
        let builds = tags.iter().map(|tag| {
            let name = format!("vm:{tag}");
            scene.program(["build", "-q", "--gc", "-t", &name, "-o", "out", tag])
        });
        let mut running: Vec<_> = builds
            .chain((0..2).map(|_| scene.program(["gc", "-q", "out"])))
            .map(|mut command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
            .collect();
        for (number, child) in running.iter_mut().enumerate() {
            // In the first round there may be no layout yet for `gc`.
            let done = child.wait().unwrap().success();
            assert!(done || (round == 0 && number >= tags.len()), "{number} in round {round}");
        }
        let layout = Layout::open(&scene.path("out"));
        for tag in &tags {
            layout.verify_blobs(tag).unwrap();
        }
    }
    scene.run(["gc", "out"]);
    assert_eq!(blobs(&scene).len(), 4 * tags.len());
}

#[test]
fn an_interrupted_collection_leaves_whole_images() {
    let Some(strace) = peer::find("strace") else { return };
    let (scene, _) = rebuilt();
    // The third removal is the last thing that it does.
    let mut outer = strace.command();
    outer.args(["-f", "-o", "/dev/null", "-e", "trace=unlinkat"]);
    outer.args(["-e", "inject=unlinkat:signal=KILL:when=3"]);
    let outcome = scene.program_under(outer, ["gc", "out"]).output().unwrap();
    assert!(!outcome.status.success());
    let left = blobs(&scene).len();
    assert!((9..=10).contains(&left), "{left}");
    Layout::open(&scene.path("out")).verify_blobs("1").unwrap();
    scene.run(["gc", "out"]);
    assert_eq!(blobs(&scene).len(), 4);
    assert!(fs::read_dir(scene.path("out")).unwrap().count() >= 3);
}
