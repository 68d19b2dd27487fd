//! Names that come from a layout or from results are names, or nothing is written.

use diskette_integration::cluster::handmade::{HandmadeImage, dir, file};
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use serde_json::Value;

/// Tags that lead to another repository, or are shown as something else.
const HOSTILE: [&str; 6] = [
    "../../../victim/app/manifests/latest",
    "..%2f..%2f..%2fvictim%2fapp%2fmanifests%2flatest",
    "latest?x=",
    "1\n::error::x",
    "1\u{1b}[2J",
    "",
];

/// Changes the `index.json` of a layout.
fn change_index(scene: &Scene, layout: &str, change: impl FnOnce(&mut Value)) {
    let name = format!("{layout}/index.json");
    let mut index: Value = serde_json::from_slice(&scene.read(&name)).unwrap();
    change(&mut index);
    scene.write(&name, index.to_string());
}

fn rename(scene: &Scene, tag: &str) {
    change_index(scene, "out", |index| {
        let annotations = index["manifests"][0]["annotations"].as_object_mut().unwrap();
        annotations.clear();
        annotations.insert("org.opencontainers.image.ref.name".into(), tag.into());
    });
}

#[test]
fn tags_of_a_layout_do_not_leave_the_repository() {
    let scene = Scene::with_disk();
    let digest = scene.build(&[]);
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    for tag in HOSTILE {
        rename(&scene, tag);
        let to = registry.reference("me/vm");
        for args in [
            ["copy", "-q", "--all-tags", "oci:out", &to],
            ["copy", "-q", "--all-tags", "oci:out", "oci:second"],
        ] {
            let outcome = scene.run(args);
            assert_eq!(outcome.status, 1, "{tag:?} {args:?} {}", outcome.stderr);
            assert!(outcome.stderr.contains("is not a tag"), "{tag:?} {}", outcome.stderr);
            assert!(!outcome.stderr.contains(['\u{1b}', '\r']), "{tag:?}");
        }
        let asked = registry.take_requests();
        assert!(asked.iter().all(|request| request.method == "GET"), "{tag:?} {asked:?}");
        // The image is still found by its digest.
        let from = format!("oci:out@{digest}");
        assert_eq!(scene.run(["copy", "-q", &from, &to]).digest(), digest, "{tag:?}");
        registry.take_requests();
    }
    assert!(registry.manifest("victim/app", "latest").is_none());
}

#[test]
fn two_images_with_one_tag_are_not_copied_over_each_other() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    change_index(&scene, "out", |index| {
        let mut second = index["manifests"][0].clone();
        second["annotations"]["org.opencontainers.image.ref.name"] = "quay.io/you/vm:1".into();
        second["annotations"]["io.containerd.image.name"] = "quay.io/you/vm:1".into();
        index["manifests"].as_array_mut().unwrap().push(second);
    });
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let outcome = scene.run(["copy", "-q", "--all-tags", "oci:out", &registry.reference("me/vm")]);
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("two images of `oci:out` have the tag `1`"),
        "{}",
        outcome.stderr
    );
    assert!(registry.manifest("me/vm", "1").is_none());
}

#[test]
fn disks_with_hidden_names_are_not_extracted_under_them() {
    for name in [".profile", "-rf", "a\nb", "~"] {
        let scene = Scene::new();
        let disk = diskette_integration::disk::mixed_bytes(1, 8192);
        let items =
            [dir("disk").owner(107, 107), file(&format!("disk/{name}"), &disk).owner(107, 107)];
        HandmadeImage::new().layer(&items).write(&scene.path("hostile"));
        for args in [&["extract", "-q", "hostile"][..], &["extract", "-q", "--force", "hostile"]] {
            let outcome = scene.run(args);
            assert_eq!(outcome.status, 1, "{name:?} {}", outcome.stderr);
            assert!(!scene.path(name).exists(), "{name:?}");
            let message = format!("`{}` is not used as the name of a file", name.escape_debug());
            assert!(outcome.stderr.contains(&message), "{name:?} {}", outcome.stderr);
        }
        let outcome = scene.run(["extract", "-q", "hostile", "-o", "named"]);
        assert_eq!(outcome.status, 0, "{name:?} {}", outcome.stderr);
        assert!(scene.read("named") == disk);
    }
}

#[test]
fn results_have_no_invisible_characters() {
    let (label, file) = ("x\u{9b}31m\u{202e}y", ".z\u{9b}31m\u{202e}");
    let scene = Scene::with_disk();
    let value = format!("a={label}");
    scene.build(&["--label", &value, "--annotation", &format!("index:{value}")]);
    scene.build_to("plain", &[]);
    scene.write(&format!("out/blobs/sha256/{file}"), "left behind");
    for (args, is_json) in [
        (&["inspect", "oci:out"][..], false),
        (&["inspect", "oci:out", "--output-format", "json"], true),
        (&["diff", "oci:out", "oci:plain"], false),
        (&["diff", "oci:out", "oci:plain", "--output-format", "json"], true),
        (&["gc", "--dry-run", "out"], false),
    ] {
        let outcome = scene.run(args);
        let shown = String::from_utf8_lossy(&outcome.stdout);
        assert!(!shown.contains(['\u{9b}', '\u{202e}']), "{args:?} {shown:?}");
        if is_json {
            let result: Value = serde_json::from_str(&shown).unwrap();
            let escaped = r"x\u009b31m\u202ey";
            assert!(shown.contains(escaped) && result.to_string().contains(label), "{shown}");
        } else if args[0] != "inspect" {
            // Neither labels nor annotations are in its text.
            assert!(shown.contains(r"\u{9b}31m\u{202e}"), "{args:?} {shown}");
        }
    }
}
