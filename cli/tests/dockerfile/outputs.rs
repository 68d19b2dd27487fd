//! What a build of a Dockerfile leaves behind, and what it says.

use std::collections::BTreeMap;

use diskette_integration::disk::qcow2_disk;
use diskette_integration::dockerfile::documents::Documents;
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use serde_json::Value;

/// A scene with a disk and a Dockerfile in `c`.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.write("c/disk.qcow2", qcow2_disk(9, 300_000));
    scene.write("c/Dockerfile", "FROM scratch\nADD disk.qcow2 /disk/\n");
    scene
}

#[test]
fn names() {
    for (args, expected) in [
        (&["-t", "vm"][..], &["latest"][..]),
        (&["-t", "quay.io/me/vm:1", "-t", "quay.io/me/vm:2"], &["1", "2"]),
        (&["--manifest", "quay.io/me/vm:3"], &["3"]),
        (&["-t", "quay.io/me/vm:1", "--manifest=quay.io/me/vm:3"], &["1", "3"]),
    ] {
        let scene = scene();
        scene.build(&[args, &["c"]].concat());
        assert_eq!(Layout::open(&scene.path("out")).tags(), expected, "{args:?}");
    }
}

#[test]
fn outputs_as_buildx_has_them() {
    let scene = scene();
    let digest = scene.build_to("type=oci,dest=x.tar", &["-t", "vm:1", "c"]);
    assert_eq!(scene.build_to("type=oci,dest=layout,tar=false", &["-t", "vm:1", "c"]), digest);
    assert_eq!(Layout::open(&scene.path("layout")).find_tag("1").digest().to_string(), digest);
    let stdout = scene.run(["build", "-o", "type=oci", "-t", "vm:1", "c"]).stdout;
    assert_eq!(stdout, scene.read("x.tar"));
    let Some(skopeo) = peer::find("skopeo") else { return };
    let archive = format!("oci-archive:{}:1", scene.path("x.tar").display());
    let inspected: Value = serde_json::from_str(&skopeo.run(["inspect", &archive])).unwrap();
    assert_eq!(inspected["Digest"], Value::from(digest));
}

#[test]
fn files_beside_the_output() {
    let scene = scene();
    let args = ["--iidfile", "iid", "--digestfile", "digest", "--metadata-file", "meta", "c"];
    let outcome = scene.run(["build", "-q", "-o", "out"].iter().chain(&args));
    let digest = outcome.digest();
    assert_eq!(outcome.stderr, "");
    let read = |name| String::from_utf8(scene.read(name)).unwrap();
    let image = Documents::only(&scene.path("out"));
    assert_eq!(read("iid"), image.manifest["config"]["digest"]);
    assert_eq!(read("digest").trim_end(), digest);
    let metadata: Value = serde_json::from_str(&read("meta")).unwrap();
    assert_eq!(metadata["containerimage.digest"], Value::from(digest));
    assert_eq!(metadata["containerimage.config.digest"], image.manifest["config"]["digest"]);
}

#[test]
fn a_disk_that_is_unchanged_is_not_built_again() {
    let scene = scene();
    scene.make_old("c/disk.qcow2");
    scene.wait_until_old();
    let build = |args: &[&str]| {
        let head = ["build", "--progress", "plain", "-o", "out", "c"];
        let outcome = scene.run(head.iter().chain(args));
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        (outcome.stdout, outcome.stderr.contains("unchanged"))
    };
    let (digest, unchanged) = build(&[]);
    assert!(!unchanged);
    assert_eq!(build(&[]), (digest.clone(), true));
    assert_eq!(build(&["--no-cache"]), (digest.clone(), false));
    // Another instruction, the same layer.
    scene.write("c/Dockerfile", "FROM scratch\nLABEL a=b\nADD disk.qcow2 /disk/\n");
    let (other, unchanged) = build(&[]);
    assert!(unchanged && other != digest);
    scene.write("c/disk.qcow2", qcow2_disk(10, 300_000));
    assert!(!build(&[]).1);
}

#[test]
fn check_writes_nothing() {
    let scene = scene();
    let before = scene.file_digests("");
    for args in [&["--check"][..], &["--check", "-o", "out"], &["--check", "--iidfile", "iid"]] {
        let outcome = scene.run(["build", "c"].iter().chain(args));
        assert_eq!((outcome.status, &outcome.stderr[..]), (0, "no problems found\n"), "{args:?}");
        assert_eq!(scene.file_digests(""), before, "{args:?}");
    }
    scene.write("c/Dockerfile", "FROM scratch\nADD disk.qcow2 /disk\nRUN make\n");
    let said = scene.run_refused(scene.program(["build", "--check", "c"]));
    assert!(said.contains("error: ") && said.contains("c/Dockerfile:2:"), "{said}");
}

#[test]
fn layers_do_not_depend_on_where_or_when() {
    let dockerfile = "FROM scratch\nCOPY --chmod=640 . /all/\nRUN mkdir -p /x && ln -s y /x/l\n";
    let digests: BTreeMap<_, _> = ["one", "two"]
        .into_iter()
        .map(|name| {
            let scene = Scene::new();
            let files = ["a", "b/c", "b/d"];
            // In another order, at another time.
            for file in if name == "one" { files } else { ["b/d", "b/c", "a"] } {
                scene.write(&format!("{name}/{file}"), file);
                if name == "one" {
                    scene.make_old(&format!("{name}/{file}"));
                }
            }
            scene.write("Dockerfile", dockerfile);
            (
                name,
                scene.build(&[
                    "-f",
                    "Dockerfile",
                    "--jobs",
                    if name == "one" { "1" } else { "3" },
                    name,
                ]),
            )
        })
        .collect();
    assert_eq!(digests["one"], digests["two"]);
}
