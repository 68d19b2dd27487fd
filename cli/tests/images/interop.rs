//! Other programs read what the program writes, and find what is wrong with it when something is.

use std::fs;
use std::path::Path;

use diskette_integration::disk::sha256;
use diskette_integration::image::Layout;
use diskette_integration::peer::{self, Peer};
use diskette_integration::scene::{Scene, is_root};
use ocidir::OciRead as _;
use ocidir::cap_std::ambient_authority;
use ocidir::cap_std::fs::Dir;
use serde_json::{Value, json};
use snapbox::{IntoData as _, assert_data_eq, str};

const KINDS: [&str; 4] = ["gzip", "zstd", "zstd:chunked", "none"];

#[test]
fn skopeo_inspects_and_copies_all_platforms() {
    let Some(skopeo) = peer::find("skopeo") else { return };
    for kind in KINDS {
        let scene = Scene::with_two_disks();
        let digest = scene.build(&["--compression", kind, "--per-arch-tags"]);
        assert_eq!(inspect(&skopeo, &scene, "oci:out:1")["Digest"], json!(digest), "{kind}");
        for architecture in ["amd64", "arm64"] {
            let inspected = inspect(&skopeo, &scene, &format!("oci:out:1-{architecture}"));
            assert_eq!(inspected["Architecture"], json!(architecture), "{kind}");
        }
        copy(&skopeo, &scene, "oci:out:1", "dir:dir");
        let copied = scene.file_digests("dir");
        for blob in Layout::open(&scene.path("out")).reachable_blobs("1") {
            let hex = blob.digest().digest();
            assert!(copied.values().any(|digest| digest == hex), "{kind}: {hex} was not copied");
        }
        copy(&skopeo, &scene, "oci:out:1", "oci-archive:copy.tar:1");
        copy(&skopeo, &scene, "oci-archive:copy.tar:1", "oci:back:1");
        assert_eq!(Layout::open(&scene.path("back")).find_tag("1").digest().to_string(), digest);
    }
}

#[test]
fn skopeo_reads_archives() {
    let Some(skopeo) = peer::find("skopeo") else { return };
    let scene = Scene::with_two_disks();
    let digest = scene.build_to("oci-archive:out.tar", &[]);
    let stdout = scene.run(["build", "-o", "-"]).stdout;
    scene.write("stdout.tar", &stdout);
    for archive in ["out.tar", "stdout.tar"] {
        let reference = format!("oci-archive:{archive}:1");
        assert_eq!(inspect(&skopeo, &scene, &reference)["Digest"], json!(digest), "{archive}");
        copy(&skopeo, &scene, &reference, &format!("oci:{archive}.d:1"));
        Layout::open(&scene.path(&format!("{archive}.d"))).verify_blobs("1").unwrap();
    }
}

fn copy(skopeo: &Peer, scene: &Scene, from: &str, to: &str) {
    // It would compress what is not.
    let options = ["--insecure-policy", "copy", "-q", "--all", "--preserve-digests"];
    let (from, to) = (in_scene(scene, from), in_scene(scene, to));
    skopeo.run(options.into_iter().chain([&from[..], &to]));
}

fn inspect(skopeo: &Peer, scene: &Scene, reference: &str) -> Value {
    let text = skopeo.run(["inspect", &in_scene(scene, reference)]);
    serde_json::from_str(&text).unwrap()
}

fn in_scene(scene: &Scene, reference: &str) -> String {
    let (transport, path) = reference.split_once(':').unwrap();
    format!("{transport}:{}", scene.path(path).display())
}

#[test]
fn podman_pulls_and_exports_the_disk() {
    let (Some(podman), Some(_)) = (peer::find("podman"), peer::find("crun")) else { return };
    for kind in KINDS {
        let scene = Scene::with_disk();
        scene.build(&["--compression", kind]);
        scene.write("policy.json", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
        let policy = scene.path("policy.json");
        let pull = ["pull", "-q", "--signature-policy", policy.to_str().unwrap()];
        let image = in_scene(&scene, "oci:out:1");
        let id = podman_bytes(&podman, &scene, &pull, &image);
        let id = String::from_utf8(id).unwrap();
        // A container needs a command, although it is never run.
        podman_bytes(&podman, &scene, &["create", "--name", "vm", id.trim()], "never-run");
        let exported = podman_bytes(&podman, &scene, &["export"], "vm");
        podman_bytes(&podman, &scene, &["rm"], "vm");
        podman_bytes(&podman, &scene, &["rmi"], id.trim());
        assert_eq!(
            sha256(&file_in_tar(&exported, "disk/disk.raw")),
            sha256(&scene.read("disk.raw")),
            "{kind}"
        );
    }
}

fn podman_bytes(podman: &Peer, scene: &Scene, args: &[&str], last: &str) -> Vec<u8> {
    let (root, run) = (scene.path("podman"), scene.path("podman-run"));
    let storage = ["--root", root.to_str().unwrap(), "--runroot", run.to_str().unwrap()];
    let quiet =
        ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none"];
    podman.run_for_bytes(storage.iter().chain(&quiet).chain(args).chain([&last]))
}

fn file_in_tar(tar: &[u8], path: &str) -> Vec<u8> {
    let mut archive = tar::Archive::new(tar);
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let mut entry = entries.find(|entry| entry.path().unwrap() == Path::new(path)).unwrap();
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
    content
}

#[test]
fn umoci_unpacks_with_and_without_root() {
    let Some(umoci) = peer::find("umoci") else { return };
    // The version that Debian has knows no zstd.
    for kind in ["gzip", "none"] {
        let scene = Scene::with_disk();
        scene.build(&["--compression", kind, "--per-arch-tags"]);
        let image = scene.path("out:1-amd64");
        for mode in ["--rootless", "--keep-dirlinks"] {
            if mode != "--rootless" && !is_root() {
                peer::note_skipped("not root: umoci unpacks only rootless");
                continue;
            }
            let bundle = scene.path(&format!("bundle{mode}"));
            let (image, bundle) = (image.to_str().unwrap(), bundle.to_str().unwrap());
            umoci.run(["unpack", mode, "--image", image, bundle]);
            let rootfs = format!("bundle{mode}/rootfs/disk");
            assert_eq!(
                scene.file_digests(&rootfs),
                [("disk.raw".to_owned(), sha256(&scene.read("disk.raw")))].into(),
                "{kind} {mode}"
            );
            if mode != "--rootless" {
                assert_eq!(owner_and_mode(&scene.path(&rootfs)), "107:107 555");
                assert_eq!(
                    owner_and_mode(&scene.path(&format!("{rootfs}/disk.raw"))),
                    "107:107 444"
                );
            }
        }
    }
}

fn owner_and_mode(path: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let file = fs::metadata(path).unwrap();
    format!("{}:{} {:o}", file.uid(), file.gid(), file.mode() & 0o7777)
}

#[test]
fn tar_lists_the_layer() {
    let Some(tar) = peer::find("tar") else { return };
    let scene = Scene::with_disk();
    scene.write("vmlinuz", b"kernel");
    let spec = String::from_utf8(scene.read("diskette.yaml")).unwrap();
    scene.write("diskette.yaml", spec + "files: [{ path: /boot/vmlinuz, source: vmlinuz }]\n");
    scene.build(&[]);
    let layout = Layout::open(&scene.path("out"));
    let image = layout.images("1").remove(0);
    let listings: Vec<String> = image
        .manifest
        .layers()
        .iter()
        .map(|layer| {
            let path = scene.path(&format!("out/blobs/sha256/{}", layer.digest().digest()));
            tar.run(["--utc", "--full-time", "-tvzf", path.to_str().unwrap()])
        })
        .collect();
    assert_data_eq!(
        listings.concat(),
        str![[r#"
dr-xr-xr-x 107/107           0 1970-01-01 00:00:00 disk/
-r--r--r-- 107/107     3145805 1970-01-01 00:00:00 disk/disk.raw
dr-xr-xr-x 107/107           0 1970-01-01 00:00:00 boot/
-r--r--r-- 107/107           6 1970-01-01 00:00:00 boot/vmlinuz

"#]]
        .raw()
    );
}

#[test]
fn ocidir_finds_nothing_wrong() {
    for kind in KINDS {
        let scene = Scene::with_two_disks();
        scene.build(&["--compression", kind, "--per-arch-tags"]);
        let layout = Layout::open(&scene.path("out"));
        layout.verify_blobs("1").unwrap();
        let platforms: Vec<_> =
            layout.images("1").into_iter().map(|image| image.platform).collect();
        assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
        // Its fsck knows no index within an index: it is shown the platforms' tags alone.
        let mut index = layout.index();
        index["manifests"].as_array_mut().unwrap().retain(|entry| !entry["platform"].is_null());
        scene.write("view/index.json", index.to_string());
        scene.write("view/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        let open = |name| Dir::open_ambient_dir(scene.path(name), ambient_authority()).unwrap();
        let view = ocidir::OciDir::open_with_external_blobs(open("view"), open("out/blobs/sha256"));
        // Two manifests, two configs, two layers.
        assert_eq!(view.unwrap().fsck().unwrap(), 6, "{kind}");
    }
}

type Damage = fn(&mut Vec<u8>);

#[test]
fn damage_is_found() {
    let skopeo = peer::find("skopeo");
    let damages: [(&str, Damage); 2] = [
        ("truncated", |blob| blob.truncate(blob.len() / 2)),
        ("changed", |blob| *blob.last_mut().unwrap() ^= 1),
    ];
    for (name, damage) in damages {
        let scene = Scene::with_disk();
        scene.build(&[]);
        let layout = Layout::open(&scene.path("out"));
        for blob in layout.reachable_blobs("1") {
            let path = format!("out/blobs/sha256/{}", blob.digest().digest());
            let good = scene.read(&path);
            let mut bad = good.clone();
            damage(&mut bad);
            scene.write(&path, bad);
            assert!(layout.oci.verify_blob_digest(&blob).is_err(), "{name} {}", blob.media_type());
            if let Some(skopeo) = &skopeo {
                let (from, to) = (in_scene(&scene, "oci:out:1"), in_scene(&scene, "dir:dir"));
                skopeo.run_refused(["--insecure-policy", "copy", "-q", "--all", &from, &to]);
            }
            scene.write(&path, good);
        }
        layout.verify_blobs("1").unwrap();
    }
}
