//! Bases come from registries: for each platform, not again while they are the same, and they are
//! not sent to where they are.

use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::dockerfile::base::{Base, TAG};
use diskette_integration::dockerfile::documents::Documents;
use diskette_integration::peer;
use diskette_integration::registry::stock::ImageStock;
use diskette_integration::registry::{LoggedRequest, Profile, Registry, RequestKind};
use diskette_integration::scene::Scene;
use serde_json::Value;

const PLATFORMS: &str = "linux/amd64,linux/arm64";

/// A registry that has an index for two platforms, `base:1`.
fn stocked() -> Registry {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let stock = ImageStock::new(&registry, "base");
    stock.index("1", &["arm64", "amd64"].map(|platform| stock.for_platform(platform)));
    registry
}

/// A scene with a Dockerfile that puts a file on a base.
fn scene(base: &str) -> Scene {
    let scene = Scene::new();
    scene.write("c/a.txt", "a");
    scene.write("c/Dockerfile", format!("FROM {base}\nCOPY a.txt /\n"));
    scene
}

/// Builds for both platforms and returns the digest.
fn build(scene: &Scene, args: &[&str]) -> String {
    let head = ["build", "-q", "--platform", PLATFORMS, "c"];
    scene.run(head.iter().chain(args)).digest()
}

/// What was asked since this was last asked, if it was not about manifests.
fn besides_manifests(registry: &Registry) -> Vec<String> {
    let asked = registry.take_requests();
    assert!(!asked.is_empty());
    let lines = asked.iter().map(LoggedRequest::line);
    lines.filter(|line| !line.contains("/manifests/") && !line.contains(" /v2/ ")).collect()
}

#[test]
fn each_platform_has_its_own() {
    let registry = stocked();
    let scene = scene(&registry.reference("base:1"));
    build(&scene, &["-o", "out"]);
    let images = Documents::all(&scene.path("out"));
    let seen: Vec<_> = images
        .iter()
        .map(|image| (&image.platform[..], [image.layer(0), image.layer(1)].concat()))
        .collect();
    let lines = |arch: &str| vec![format!("file arch = {arch}"), "file a.txt = a".to_owned()];
    assert_eq!(seen, [("linux/amd64", lines("amd64")), ("linux/arm64", lines("arm64"))]);
    for image in &images {
        let architecture = image.config["architecture"].as_str().unwrap();
        assert_eq!(format!("linux/{architecture}"), image.platform);
    }
}

#[test]
fn an_unchanged_base_is_not_read_again() {
    let registry = stocked();
    let scene = scene(&registry.reference("base:1"));
    let first = build(&scene, &["-o", "out"]);
    let read = besides_manifests(&registry);
    assert!(read.iter().all(|line| line.starts_with("GET /v2/base/blobs/")), "{read:?}");
    // With what is remembered, and all of it in the layout.
    assert_eq!(build(&scene, &["-o", "out"]), first);
    assert_eq!(besides_manifests(&registry), [""; 0]);
    // Other files on the same base.
    scene.write("c/a.txt", "b");
    assert_ne!(build(&scene, &["-o", "out"]), first);
    assert_eq!(besides_manifests(&registry), [""; 0]);
    // Looked at only.
    assert_eq!(scene.run(["build", "--check", "--platform", PLATFORMS, "c"]).status, 0);
    assert_eq!(besides_manifests(&registry), [""; 0]);
    scene.write("c/a.txt", "a");
    assert_eq!(build(&scene, &["--no-cache", "-o", "out"]), first);
    assert_ne!(besides_manifests(&registry), [""; 0]);
}

#[test]
fn layers_are_mounted_within_a_registry() {
    let registry = stocked();
    let scene = scene(&registry.reference("base:1"));
    build(&scene, &["--push", "-t", &registry.reference("team/new:1")]);
    assert_eq!(registry.verify_image("team/new", "1"), Ok(()));
    let asked = registry.take_requests();
    let index = registry.manifest("base", "1").unwrap().json();
    for (number, entry) in index["manifests"].as_array().unwrap().iter().enumerate() {
        let base = registry.manifest("base", entry["digest"].as_str().unwrap()).unwrap().json();
        let layer = base["layers"][0]["digest"].as_str().unwrap();
        let mount = format!("POST /v2/team/new/blobs/uploads/?mount={layer}&from=base 201");
        assert!(asked.iter().any(|asked| asked.line() == mount), "{number}: {mount}: {asked:?}");
        assert_eq!(registry.received_bytes_of(layer), 0, "{number}");
        assert!(registry.blob(layer).is_some(), "{number}");
    }
    // Two small layers (one, for it is the same) and two configs.
    let sent = asked.iter().filter(|asked| asked.kinds.contains(&RequestKind::Commit)).count();
    assert!((3..=4).contains(&sent), "{asked:?}");
}

#[test]
fn layers_are_sent_to_another_registry_as_they_are() {
    let (registry, other) = (stocked(), Registry::start(Profile::DISTRIBUTION_3));
    let scene = scene(&registry.reference("base:1"));
    build(&scene, &["--push", "-t", &other.reference("team/new:1")]);
    assert_eq!(other.verify_image("team/new", "1"), Ok(()));
    let index = registry.manifest("base", "1").unwrap().json();
    for entry in index["manifests"].as_array().unwrap() {
        let base = registry.manifest("base", entry["digest"].as_str().unwrap()).unwrap().json();
        let layer = base["layers"][0]["digest"].as_str().unwrap();
        assert_eq!(other.received_bytes_of(layer), base["layers"][0]["size"].as_u64().unwrap());
        assert_eq!(other.blob(layer), registry.blob(layer));
    }
}

#[test]
fn skopeo_s_images_in_docker_s_registry() {
    let Some(skopeo) = peer::find("skopeo") else { return };
    let scene = scene("BASE");
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let text =
        "=== base\n--- layer gz\ndir opt\nfile etc/motd = hi\n--- layer none\ngone etc/motd\n";
    let bases = Base::make_all(text, &scene.path("bases")).unwrap();
    let from = format!("oci:{}:{TAG}", bases[0].layout.display());
    for format in ["oci", "v2s2"] {
        let base = registry.reference(&format!("base-{format}:1"));
        let to = format!("docker://{base}");
        let head = ["--insecure-policy", "copy", "-q", "--dest-tls-verify=false", "--format"];
        skopeo.run(head.iter().chain(&[format, &from, &to]));
        scene.write("c/Dockerfile", format!("FROM {base}\nCOPY a.txt /opt\n"));
        let name = registry.reference(&format!("vm-{format}:1"));
        scene.run(["build", "-q", "--push", "-o", "out", "-t", &name, "c"]).digest();
        let raw = |name: &str| -> Value {
            let name = format!("docker://{name}");
            let text = skopeo.run(["inspect", "--raw", "--tls-verify=false", &name]);
            serde_json::from_str(&text).unwrap()
        };
        let base = raw(&base);
        let digests = base["layers"].as_array().unwrap().iter().map(|layer| &layer["digest"]);
        let image = Documents::only(&scene.path("out"));
        let layers = image.layers();
        assert_eq!(digests.collect::<Vec<_>>(), layers[..2].iter().collect::<Vec<_>>(), "{format}");
        assert_eq!(image.layer(2), ["dir opt", "file opt/a.txt = a"], "{format}");
        let to = format!("dir:{}", scene.path(format).display());
        let name = format!("docker://{name}");
        skopeo.run(["--insecure-policy", "copy", "-q", "--src-tls-verify=false", &name, &to]);
        std::fs::remove_dir_all(scene.path("out")).unwrap();
    }
}
