//! What one program pushes to a registry another one pulls, in both directions.

use diskette_integration::disk::sha256;
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::peer::{self, Peer};
use diskette_integration::scene::Scene;
use serde_json::Value;

/// What podman and buildah keep, in the scene, and without a daemon or a cgroup.
fn storage(scene: &Scene) -> Vec<String> {
    let path = |name: &str| scene.path(name).to_str().unwrap().to_owned();
    let root = ["--root".into(), path("storage"), "--runroot".into(), path("storage-run")];
    root.into_iter().chain(["--storage-driver".into(), "vfs".into()]).collect()
}

/// Runs podman or buildah, and returns what it wrote.
fn stored(peer: &Peer, scene: &Scene, args: &[&str]) -> Vec<u8> {
    let storage = storage(scene);
    peer.run_for_bytes(storage.iter().map(String::as_str).chain(args.iter().copied()))
}

fn stored_text(peer: &Peer, scene: &Scene, args: &[&str]) -> String {
    String::from_utf8(stored(peer, scene, args)).unwrap().trim().to_owned()
}

/// Copies with skopeo, between registries without TLS and layouts in the scene.
fn skopeo_copy(skopeo: &Peer, scene: &Scene, options: &[&str], from: &str, to: &str) {
    let place = |name: &str| match name.strip_prefix("oci:") {
        Some(path) => format!("oci:{}", scene.path(path).display()),
        None => format!("docker://{name}"),
    };
    let first = ["--insecure-policy", "copy", "-q"];
    let open = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    let names = [&place(from)[..], &place(to)];
    skopeo.run(first.iter().chain(&open).chain(options).chain(&names));
}

/// Pulls by name into a layout of the scene, and checks each blob against its name.
fn pull(scene: &Scene, name: &str, layout: &str) -> String {
    let digest = scene.run(["pull", "-q", name, "-o", layout]).digest();
    let blobs = scene.file_digests(&format!("{layout}/blobs/sha256"));
    assert!(blobs.len() >= 3, "a manifest, a config, a layer: {blobs:?}");
    for (name, digest) in blobs {
        assert_eq!(name, digest, "{layout}");
    }
    digest
}

#[test]
fn skopeo_copies_what_was_pushed() {
    let Some(skopeo) = peer::find("skopeo") else { return };
    for kind in ["gzip", "zstd", "none"] {
        let scene = Scene::with_two_disks();
        let Some(registry) = DockerRegistry::start_open(&scene) else { return };
        let digest = scene.build(&["--compression", kind]);
        let name = registry.reference("vm:1");
        scene.run(["push", "-q", "-l", "out", "1", &name]).digest();
        skopeo_copy(&skopeo, &scene, &["--all", "--preserve-digests"], &name, "oci:back:1");
        let back = Layout::open(&scene.path("back"));
        back.verify_blobs("1").unwrap();
        assert_eq!(back.find_tag("1").digest().to_string(), digest, "{kind}");
    }
}

#[test]
fn podman_pulls_the_disk_and_pushes_it_again() {
    let (Some(podman), Some(_)) = (peer::find("podman"), peer::find("crun")) else { return };
    let scene = Scene::with_disk();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let name = registry.reference("vm:1");
    scene.run(["build", "-q", "--push", "-t", &name]).digest();
    scene.write("policy.json", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
    let policy = scene.path("policy.json");
    let open = ["--tls-verify=false", "-q"];
    let pull_it = ["pull", "--signature-policy", policy.to_str().unwrap(), &name];
    let id = stored_text(&podman, &scene, &[&pull_it[..], &open].concat());
    let quiet = ["--cgroup-manager", "cgroupfs", "--events-backend", "none"];
    stored(&podman, &scene, &[&quiet[..], &["create", "--name", "vm", &id, "never-run"]].concat());
    let exported = stored(&podman, &scene, &[&quiet[..], &["export", "vm"]].concat());
    let mut archive = tar::Archive::new(&exported[..]);
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let mut disk = entries.find(|entry| entry.path().unwrap().ends_with("disk/disk.raw")).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut disk, &mut bytes).unwrap();
    assert_eq!(sha256(&bytes), sha256(&scene.read("disk.raw")));
    for format in ["oci", "v2s2"] {
        let again = registry.reference(&format!("again-{format}:1"));
        stored(&podman, &scene, &[&["push", "--format", format, &id, &again][..], &open].concat());
        let digest = pull(&scene, &again, &format!("back-{format}"));
        assert_eq!(digest_of(&registry, &again), digest, "{format}");
    }
}

/// Asks skopeo for the digest of an image.
fn digest_of(registry: &DockerRegistry, name: &str) -> String {
    assert!(name.starts_with(&registry.address()));
    let Some(skopeo) = peer::find("skopeo") else { return String::new() };
    let manifest = skopeo.run_for_bytes([
        "inspect",
        "--raw",
        "--tls-verify=false",
        &format!("docker://{name}"),
    ]);
    format!("sha256:{}", sha256(&manifest))
}

#[test]
fn what_skopeo_pushes_is_pulled() {
    let Some(skopeo) = peer::find("skopeo") else { return };
    let scene = Scene::with_two_disks();
    let (Some(registry), Some(other)) =
        (DockerRegistry::start_open(&scene), DockerRegistry::start(&scene, "other", &[]))
    else {
        return;
    };
    scene.build(&[]);
    for (name, options) in [
        ("oci", &["--all", "--format", "oci"][..]),
        ("docker", &["--all", "--format", "v2s2"]),
        ("one-oci", &["--format", "oci"]),
        ("one-docker", &["--format", "v2s2"]),
        ("zstd", &["--all", "--dest-compress-format", "zstd"]),
    ] {
        let image = registry.reference(&format!("{name}:1"));
        skopeo_copy(&skopeo, &scene, options, "oci:out:1", &image);
        let digest = pull(&scene, &image, name);
        assert_eq!(digest_of(&registry, &image), digest, "{name}");
        // Kinds of Docker's go on as they are, from a layout and from a registry.
        for (from, to) in [
            (format!("oci:{name}:1"), other.reference(&format!("pushed-{name}:1"))),
            (image, other.reference(&format!("copied-{name}:1"))),
        ] {
            assert_eq!(scene.run(["copy", "-q", &from, &to]).digest(), digest, "{from}");
            assert_eq!(digest_of(&other, &to), digest, "{to}");
            let raw = ["inspect", "--raw", "--tls-verify=false", &format!("docker://{to}")];
            let raw: Value = serde_json::from_str(&skopeo.run(raw)).unwrap();
            let kind = raw["mediaType"].as_str().unwrap_or("oci");
            assert_eq!(kind.contains("docker"), name.contains("docker"), "{raw}");
        }
    }
}

#[test]
fn what_buildah_pushes_is_pulled() {
    let Some(buildah) = peer::find("buildah") else { return };
    let scene = Scene::with_disk();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let container = stored_text(&buildah, &scene, &["from", "scratch"]);
    let disk = scene.path("disk.raw");
    let target = ["add", &container, disk.to_str().unwrap(), "/disk/disk.raw"];
    stored(&buildah, &scene, &target);
    for format in ["oci", "docker"] {
        let name = registry.reference(&format!("{format}:1"));
        let image =
            stored_text(&buildah, &scene, &["commit", "-q", "--format", format, &container]);
        stored(&buildah, &scene, &["push", "-q", "--tls-verify=false", &image, &name]);
        assert_eq!(digest_of(&registry, &name), pull(&scene, &name, format), "{format}");
    }
}

#[test]
fn layouts_of_others_are_pushed() {
    let (Some(umoci), Some(tar)) = (peer::find("umoci"), peer::find("tar")) else { return };
    let scene = Scene::with_two_disks();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let layer = scene.path("layer.tar");
    let root = scene.path("");
    tar.run(["-cf", layer.to_str().unwrap(), "-C", root.to_str().unwrap(), "x.raw"]);
    let layout = scene.path("umoci");
    let image = format!("{}:1", layout.display());
    umoci.run(["init", "--layout", layout.to_str().unwrap()]);
    umoci.run(["new", "--image", &image]);
    umoci.run(["raw", "add-layer", "--image", &image, layer.to_str().unwrap()]);
    let check = |layout: &str| {
        let name = registry.reference(&format!("{layout}:1"));
        let digest = scene.run(["push", "-q", "-l", layout, "1", &name]).digest();
        let tagged = Layout::open(&scene.path(layout)).find_tag("1").digest().to_string();
        assert_eq!(digest, tagged, "{layout}");
        assert_eq!(pull(&scene, &name, &format!("{layout}-back")), digest, "{layout}");
    };
    check("umoci");
    let Some(skopeo) = peer::find("skopeo") else { return };
    scene.build(&[]);
    skopeo_copy(&skopeo, &scene, &["--all"], "oci:out:1", "oci:skopeo:1");
    check("skopeo");
}
