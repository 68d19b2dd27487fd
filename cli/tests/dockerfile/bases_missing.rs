//! Bases that are not there, or not what they should be.

use diskette_integration::dockerfile::base::Base;
use diskette_integration::registry::stock::ImageStock;
use diskette_integration::registry::{Profile, Registry, StoredManifest};
use diskette_integration::scene::Scene;
use serde_json::json;

/// Builds on a base, which must fail and change nothing; returns all that is said.
fn refused(base: &str, args: &[&str]) -> String {
    let scene = Scene::new();
    scene.write("c/Dockerfile", format!("FROM {base}\n"));
    Base::make_all("=== base\n--- layer gz\nfile a\n", &scene.path("bases")).unwrap();
    let said = scene
        .run_refused(scene.program(["build", "--no-cache", "-o", "out", "c"].iter().chain(args)));
    assert!(said.contains("\n --> c/Dockerfile:1:6\n"), "{said}");
    said
}

#[test]
fn in_registries() {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let stock = ImageStock::new(&registry, "base");
    stock.index("1", &["amd64", "arm64"].map(|architecture| stock.for_platform(architecture)));
    let wrong = format!("base@sha256:{}", "0".repeat(64));
    for (name, args, expected, help) in [
        (
            "base:1",
            &["--platform", "linux/s390x"][..],
            "`BASE` has no image for linux/s390x; it has linux/amd64, linux/arm64",
            "choose another with `--platform`, or another base",
        ),
        (
            "base:arm64",
            &["--platform", "linux/amd64"],
            "`BASE` has no image for linux/amd64; it has linux/arm64",
            "choose another with `--platform`, or another base",
        ),
        ("base:2", &[], "there is no image `BASE`", "is its name spelled as where it comes from?"),
        (&wrong, &[], "there is no image `BASE`", "is its name spelled as where it comes from?"),
    ] {
        let base = registry.reference(name);
        let said = refused(&base, args);
        let expected = format!("\nerror: {}\n", expected.replace("BASE", &base));
        assert!(said.contains(&expected) && said.contains(&format!("= help: {help}\n")), "{said}");
    }
}

#[test]
fn in_layouts() {
    let wrong = format!("bases/base@sha256:{}", "0".repeat(64));
    for (place, expected) in [
        ("nowhere", "cannot open the layout nowhere: No such file or directory (os error 2)"),
        ("bases/base:2", "there is no image `oci:bases/base:2`"),
        (&wrong, &format!("there is no image `oci:{wrong}`")),
    ] {
        let said = refused("base", &["--build-context", &format!("base=oci-layout://{place}")]);
        assert!(said.contains(&format!("{expected}\n")), "{said}");
    }
}

#[test]
fn a_registry_that_serves_another_image() {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let config = json!({ "architecture": "amd64", "os": "linux", "config": {} });
    ImageStock::new(&registry, "base").image("1", config, &[("gz", "file a")]);
    let digest = format!("sha256:{}", "1".repeat(64));
    let image = registry.manifest("base", "1").unwrap();
    registry.put_document("base", "2", StoredManifest { digest: digest.clone(), ..image });
    for name in [format!("base@{digest}"), "base:2".into()] {
        let said = refused(&registry.reference(&name), &[]);
        assert!(said.contains(&digest), "{said}");
    }
}
