//! Everything the program writes as JSON is valid by the schemas of the OCI image specification,
//! which this project did not write: they lie in a folder beside it, or in `$DISKETTE_CONFORMANCE`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use jsonschema::{Retrieve, Uri};
use ocidir::oci_spec::image::{Descriptor, MediaType};
use serde_json::Value;

fn schemas() -> Option<PathBuf> {
    let given = std::env::var_os("DISKETTE_CONFORMANCE").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    let folder = given.unwrap_or_else(beside).join("image-spec");
    if !folder.is_dir() {
        peer::note_skipped("the schemas of the image specification are missing");
        return None;
    }
    Some(folder)
}

/// Finds schemas by file name, which is how they refer to each other.
struct Folder(PathBuf);

impl Retrieve for Folder {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let name = uri.path().as_str().rsplit('/').next().unwrap_or_default();
        Ok(serde_json::from_str(&fs::read_to_string(self.0.join(name))?)?)
    }
}

fn check(folder: &Path, schema: &str, document: &Value) {
    let problems = problems(folder, schema, document);
    assert!(problems.is_empty(), "{schema}: {problems:?}\n{document:#}");
}

fn problems(folder: &Path, schema: &str, document: &Value) -> Vec<String> {
    let text = fs::read_to_string(folder.join(schema)).unwrap();
    let schema_value: Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::options()
        .with_retriever(Folder(folder.to_owned()))
        .build(&schema_value)
        .unwrap();
    validator.iter_errors(document).map(|error| error.to_string()).collect()
}

const SPEC: &str = r#"
apiVersion: diskette/v1
image: quay.io/me/vm
tags: ["1", latest]
platforms:
  linux/amd64: { disk: x.raw }
  linux/arm64: { disk: a.raw }
  linux/arm/v7: { disk: a.raw, env: { ONLY: here } }
kubevirt: { instancetype: u1.medium, preference: fedora }
files: [{ path: /boot/vmlinuz, source: a.raw }]
env: { LANG: C.UTF-8 }
labels: { org.opencontainers.image.vendor: me }
annotations: { org.opencontainers.image.title: a title }
"#;

#[test]
fn documents_are_valid() {
    let Some(folder) = schemas() else { return };
    for kind in ["gzip", "zstd", "none"] {
        let scene = Scene::with_two_disks();
        for spec in [None, Some(SPEC)] {
            if let Some(spec) = spec {
                scene.write("diskette.yaml", spec);
            }
            scene.build(&["--per-arch-tags", "--compression", kind]);
            check_layout(&folder, &scene);
        }
    }
}

fn check_layout(folder: &Path, scene: &Scene) {
    let layout = Layout::open(&scene.path("out"));
    let oci_layout: Value = serde_json::from_slice(&scene.read("out/oci-layout")).unwrap();
    check(folder, "image-layout-schema.json", &oci_layout);
    let index = layout.index();
    check(folder, "image-index-schema.json", &index);
    for entry in index["manifests"].as_array().unwrap() {
        check(folder, "content-descriptor.json", entry);
    }
    for blob in layout.reachable_blobs("1") {
        if let Some(schema) = schema_of(&blob) {
            check(folder, schema, &serde_json::from_slice(&layout.blob(&blob)).unwrap());
        }
        check(folder, "content-descriptor.json", &serde_json::to_value(&blob).unwrap());
    }
}

fn schema_of(blob: &Descriptor) -> Option<&'static str> {
    match blob.media_type() {
        MediaType::ImageIndex => Some("image-index-schema.json"),
        MediaType::ImageManifest => Some("image-manifest-schema.json"),
        MediaType::ImageConfig => Some("config-schema.json"),
        _ => None,
    }
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    let Some(folder) = schemas() else { return };
    let wrong = serde_json::json!({ "schemaVersion": 2, "manifests": [{ "digest": "sha256:1" }] });
    assert!(!problems(&folder, "image-index-schema.json", &wrong).is_empty());
}
