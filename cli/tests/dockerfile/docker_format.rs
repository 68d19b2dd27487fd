//! Images with Docker's media types are ones that other programs take for Docker's.

use diskette_integration::disk::qcow2_disk;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::dockerfile::documents::Documents;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use serde_json::Value;

const PLATFORMS: &str = "linux/amd64,linux/arm64";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const TAR: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// A scene with a Dockerfile and a disk.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.write("c/disk.qcow2", qcow2_disk(9, 70_000));
    scene.write("c/Dockerfile", "FROM scratch\nADD disk.qcow2 /disk/\nHEALTHCHECK NONE\n");
    scene
}

#[test]
fn media_types() {
    for (compression, expected) in [("gzip", GZIP), ("none", TAR)] {
        let scene = scene();
        let args = ["--format", "docker", "--compression", compression, "--platform", PLATFORMS];
        scene.build(&[&args[..], &["c"]].concat());
        let index = Documents::index(&scene.path("out"));
        assert_eq!((&index["mediaType"], &index["annotations"]), (&LIST.into(), &Value::Null));
        for (entry, image) in
            index["manifests"].as_array().unwrap().iter().zip(Documents::all(&scene.path("out")))
        {
            let manifest = &image.manifest;
            assert_eq!(entry["mediaType"], MANIFEST);
            assert_eq!(manifest["mediaType"], MANIFEST);
            assert_eq!(manifest["config"]["mediaType"], CONFIG);
            assert_eq!(manifest["layers"][0]["mediaType"], expected);
            assert_eq!(manifest["annotations"], Value::Null);
            assert_eq!(image.config["config"]["Healthcheck"]["Test"][0], "NONE");
        }
    }
}

#[test]
fn both_formats_have_the_same_layers() {
    let scene = scene();
    scene.build_to("oci", &["c"]);
    scene.build_to("docker", &["--format", "docker", "c"]);
    let [oci, docker] = ["oci", "docker"].map(|name| Documents::only(&scene.path(name)));
    assert_eq!(oci.layers(), docker.layers());
    assert_eq!(oci.config, docker.config);
}

#[test]
fn skopeo_and_podman_take_it() {
    let Some(skopeo) = peer::find("skopeo") else { return };
    let scene = scene();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let name = registry.reference("vm:1");
    let args = ["--format", "docker", "--push", "-t", &name, "--platform", PLATFORMS, "c"];
    let digest = scene.build(&args);
    let source = format!("docker://{name}");
    let raw = skopeo.run(["inspect", "--raw", "--tls-verify=false", &source]);
    let raw: Value = serde_json::from_str(&raw).unwrap();
    assert_eq!(raw["mediaType"], LIST);
    let inspected = skopeo.run(["inspect", "--tls-verify=false", "--override-arch=arm64", &source]);
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(inspected["Architecture"], "arm64");
    let to = format!("dir:{}", scene.path("dir").display());
    let copy = ["--insecure-policy", "copy", "-q", "--all", "--preserve-digests"];
    skopeo.run(copy.iter().chain(&["--src-tls-verify=false", &source, &to]));
    assert_eq!(format!("sha256:{}", scene.file_digests("dir")["manifest.json"]), digest);
    let to = format!("oci:{}:1", scene.path("converted").display());
    let copy = ["--insecure-policy", "copy", "-q", "--all", "--src-tls-verify=false"];
    skopeo.run(copy.iter().chain(&[&source[..], &to]));

    let (Some(podman), Some(_)) = (peer::find("podman"), peer::find("crun")) else { return };
    scene.write("policy.json", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
    let [root, run, policy] = ["podman", "podman-run", "policy.json"]
        .map(|name| scene.path(name).to_str().unwrap().to_owned());
    let storage = ["--root", &root, "--runroot", &run, "--storage-driver", "vfs"];
    let pull = ["pull", "-q", "--tls-verify=false", "--signature-policy", &policy, &name];
    let id = podman.run(storage.iter().chain(&pull));
    let inspected = podman.run(storage.iter().chain(&["image", "inspect", id.trim()]));
    let inspected: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(inspected[0]["ManifestType"], MANIFEST);
    podman.run(storage.iter().chain(&["rmi", id.trim()]));
}
