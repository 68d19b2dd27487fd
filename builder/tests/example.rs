//! The example builds an image whose layout other tools can read.
#![expect(clippy::disallowed_methods, reason = "a test opens its files")]

#[path = "../examples/build_image.rs"]
#[expect(dead_code, reason = "the test calls what `main` calls")]
mod build_image;

use std::path::Path;

use serde_json::{Value, json};

#[test]
fn an_image_of_one_disk_is_built() {
    let disk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/demo-x86_64.qcow2");
    let output = tempfile::tempdir().unwrap();
    let layout = output.path().join("layout");
    let images =
        build_image::build_image(disk.to_str().unwrap(), layout.to_str().unwrap()).unwrap();
    let [image] = images.as_slice() else { panic!("{images:?}") };

    let read_json = |path: &Path| -> Value {
        serde_json::from_slice(&std::fs::read(layout.join(path)).unwrap()).unwrap()
    };
    let read_blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap();
        read_json(&Path::new("blobs").join(digest.replace(':', "/")))
    };
    assert_eq!(read_json(Path::new("oci-layout")), json!({ "imageLayoutVersion": "1.0.0" }));
    let index = read_json(Path::new("index.json"));
    let [named] = index["manifests"].as_array().unwrap().as_slice() else { panic!("{index}") };
    assert_eq!(named["digest"], image.index.digest.to_string());
    assert_eq!(named["annotations"]["org.opencontainers.image.ref.name"], "latest");

    let platforms = read_blob(named);
    let [platform] = platforms["manifests"].as_array().unwrap().as_slice() else {
        panic!("{platforms}")
    };
    assert_eq!(platform["platform"], json!({ "architecture": "amd64", "os": "linux" }));
    let manifest = read_blob(platform);
    let [layer] = manifest["layers"].as_array().unwrap().as_slice() else { panic!("{manifest}") };
    let digest = layer["digest"].as_str().unwrap().replace(':', "/");
    let blob = std::fs::metadata(layout.join("blobs").join(digest)).unwrap();
    assert_eq!(layer["size"], blob.len());
}
