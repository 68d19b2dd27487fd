//! Lists of a catalogue's images and parts, as engines read them that start a job for each.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use diskette_integration::scene::Scene;
use serde_json::{Value, json};
use snapbox::{IntoData, assert_data_eq, str};

/// Writes a catalogue of so many images.
fn write_catalogue(scene: &Scene, count: usize) {
    let mut text = String::new();
    for number in 0..count {
        writeln!(
            text,
            "---\napiVersion: diskette/v1\nimage: quay.io/me/d{number}\ntags: ['4{number}', latest]\n\
             platforms: [amd64, arm64]\n\
             release: {{from: checksums, url: 'https://example.com/SUMS', file: 'd{number}'}}"
        )
        .unwrap();
    }
    scene.write("diskette.yaml", text);
}

fn list(scene: &Scene, args: &[&str]) -> String {
    let listed = scene.run([&["sync", "diskette.yaml", "--list"], args].concat());
    assert_eq!((listed.status, listed.stderr.as_str()), (0, ""), "{args:?}");
    String::from_utf8(listed.stdout).unwrap()
}

fn list_json(scene: &Scene, args: &[&str]) -> Value {
    serde_json::from_str(&list(scene, args)).unwrap()
}

#[test]
fn images_are_listed_for_engines() {
    let scene = Scene::new();
    write_catalogue(&scene, 2);
    let lines = "d0:40\tquay.io/me/d0\tlinux/amd64,linux/arm64\n\
                 d1:41\tquay.io/me/d1\tlinux/amd64,linux/arm64\n";
    assert_eq!(list(&scene, &[]), lines);
    let image = |number: u8| {
        json!({ "name": format!("d{number}:4{number}"), "image": format!("quay.io/me/d{number}"),
            "tag": format!("4{number}"), "tags": ["latest", format!("4{number}")],
            "platforms": ["linux/amd64", "linux/arm64"] })
    };
    let images = json!([image(0), image(1)]);
    assert_eq!(list_json(&scene, &["--format", "json"]), images);
    assert_eq!(list_json(&scene, &["--format", "matrix"]), json!({ "include": images }));
    assert_eq!(list_json(&scene, &["--format", "tekton"]), json!(["d0:40", "d1:41"]));
    let one = list_json(&scene, &["--format", "tekton", "--focus", "d1"]);
    assert_eq!(one, json!(["d1:41"]));
}

/// The parts that are listed are those that `--shard` takes, and no image is lost.
#[test]
fn parts_are_listed_for_engines() {
    let scene = Scene::new();
    write_catalogue(&scene, 12);
    for count in ["1", "4", "64"] {
        let shards = list_json(&scene, &["--list-shards", count, "--format", "tekton"]);
        let matrix = list_json(&scene, &["--list-shards", count, "--format", "matrix"]);
        let rows = matrix["include"].as_array().unwrap();
        let text = list(&scene, &["--list-shards", count]);
        let (mut images, mut lines) = (BTreeSet::new(), String::new());
        for (shard, row) in shards.as_array().unwrap().iter().zip(rows) {
            let name = shard.as_str().unwrap();
            let mine = list_json(&scene, &["--format", "tekton", "--shard", name]);
            let mine = mine.as_array().unwrap();
            assert_eq!(row, &json!({ "shard": shard, "images": mine.len() }));
            writeln!(lines, "{name}\t{}", mine.len()).unwrap();
            for image in mine {
                assert!(images.insert(image.to_string()), "{image} is in two parts");
            }
        }
        assert_eq!((images.len(), lines), (12, text), "of {count}");
    }
}

#[test]
fn lists_that_are_too_long_are_refused() {
    let scene = Scene::new();
    write_catalogue(&scene, 257);
    let args = |more: &[&'static str]| [&["sync", "diskette.yaml", "--list"], more].concat();
    let matrix = scene.program(args(&["--format", "matrix"]));
    assert_data_eq!(
        scene.run_refused(matrix),
        str![[r#"
status: 1
stdout:
stderr:
error: a matrix of GitHub Actions has at most 256 jobs, not 257
 |
 = help: list parts of the catalogue with `--list-shards N`, for `--shard` of each job

"#]]
        .raw()
    );
    let tekton = scene.run(args(&["--format", "tekton"]));
    assert_eq!(tekton.status, 0);
    assert_data_eq!(
        tekton.stderr,
        str![[r#"
warning: a matrix of Tekton has at most 256 tasks and a result at most 4096 bytes, unless the cluster is configured otherwise
 |
 = help: list parts of the catalogue with `--list-shards N`, for `--shard` of each task

"#]]
    );
    assert_eq!(list_json(&scene, &["--format", "json"]).as_array().unwrap().len(), 257);
    let both = scene.run(args(&["--shard", "0/2", "--list-shards", "2"]));
    assert_eq!(both.status, 2, "{}", both.stderr);
}
