//! Disk artifacts that no tool should write: nothing is written outside of the directory, and no name reaches the
//! terminal as it is.

use std::fs;

use diskette_integration::disk::{MIB, mixed_bytes, sha256};
use diskette_integration::scene::Scene;
use serde_json::{Value, json};

const TITLE: &str = "org.opencontainers.image.title";

/// Writes a layout with a disk artifact of another tool.
fn write_artifact(scene: &Scene, directory: &str, layers: &[(&str, &[u8])]) {
    let blob = |content: &[u8]| {
        let hex = sha256(content);
        scene.write(&format!("{directory}/blobs/sha256/{hex}"), content);
        json!({ "digest": format!("sha256:{hex}"), "size": content.len() })
    };
    let typed = |content: &[u8], media_type: &str, annotations: Value| {
        let mut descriptor = blob(content);
        descriptor["mediaType"] = json!(media_type);
        descriptor["annotations"] = annotations;
        descriptor
    };
    let layers = layers.iter();
    let layers = layers.map(|(title, content)| {
        typed(content, "application/octet-stream", json!({ TITLE: title }))
    });
    let manifest = json!({
        "schemaVersion": 2,
        "artifactType": "application/vnd.kubevirt.disk.v1",
        "config": typed(b"{}", "application/vnd.oci.empty.v1+json", json!({})),
        "layers": layers.collect::<Vec<_>>(),
    });
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let root = typed(manifest.to_string().as_bytes(), media_type, json!({}));
    let index = json!({ "schemaVersion": 2, "manifests": [root] });
    scene.write(&format!("{directory}/index.json"), index.to_string());
    scene.write(&format!("{directory}/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
}

/// No file is written outside of the directory, whatever an artifact says.
#[test]
fn hostile_artifacts_are_not_extracted_elsewhere() {
    let disk = mixed_bytes(1, MIB);
    let check = |layers: &[(&str, &[u8])], expected: Result<&str, &str>| {
        let scene = Scene::new();
        write_artifact(&scene, "hostile", layers);
        fs::create_dir_all(scene.path("a/found")).unwrap();
        let outcome = scene.run(["extract", "-q", "-o", "a/found", "oci:hostile"]);
        let files = |path: &str| {
            let entries = fs::read_dir(scene.path(path)).unwrap();
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(files("a"), ["found"], "{layers:?}");
        match expected {
            Ok(name) => assert_eq!(files("a/found"), [name], "{}", outcome.stderr),
            Err(message) => {
                assert!(outcome.stderr.contains(message), "{}", outcome.stderr);
                assert_eq!(files("a/found"), [""; 0]);
            }
        }
        assert_eq!(outcome.status == 0, expected.is_ok(), "{}", outcome.stderr);
        let verified = scene.run(["verify", "oci:hostile"]);
        assert!(verified.stdout.contains(&b'\n') && !verified.stdout.contains(&0x1b));
    };
    let one = |title: &str, expected| check(&[(title, &disk)], expected);
    one("good.raw", Ok("good.raw"));
    one("../evil.raw", Ok("evil.raw"));
    one("/evil.raw", Ok("evil.raw"));
    for name in ["", ".", "..", "..\\evil.raw", "a\n\x1b[31m.raw", "a\0.raw", "-rf.raw", "..gz"] {
        one(name, Err("is not used as the name of a file"));
    }
    check(&[("a.raw", &disk), ("b.raw", b"b")], Err("several disks: `a.raw`, `b.raw`"));
    check(&[], Err("the artifact has no layers"));
}
