//! Bases of every form: of both families of media types, however compressed, within indexes within
//! indexes, named by tag, digest and layout.

use diskette_integration::dockerfile::base::{Base, TAG};
use diskette_integration::dockerfile::documents::Documents;
use diskette_integration::registry::stock::{ImageStock, MediaTypeFamily};
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use serde_json::{Value, json};

/// A scene with a Dockerfile that puts a file into a directory of a base.
fn scene(base: &str) -> Scene {
    let scene = Scene::new();
    scene.write("c/a.txt", "a");
    scene.write("c/Dockerfile", format!("FROM {base}\nCOPY a.txt /link/\n"));
    scene
}

/// The layers of a base: what is copied goes through the link.
const LOWER: &str = "dir 750 5:6 d\nlink link = d\nfile d/lower = l\n";
const UPPER: &str = "gone d/lower\nfile d/upper = u\n";

fn linux() -> Value {
    json!({ "architecture": "amd64", "os": "linux", "config": {} })
}

/// Builds for amd64 and checks that the base's layers are as they were.
fn check(registry: &Registry, reference: &str, base: &Value, args: &[&str]) {
    let scene = scene(&registry.reference(reference));
    scene.build(&[&["--platform", "linux/amd64", "c"], args].concat());
    let image = Documents::only(&scene.path("out"));
    let digest = base["digest"].as_str().unwrap();
    let base = registry.manifest("base", digest).unwrap().json();
    let digests = base["layers"].as_array().unwrap().iter().map(|layer| &layer["digest"]);
    let layers = image.layers();
    assert_eq!(digests.collect::<Vec<_>>(), layers[..2].iter().collect::<Vec<_>>(), "{reference}");
    assert_eq!(image.layer(2), ["dir 750 5:6 d", "file d/a.txt = a"], "{reference}");
    let blobs = scene.file_digests("out/blobs/sha256");
    assert!(blobs.iter().all(|(name, digest)| name == digest), "{blobs:?}");
    check_media_types(&image, args);
}

/// What is not the base's has the same compression as asked for; all is of one family.
fn check_media_types(image: &Documents, args: &[&str]) {
    let family =
        if args.contains(&"docker") { "application/vnd.docker." } else { "application/vnd.oci." };
    let layers = image.manifest["layers"].as_array().unwrap().iter();
    for descriptor in layers.chain([&image.manifest["config"]]) {
        let media_type = descriptor["mediaType"].as_str().unwrap();
        assert!(media_type.starts_with(family), "{}", image.manifest);
    }
}

#[test]
fn every_family_and_compression() {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    for family in [MediaTypeFamily::Oci, MediaTypeFamily::Docker] {
        let stock = ImageStock { family, ..ImageStock::new(&registry, "base") };
        for lower in ["gz", "zst", "none"] {
            let tag = format!("{family:?}-{lower}");
            let base = stock.image(&tag, linux(), &[(lower, LOWER), ("gz", UPPER)]);
            check(&registry, &format!("base:{tag}"), &base, &[]);
            let digest = base["digest"].as_str().unwrap();
            check(&registry, &format!("base@{digest}"), &base, &[]);
            check(&registry, &format!("base:other@{digest}"), &base, &[]);
            if lower != "zst" {
                check(&registry, &format!("base:{tag}"), &base, &["--format", "docker"]);
            }
        }
    }
}

#[test]
fn an_index_within_an_index() {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    for family in [MediaTypeFamily::Oci, MediaTypeFamily::Docker] {
        let stock = ImageStock { family, ..ImageStock::new(&registry, "base") };
        let mut base = stock.image("inner", linux(), &[("gz", LOWER), ("gz", UPPER)]);
        base["platform"] = json!({ "os": "linux", "architecture": "amd64" });
        let other = stock.for_platform("s390x");
        let inner = stock.index("index", &[other.clone(), base.clone()]);
        stock.index("outer", &[other, inner]);
        check(&registry, "base:outer", &base, &[]);
    }
}

#[test]
fn layouts() {
    let text = format!("=== base\n--- layer zst\n{LOWER}--- layer none\n{UPPER}");
    let place = Scene::new();
    let bases = Base::make_all(&text, &place.path("bases")).unwrap();
    let layout = bases[0].layout.display();
    let digest = {
        let index: Value = serde_json::from_slice(&place.read("bases/base/index.json")).unwrap();
        index["manifests"][0]["digest"].as_str().unwrap().to_owned()
    };
    for context in [
        format!("base=oci-layout://{layout}:{TAG}"),
        format!("base=oci-layout://{layout}"),
        format!("base=oci-layout://{layout}@{digest}"),
    ] {
        let scene = scene("base");
        scene.build(&["--build-context", &context, "c"]);
        let image = Documents::only(&scene.path("out"));
        assert_eq!(image.layer(2), ["dir 750 5:6 d", "file d/a.txt = a"], "{context}");
        // It is known by no name that others could look up.
        assert_eq!(image.manifest["annotations"], Value::Null, "{context}");
    }
}

#[test]
fn an_image_in_the_place_of_another() {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    ImageStock::new(&registry, "base").image("1", linux(), &[("gz", LOWER)]);
    let scene = scene("docker.io/library/never:asked");
    let image = registry.reference("base:1");
    let context = format!("docker.io/library/never:asked=docker-image://{image}");
    scene.build(&["--platform", "linux/amd64", "--build-context", &context, "c"]);
    assert_eq!(Documents::only(&scene.path("out")).layers().len(), 2);
}
