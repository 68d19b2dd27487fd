//! `build DISK`: the image of a disk without a spec.

use diskette_integration::disk::{mixed_bytes, qcow2_disk};
use diskette_integration::scene::Scene;
use serde_json::Value;

fn layers(scene: &Scene, args: &[&str]) -> Value {
    let all = ["build", "-q", "-o", "oci:out", "--metadata-file", "m.json"].iter().chain(args);
    let built = scene.run(all);
    assert_eq!(built.status, 0, "{args:?}: {}", built.stderr);
    let metadata: Value = serde_json::from_slice(&scene.read("m.json")).unwrap();
    let platforms = metadata["diskette.platforms"].as_object().unwrap().clone();
    platforms.into_iter().map(|(name, it)| (name, it["layers"].clone())).collect()
}

#[test]
fn the_layer_is_that_of_the_spec() {
    let scene = Scene::new();
    scene.write("fedora.x86_64.qcow2", qcow2_disk(1, 300_000));
    scene.write("fedora.aarch64.qcow2", qcow2_disk(2, 300_000));
    assert_eq!(scene.run(["init", "--image", "quay.io/me/fedora"]).status, 0);
    let expected = layers(&scene, &[]);
    let named = layers(&scene, &["fedora.x86_64.qcow2", "./fedora.aarch64.qcow2"]);
    assert_eq!(named, expected);
    let (arm, amd) = ("arm64=fedora.aarch64.qcow2", "linux/amd64=fedora.x86_64.qcow2");
    assert_eq!(layers(&scene, &[arm, amd]), expected);
    let one = layers(&scene, &["fedora.aarch64.qcow2"]);
    assert_eq!(one["linux/arm64"], expected["linux/arm64"]);
    let changed =
        layers(&scene, &["fedora.aarch64.qcow2", "--platform", "s390x", "--name", "a.img"]);
    assert_eq!(changed.as_object().unwrap().keys().collect::<Vec<_>>(), ["linux/s390x"]);
}

#[test]
fn what_cannot_be_built_is_explained() {
    let scene = Scene::new();
    scene.write("a.qcow2", qcow2_disk(1, 70_000));
    scene.write("b.raw", mixed_bytes(1, 70_000));
    let check = |args: &[&str], status: i32, expected: &str| {
        let found = scene.run(args);
        assert_eq!(found.status, status, "{args:?}: {}", found.stderr);
        assert!(found.stderr.contains(expected), "{args:?}: {}", found.stderr);
    };
    check(&["build", "a.qcow2", "-o", "out"], 0, "does not show its architecture");
    check(&["build", "a.qcow2", "b.raw", "-o", "out"], 2, "are both for linux/");
    check(&["build", "gone.qcow2", "-o", "out"], 1, "cannot read `gone.qcow2`");
    scene.write("noname", mixed_bytes(1, 70_000));
    check(&["build", "noname", "-o", "out"], 1, "`noname` is a file, but no disk or archive");
    check(&["build", "noname", "-o", "out"], 1, "e.g. `noname.raw`");
    check(&["build", ".", "elsewhere", "-o", "out"], 2, "a build has one context");
    check(&["build", ".", "--name", "x", "-o", "out"], 2, "`--name` is for `diskette build DISK`");
    check(&["push", "a.qcow2", "q.io/a:1"], 2, "`diskette build a.qcow2 -t REF --push`");
    check(&["copy", "a.qcow2", "q.io/a:1"], 2, "`diskette build a.qcow2 -t REF --push`");
    check(&["a.qcow2"], 2, "`a.qcow2` is a disk and not a command");
    check(&["build", "a.qcow2", "-o", "containers-storage:x"], 2, "is not supported");
    assert_eq!(scene.run(["init"]).status, 0);
    check(&["build", "-o", "out"], 2, "stands for a repository of yours");
    check(&["init", "--force", "--image", "Bad Name"], 2, "is not an image name");
}

#[test]
fn archives_are_compressed_by_their_names() {
    let scene = Scene::new();
    scene.write("a.x86_64.qcow2", qcow2_disk(1, 70_000));
    let disk = "a.x86_64.qcow2";
    let plain = scene.run(["build", disk, "-q", "-o", "one.tar"]).stdout;
    let cases: [(&str, &[u8]); 3] =
        [("z.tar.gz", &[0x1f, 0x8b]), ("z.tgz", &[0x1f, 0x8b]), ("z.tar.zst", &[0x28, 0xb5, 0x2f])];
    for (name, magic) in cases {
        let built = scene.run(["build", disk, "-q", "-o", name]);
        assert_eq!((built.status, &built.stdout), (0, &plain), "{name}: {}", built.stderr);
        assert!(scene.read(name).starts_with(magic), "{name}");
        let copied = scene.run(["copy", "-q", name, "oci:out:1"]);
        assert_eq!((copied.status, &copied.stdout), (0, &plain), "{name}: {}", copied.stderr);
    }
    let refused = scene.run(["build", disk, "-q", "-o", "z.tar.xz"]);
    assert!(refused.stderr.contains("archives are not compressed with xz"), "{}", refused.stderr);
}
