//! Several images share a layout, and none is lost.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use diskette_integration::disk::mixed_bytes;
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::scene::Scene;

#[test]
fn parallel_builds_lose_nothing() {
    // Several times, for they meet in other places each time.
    (0..4).for_each(|_| build_in_parallel());
}

fn build_in_parallel() {
    let scene = Scene::new();
    let tags: Vec<String> = (0..8).map(|number| format!("t{number}")).collect();
    for (tag, seed) in tags.iter().zip(10..) {
        scene.write(&format!("{tag}/disk.raw"), mixed_bytes(seed, 300_000));
        let spec = "{apiVersion: diskette/v1, image: vm, platforms: {amd64: {disk: disk.raw}}}";
        scene.write(&format!("{tag}/diskette.yaml"), spec);
    }
    let builds: Vec<_> = tags
        .iter()
        .map(|tag| {
            let name = format!("vm:{tag}");
            let mut build = scene.program(["build", "-q", "-t", &name, "-o", "out", tag]);
            build.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap()
        })
        .collect();
    for mut build in builds {
        assert!(build.wait().unwrap().success());
    }
    let layout = Layout::open(&scene.path("out"));
    let mut found = layout.tags();
    found.sort();
    assert_eq!(found, tags);
    for tag in &tags {
        layout.verify_blobs(tag).unwrap();
        let image = layout.images(tag).remove(0);
        assert_eq!(
            layout.layer_file(&image, "disk/disk.raw"),
            scene.read(&format!("{tag}/disk.raw"))
        );
    }
}

#[test]
fn a_tag_moves_and_others_stay() {
    let scene = Scene::with_disk();
    let old = scene.build(&["-t", "quay.io/me/vm:1", "-t", "quay.io/me/vm:2"]);
    scene.write("disk.raw", mixed_bytes(9, 100_000));
    let new = scene.build(&["-t", "quay.io/me/vm:2"]);
    let layout = Layout::open(&scene.path("out"));
    for (tag, digest) in [("1", old), ("2", new)] {
        assert_eq!(layout.find_tag(tag).digest().to_string(), digest, "{tag}");
        layout.verify_blobs(tag).unwrap();
    }
}

#[test]
fn one_tag_of_two_repositories_is_two_images() {
    let scene = Scene::with_disk();
    scene.build(&["-t", "quay.io/me/vm:1"]);
    scene.write("disk.raw", mixed_bytes(9, 100_000));
    scene.build(&["-t", "quay.io/you/vm:1"]);
    let layout = Layout::open(&scene.path("out"));
    assert_eq!(layout.tags(), ["1", "quay.io/you/vm:1"]);
    layout.tags().iter().for_each(|tag| layout.verify_blobs(tag).unwrap());
}

#[test]
fn names_of_platforms() {
    let scene = Scene::with_two_disks();
    scene.build(&["--per-arch-tags"]);
    let layout = Layout::open(&scene.path("out"));
    assert_eq!(layout.tags(), ["1", "1-amd64", "1-arm64"]);
    for image in layout.images("1") {
        let tag = image.platform.replace("linux/", "1-");
        assert_eq!(layout.find_tag(&tag).digest(), image.descriptor.digest());
    }
}

#[test]
fn what_another_tool_made_survives_byte_for_byte() {
    let Some(umoci) = peer::find("umoci") else { return };
    let scene = Scene::with_disk();
    let image = scene.path("out:theirs");
    umoci.run(["init", "--layout", scene.path("out").to_str().unwrap()]);
    umoci.run(["new", "--image", image.to_str().unwrap()]);
    scene.write("tree/etc/motd", b"theirs\n");
    let insert = ["insert", "--rootless", "--image", image.to_str().unwrap()];
    let tree = scene.path("tree");
    umoci.run(insert.iter().chain([&tree.to_str().unwrap(), &"/"]));
    let (files, entry) = (scene.file_digests("out/blobs"), theirs(&scene));

    scene.build(&["--per-arch-tags"]);

    assert_eq!(theirs(&scene), entry);
    let after = scene.file_digests("out/blobs");
    for (path, digest) in files {
        assert_eq!(after.get(&path), Some(&digest), "{path}");
    }
    umoci.run(["stat", "--image", image.to_str().unwrap()]);
    let ours = scene.path("out:1-amd64");
    umoci.run(["stat", "--image", ours.to_str().unwrap()]);
    // Theirs is still theirs after they have collected what they take for garbage, and ours is ours.
    fs::remove_dir_all(scene.path("cache")).unwrap();
    umoci.run(["gc", "--layout", scene.path("out").to_str().unwrap()]);
    Layout::open(&scene.path("out")).verify_blobs("1").unwrap();
}

fn theirs(scene: &Scene) -> String {
    let index = Layout::open(&scene.path("out")).index();
    let entries = index["manifests"].as_array().unwrap();
    let named = entries
        .iter()
        .find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == "theirs");
    named.unwrap().to_string()
}

#[test]
fn a_build_that_changes_nothing_touches_nothing() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let time = || fs::metadata(scene.path("out/index.json")).unwrap().modified().unwrap();
    let before = (time(), scene.file_digests("out"));
    scene.build(&["--no-cache"]);
    assert_eq!((time(), scene.file_digests("out")), before);
}

/// A layout is untrusted: a pipe is not waited for, and no document is read to its end, however long.
#[test]
fn documents_of_layouts_are_short_regular_files() {
    let check = |name: &str, replace: &dyn Fn(&std::path::Path), why: &str| {
        let commands: [&[&str]; 6] = [
            &["inspect", "oci:out"],
            &["copy", "oci:out", "oci:other"],
            &["gc", "out"],
            &["tag", "oci:out:1", "2"],
            &["delete", "oci:out:1"],
            &["build", "-o", "out"],
        ];
        for command in commands {
            let scene = Scene::with_disk();
            scene.build(&[]);
            let path = scene.path(&format!("out/{name}"));
            fs::remove_file(&path).unwrap();
            replace(&path);
            let mut child = scene.program(command).stderr(Stdio::piped()).spawn().unwrap();
            let deadline = Instant::now() + Duration::from_secs(20);
            while child.try_wait().unwrap().is_none() {
                if Instant::now() > deadline {
                    child.kill().unwrap();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let outcome = child.wait_with_output().unwrap();
            let said = String::from_utf8(outcome.stderr).unwrap();
            assert_eq!(outcome.status.code(), Some(1), "{name} {command:?}: {said}");
            assert!(said.contains(why), "{name} {command:?}: {said}");
        }
    };
    let pipe = |path: &std::path::Path| {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let long = |path: &std::path::Path| fs::File::create(path).unwrap().set_len(3 << 30).unwrap();
    check("index.json", &pipe, "index.json: not a regular file");
    check("index.json", &long, "index.json: too long for a document");
}

#[test]
fn the_compression_of_a_spec_is_that_of_the_option() {
    let scene = Scene::with_two_disks();
    let spec = String::from_utf8(scene.read("diskette.yaml")).unwrap();
    let by_option = scene.build_to("a", &["--compression", "zstd"]);
    let plain = scene.build_to("b", &[]);
    scene.write("diskette.yaml", format!("compression: zstd\n{spec}"));
    assert_eq!(scene.build_to("c", &[]), by_option);
    assert_eq!(scene.build_to("d", &["--compression", "gzip"]), plain);
    let own = spec.replace("disk: a.raw", "disk: a.raw, compression: { type: zstd, level: 9 }");
    scene.write("diskette.yaml", own);
    scene.build_to("e", &[]);
    let layout = Layout::open(&scene.path("e"));
    layout.verify_blobs("1").unwrap();
    let types = layout.images("1").into_iter().map(|image| {
        let layer = &image.manifest.layers()[0];
        (image.platform, layer.media_type().to_string())
    });
    let tar = "application/vnd.oci.image.layer.v1.tar";
    let expected = [
        ("linux/amd64".to_owned(), format!("{tar}+gzip")),
        ("linux/arm64".to_owned(), format!("{tar}+zstd")),
    ];
    assert_eq!(types.collect::<Vec<_>>(), expected);
    // A level alone is one of the compression that the spec has.
    let by_option = scene.build_to("f", &["--compression", "zstd", "--compression-level", "5"]);
    scene.write("diskette.yaml", format!("compression: zstd\n{spec}"));
    assert_eq!(scene.build_to("g", &["--compression-level", "5"]), by_option);
}
