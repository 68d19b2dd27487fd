//! What a base says of itself is said by what stands on it.

use diskette_integration::cluster::{self, LayoutStore};
use diskette_integration::disk::mixed_bytes;
use diskette_integration::dockerfile::documents::Documents;
use diskette_integration::registry::stock::{ImageStock, MediaTypeFamily};
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use serde_json::{Value, json};

/// A config with everything in it, and more than is known.
fn config() -> Value {
    json!({
        "architecture": "amd64", "os": "linux", "author": "somebody", "variant_of_tomorrow": [1, 2],
        "created": "2020-09-13T12:26:40Z", "os.version": "1",
        "history": [{ "created_by": "by hand", "created": "2020-09-13T12:26:40Z" }],
        "config": {
            "User": "7:8", "Env": ["PATH=/bin", "KEPT=1"], "Entrypoint": ["/e"], "Cmd": ["c"],
            "WorkingDir": "/w", "Labels": { "kept": "1", "changed": "1" }, "StopSignal": "SIGUSR1",
            "ExposedPorts": { "80/tcp": {} }, "Volumes": { "/v": {} }, "Shell": ["/bin/bash", "-c"],
            "Healthcheck": { "Test": ["CMD", "/check"], "Interval": 30_000_000_000_u64, "Of": "tomorrow" },
            "OnBuild": ["COPY a.txt /onbuild/", "ENV ON=build"],
            "ArgsEscaped": true, "Unknown": { "deep": [null] },
        },
    })
}

/// Builds on that base.
fn build(family: MediaTypeFamily, dockerfile: &str, args: &[&str]) -> (Registry, Documents) {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let stock = ImageStock { family, ..ImageStock::new(&registry, "base") };
    stock.image("1", config(), &[("gz", "dir w")]);
    let scene = Scene::new();
    scene.write("c/a.txt", "a");
    scene.write("c/Dockerfile", format!("FROM {}\n{dockerfile}", registry.reference("base:1")));
    scene.build(&[&["--platform", "linux/amd64", "c"], args].concat());
    (registry, Documents::only(&scene.path("out")))
}

#[test]
fn what_is_not_changed_stays() {
    for (family, args) in [
        (MediaTypeFamily::Oci, &[][..]),
        (MediaTypeFamily::Docker, &[]),
        (MediaTypeFamily::Oci, &["--format", "docker"]),
        (MediaTypeFamily::Docker, &["--format", "docker"]),
    ] {
        let (_, image) = build(family, "LABEL changed=2\n", args);
        let mut expected = config();
        let inner = expected["config"].as_object_mut().unwrap();
        // Its commands are carried out.
        inner.remove("OnBuild");
        inner["Env"].as_array_mut().unwrap().push(json!("ON=build"));
        inner["Labels"]["changed"] = json!("2");
        assert_eq!(image.config["config"], expected["config"], "{family:?} {args:?}");
        for key in ["author", "variant_of_tomorrow", "os.version", "architecture", "os"] {
            assert_eq!(image.config[key], expected[key], "{key}");
        }
        assert_eq!(image.config["history"][0], expected["history"][0]);
        assert_eq!(image.layers().len(), 2);
        assert_eq!(image.layer(1), ["dir onbuild", "file onbuild/a.txt = a"]);
    }
}

#[test]
fn what_is_changed_is_changed_alone() {
    let (_, image) = build(
        MediaTypeFamily::Oci,
        "USER 9\nWORKDIR x\nSTOPSIGNAL 9\nSHELL [\"s\"]\nHEALTHCHECK NONE\nCMD [\"d\"]\nEXPOSE 81\nVOLUME /u\n",
        &[],
    );
    let mut expected = config()["config"].clone();
    expected.as_object_mut().unwrap().remove("OnBuild");
    expected["Env"].as_array_mut().unwrap().push(json!("ON=build"));
    for (key, value) in [
        ("User", json!("9")),
        ("WorkingDir", json!("/w/x")),
        ("StopSignal", json!("9")),
        ("Shell", json!(["s"])),
        ("Healthcheck", json!({ "Test": ["NONE"] })),
        ("Cmd", json!(["d"])),
        ("ExposedPorts", json!({ "80/tcp": {}, "81/tcp": {} })),
        ("Volumes", json!({ "/u": {}, "/v": {} })),
    ] {
        expected[key] = value;
    }
    assert_eq!(image.config["config"], expected);
}

#[test]
fn the_base_is_named() {
    let (registry, image) = build(MediaTypeFamily::Oci, "", &["--annotation", "mine=1"]);
    let digest = registry.manifest("base", "1").unwrap().digest;
    let expected = json!({
        "mine": "1",
        "org.opencontainers.image.base.digest": digest,
        "org.opencontainers.image.base.name": registry.reference("base:1"),
    });
    assert_eq!(image.manifest["annotations"], expected);
    // Docker's documents have no place for them.
    let (_, image) = build(MediaTypeFamily::Oci, "", &["--format", "docker"]);
    assert_eq!(image.manifest["annotations"], Value::Null);
}

#[test]
fn the_user_may_name_another() {
    let name = "org.opencontainers.image.base.name";
    let (_, image) = build(MediaTypeFamily::Oci, "", &["--annotation", &format!("{name}=other")]);
    assert_eq!(image.manifest["annotations"][name], json!("other"));
}

/// CDI refuses an image whose config has no architecture.
#[test]
fn the_platform_that_a_base_does_not_declare_is_added() {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let stock = ImageStock::new(&registry, "base");
    stock.image("1", json!({ "config": {} }), &[("gz", "dir w")]);
    let scene = Scene::new();
    scene.write("c/disk.raw", mixed_bytes(1, 70_000));
    let from = registry.reference("base:1");
    scene.write("c/Dockerfile", format!("FROM {from}\nCOPY disk.raw /disk/\n"));
    for architecture in ["amd64", "arm64"] {
        let platform = format!("linux/{architecture}");
        scene.build_to(architecture, &["--platform", &platform, "-t", "quay.io/me/vm:1", "c"]);
        let layout = scene.path(architecture);
        let image = Documents::only(&layout);
        assert_eq!(
            (&image.config["os"], &image.config["architecture"]),
            (&json!("linux"), &json!(architecture))
        );
        for (reader, found) in cluster::read_with_all(&LayoutStore::new(&layout), "1", architecture)
        {
            assert!(found.is_ok(), "{architecture}, {reader}: {found:?}");
        }
    }
}
