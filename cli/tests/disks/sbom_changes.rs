//! What changed from one disk to the next: packages, and what is shown of both.

use std::fs;

use diskette_integration::guest_root::GuestRoot;
use diskette_integration::scene::Scene;
use serde_json::Value;
use snapbox::{IntoData, assert_data_eq, str};

/// Makes two disks with packages of apk, `old.raw` and `new.raw`.
fn make_disks(scene: &Scene) -> Option<()> {
    let package = |name: &str, version: &str| format!("P:{name}\nV:{version}\nA:x86_64\n\n");
    let old = [("busybox", "1.36.1-r15"), ("gone", "1-r0"), ("musl", "1.2.4-r2")];
    let new = [("added", "2-r0"), ("busybox", "1.36.1-r16"), ("musl", "1.2.4-r2")];
    for (disk, version, packages) in [("old.raw", "3.19.1", old), ("new.raw", "3.19.2", new)] {
        drop(fs::remove_dir_all(scene.path("root")));
        let name =
            format!("ID=alpine\nVERSION_ID={version}\nPRETTY_NAME=\"Alpine Linux {version}\"\n");
        let root = GuestRoot::empty(scene, &name);
        let text: String = packages.iter().map(|(name, version)| package(name, version)).collect();
        scene.write("root/lib/apk/db/installed", text);
        root.make_ext(scene, disk, &[])?;
    }
    Some(())
}

#[test]
fn changed_packages_are_listed() {
    let scene = Scene::new();
    if make_disks(&scene).is_none() {
        return;
    }
    let changes = str![[r#"
status: 1
stdout:
Alpine Linux 3.19.1 -> Alpine Linux 3.19.2
1 added, 1 removed, 1 changed of 3 packages
+ added 2-r0
- gone 1-r0
~ busybox 1.36.1-r15 -> 1.36.1-r16
stderr:

"#]]
    .raw();
    assert_data_eq!(scene.run(["diff", "old.raw", "new.raw"]).transcript(), changes);
    let same = scene.run(["diff", "old.raw", "old.raw"]);
    assert_eq!((same.status, same.stdout, &*same.stderr), (0, Vec::new(), ""));
    let json = scene.run(["diff", "--format", "json", "old.raw", "new.raw"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    let updated = &json["packages"]["changed"][0];
    assert_eq!(
        (&json["same"], &updated["name"], &updated["to"]),
        (&false.into(), &"busybox".into(), &"1.36.1-r16".into())
    );
}

#[test]
fn disks_of_images_are_compared() {
    let scene = Scene::new();
    if make_disks(&scene).is_none() {
        return;
    }
    for disk in ["old", "new"] {
        scene.write_spec(&format!("amd64: {{ disk: {disk}.raw }}"));
        let compression = if disk == "old" { "gzip" } else { "zstd:chunked" };
        scene.build_to(disk, &["--compression", compression]);
    }
    let expected = scene.run(["diff", "old.raw", "new.raw"]);
    for sides in [["oci:old:1", "oci:new:1"], ["oci:old:1", "new.raw"], ["old.raw", "oci:new:1"]] {
        let found = scene.run(["diff", "--packages"].iter().chain(&sides));
        assert_eq!(found.transcript(), expected.transcript(), "{sides:?}");
    }
    let mixed = scene.program(["diff", "old.raw", "oci:new:1"]);
    assert_data_eq!(
        scene.run_refused(mixed),
        str![[r#"
status: 2
stdout:
stderr:
error: `old.raw` is the file of a disk
 |
 = help: compare the packages of a disk and an image with `--packages`

"#]]
        .raw()
    );
    let platform =
        scene.program(["diff", "--packages", "--platform", "arm64", "oci:old:1", "oci:new:1"]);
    assert_data_eq!(
        scene.run_refused(platform),
        str![[r#"
status: 2
stdout:
stderr:
error: `oci:old:1` has no image for linux/arm64; it has linux/amd64
 |
 = help: choose one of them with `--platform`

"#]]
        .raw()
    );
}

#[test]
fn systems_are_shown() {
    let scene = Scene::new();
    if make_disks(&scene).is_none() {
        return;
    }
    let has_system = |args: &[&str]| {
        let outcome = scene.run(["inspect"].iter().chain(args));
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        let text = String::from_utf8(outcome.stdout).unwrap();
        text.contains("\n  system      Alpine Linux 3.19.1, 3 packages\n")
    };
    assert!(has_system(&["old.raw"]));
    scene.write("empty.raw", vec![0; 1 << 20]);
    assert!(!has_system(&["empty.raw"]));
    scene.write_spec("amd64: { disk: old.raw }");
    for compression in ["gzip", "zstd:chunked", "none"] {
        scene.build(&["--compression", compression]);
        assert!(!has_system(&["oci:out:1"]));
        assert!(has_system(&["--packages", "oci:out:1"]), "{compression}");
    }
    let json = scene.run(["inspect", "--format", "json", "--packages", "oci:out:1"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    let system = &json["platforms"][0]["system"];
    let expected = serde_json::json!({
        "id": "alpine", "version": "3.19.1", "name": "Alpine Linux 3.19.1", "cpe": null,
        "architecture": "arm64", "packages": 3,
    });
    assert_eq!(*system, expected);
}
