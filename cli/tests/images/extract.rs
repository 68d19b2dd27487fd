//! `extract` writes the disk of an image, made by any tool, to a file.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use diskette_integration::cluster::handmade::{HandmadeImage, LayerCompression};
use diskette_integration::disk::{MIB, mixed_bytes, write_sparse};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::peer;
use diskette_integration::registry::stock::{ImageStock, MediaTypeFamily};
use diskette_integration::registry::{Profile, Registry};
use diskette_integration::scene::Scene;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use snapbox::{IntoData, assert_data_eq, str};

/// Extracts, and returns the name that is printed.
fn extract(scene: &Scene, args: &[&str]) -> String {
    let outcome = scene.run(["extract", "-q"].iter().chain(args));
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""), "{args:?}");
    String::from_utf8(outcome.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn what_was_built_comes_out_again() {
    for kind in ["gzip", "zstd", "none"] {
        let scene = Scene::with_two_disks();
        scene.build(&["--compression", kind]);
        scene.build_to("oci-archive:vm.tar", &["--compression", kind]);
        for (image, platform, disk) in [
            ("out", "linux/amd64", "x.raw"),
            ("oci:out:1", "linux/arm64", "a.raw"),
            ("vm.tar", "linux/arm64", "a.raw"),
            ("oci-archive:vm.tar:1", "amd64", "x.raw"),
        ] {
            fs::create_dir_all(scene.path("to")).unwrap();
            let args = ["--platform", platform, "-o", "to", "--force", image];
            assert_eq!(extract(&scene, &args), format!("to/{disk}"), "{kind} {image}");
            assert_eq!(scene.read(&format!("to/{disk}")), scene.read(disk), "{kind} {image}");
        }
    }
}

#[test]
fn zeros_take_no_room() {
    let scene = Scene::new();
    let len = 300 * MIB as u64 + 1234;
    write_sparse(&scene.path("disk.raw"), len, &[(0, b"begins"), (100 << 20, &[7; 5000])]);
    scene.write_spec("amd64: { disk: disk.raw }");
    scene.build(&[]);
    assert_eq!(extract(&scene, &["out", "-o", "again.raw"]), "again.raw");
    let file = fs::metadata(scene.path("again.raw")).unwrap();
    assert_eq!(file.len(), len);
    assert!(file.blocks() * 512 < 64 << 10, "{} blocks", file.blocks());
    assert!(scene.read("again.raw") == scene.read("disk.raw"));
}

#[test]
fn standard_output_gets_it_too() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    let outcome = scene.run(["extract", "-q", "out", "-o", "-"]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    assert!(outcome.stdout == scene.read("disk.raw"));
}

#[test]
fn out_of_a_registry() {
    let scene = Scene::with_two_disks();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let name = registry.reference("vm:1");
    scene.run(["build", "-q", "--push", "-t", &name]).digest();
    extract(&scene, &["--platform", "arm64", "-o", "b.raw", &name]);
    assert_eq!(scene.read("b.raw"), scene.read("a.raw"));
    let Some(skopeo) = peer::find("skopeo") else { return };
    let old = registry.reference("old/vm:1");
    let copy = ["--insecure-policy", "copy", "-q", "--format", "v2s2", "--override-arch", "arm64"];
    let open = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    let names = [format!("docker://{name}"), format!("docker://{old}")];
    skopeo.run(copy.iter().chain(&open).copied().chain(names.iter().map(String::as_str)));
    extract(&scene, &["-o", "c.raw", &old]);
    assert_eq!(scene.read("c.raw"), scene.read("a.raw"));
}

#[test]
fn out_of_what_umoci_made() {
    let Some(umoci) = peer::find("umoci") else { return };
    let scene = Scene::new();
    let disk = mixed_bytes(4, MIB + 77);
    scene.write("tree/fedora.img", &disk);
    let (layout, image) = (scene.path("theirs"), scene.path("theirs:1"));
    let (image, tree) = (image.to_str().unwrap(), scene.path("tree"));
    umoci.run(["init", "--layout", layout.to_str().unwrap()]);
    umoci.run(["new", "--image", image]);
    umoci.run(["insert", "--rootless", "--image", image, tree.to_str().unwrap(), "/disk"]);
    assert_eq!(extract(&scene, &["theirs"]), "fedora.img");
    assert_eq!(scene.read("fedora.img"), disk);
}

/// What buildah makes of the usual Dockerfile: with a layer that has nothing to do with the disk.
#[test]
fn out_of_what_buildah_made() {
    let Some(buildah) = peer::find("buildah") else { return };
    if !diskette_integration::scene::is_root() {
        return peer::note_skipped("buildah needs root here");
    }
    let scene = Scene::new();
    let disk = mixed_bytes(4, MIB + 77);
    scene.write("c/disk.img", &disk);
    scene.write("c/notes", "n");
    scene
        .write("c/Dockerfile", "FROM scratch\nCOPY notes /\nADD --chown=107:107 disk.img /disk/\n");
    let path = |name: &str| scene.path(name).to_str().unwrap().to_owned();
    let storage =
        ["--root", &path("storage"), "--runroot", &path("run"), "--storage-driver", "vfs"];
    let build = ["bud", "--isolation", "chroot", "--layers", "-q", "-t", "vm", &path("c")];
    scene.write("policy.json", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
    buildah.run(storage.iter().chain(&build));
    let (policy, to) = (path("policy.json"), format!("oci:{}:1", path("theirs")));
    let push = ["push", "-q", "--signature-policy", &policy, "vm", &to];
    buildah.run(storage.iter().chain(&push));
    assert_eq!(extract(&scene, &["oci:theirs:1"]), "disk.img");
    assert_eq!(scene.read("disk.img"), disk);
}

/// An image by hand: layers are compressions and lines.
fn stocked(family: MediaTypeFamily, layers: &[(&str, &str)]) -> (Scene, Registry) {
    let registry = Registry::start(Profile::DISTRIBUTION_3);
    let config = json!({ "architecture": "amd64", "os": "linux", "config": {} });
    ImageStock { family, ..ImageStock::new(&registry, "vm") }.image("1", config, layers);
    (Scene::new(), registry)
}

#[test]
fn layers_of_every_shape() {
    let check = |family, layers: &[(&str, &str)], expected: (&str, &str)| {
        let (scene, registry) = stocked(family, layers);
        let name = extract(&scene, &[&registry.reference("vm:1")]);
        let content = String::from_utf8(scene.read(&name)).unwrap();
        assert_eq!((name.as_str(), content.as_str()), expected, "{layers:?}");
    };
    let found = ("disk.img", "d");
    let disk = "dir disk\nfile 444 107:107 disk/disk.img = d";
    for family in [MediaTypeFamily::Oci, MediaTypeFamily::Docker] {
        for packing in ["gz", "zst", "none"] {
            check(family, &[(packing, disk)], found);
        }
    }
    let oci = MediaTypeFamily::Oci;
    check(
        oci,
        &[("gz", "dir etc\nfile etc/a = a"), ("zst", disk), ("none", "file etc/b = b")],
        found,
    );
    // The same again, as `RUN chmod` leaves it behind.
    check(oci, &[("gz", disk), ("gz", "file 440 0:0 disk/disk.img = d")], found);
    check(oci, &[("gz", disk), ("gz", "gone etc")], found);
    check(oci, &[("gz", "file disk/a = ")], ("a", ""));
}

#[test]
fn a_layer_that_occurs_often_is_read_once() {
    let disk = ("gz", "file disk/disk.img = d");
    let (scene, registry) = stocked(MediaTypeFamily::Oci, &[disk; 500]);
    assert_eq!(extract(&scene, &[&registry.reference("vm:1")]), "disk.img");
    let requests = registry.take_requests();
    let blobs = requests.iter().filter(|request| request.line().contains("/blobs/"));
    assert_eq!(blobs.count(), 2, "a config and a layer");
    let (scene, registry) = stocked(MediaTypeFamily::Oci, &[disk; 501]);
    let outcome = scene.run(["extract", &registry.reference("vm:1")]);
    assert_eq!(outcome.status, 1);
    let expected = "the image has 501 layers; Linux mounts at most 500\n";
    assert!(outcome.stderr.ends_with(expected), "{}", outcome.stderr);
}

#[test]
fn what_is_not_clear_is_refused() {
    let check = |family, layers: &[(&str, &str)], why: &str| {
        let (scene, registry) = stocked(family, layers);
        let name = registry.reference("vm:1");
        let said = scene.run_refused(scene.program(["extract", "-q", &name]));
        let digest = registry.manifest("vm", "1").unwrap().digest;
        let said = said.replace(&registry.address(), "[REGISTRY]").replace(&digest, "[DIGEST]");
        let expected = format!(
            "status: 1\nstdout:\nstderr:\nerror: cannot extract the disk of `[REGISTRY]/vm:1`: {why}\n |\n \
             = help: `diskette verify` says more of its image [DIGEST]\n"
        );
        assert_data_eq!(said, expected.raw());
    };
    let disk = "dir disk\nfile disk/disk.img = d";
    check(
        MediaTypeFamily::Oci,
        &[("gz", "file etc = a")],
        "there is no disk in it: nothing is in `/disk`",
    );
    check(
        MediaTypeFamily::Oci,
        &[("gz", "file disk/a = a\nfile disk/b = b")],
        "there are several files in `/disk`: `disk/a`, `disk/b`",
    );
    check(
        MediaTypeFamily::Oci,
        &[("gz", disk), ("gz", "file disk/disk.img = e")],
        "it is not clear which disk is meant: CDI takes `disk/disk.img` of layer 1, KubeVirt `disk/disk.img` of layer 2",
    );
    check(
        MediaTypeFamily::Oci,
        &[("gz", disk), ("gz", "gone disk/disk.img")],
        "it is not clear which disk is meant: CDI takes `disk/disk.img` of layer 1, KubeVirt none",
    );
    check(
        MediaTypeFamily::Docker,
        &[("gz", disk), ("gz", "gone disk/disk.img\nfile disk/new.img = d")],
        "it is not clear which disk is meant: CDI takes `disk/disk.img` of layer 1, KubeVirt `disk/new.img` of layer 2",
    );
    check(
        MediaTypeFamily::Oci,
        &[("gz", "link disk/a = /etc/passwd")],
        "`disk/a` is a symbolic link, not a file",
    );
    check(
        MediaTypeFamily::Oci,
        &[("gz", "file disk/a/b = a")],
        "it is not clear which disk is meant: CDI takes `disk/a/b` of layer 1, KubeVirt the directory `disk/a`",
    );
}

#[test]
fn damage_leaves_nothing() {
    let scene = Scene::with_disk();
    scene.build(&[]);
    fs::remove_file(scene.path("disk.raw")).unwrap();
    let layer = fs::read_dir(scene.path("out/blobs/sha256")).unwrap().map(Result::unwrap);
    let layer = layer.max_by_key(|file| file.metadata().unwrap().len()).unwrap().path();
    let sound = fs::read(&layer).unwrap();
    let mut said = Vec::new();
    for at in [600, sound.len() / 2, sound.len() - 3] {
        let mut bytes = sound.clone();
        bytes[at] ^= 4;
        fs::write(&layer, bytes).unwrap();
        said.push(scene.run_refused(scene.program(["extract", "-q", "out"])));
    }
    for text in said {
        assert!(text.contains("layer 1 (sha256:"), "{text}");
        assert!(text.contains("its bytes have the digest sha256:"), "{text}");
    }
    fs::write(&layer, &sound[..sound.len() - 1]).unwrap();
    let text = scene.run_refused(scene.program(["extract", "-q", "out"]));
    assert!(text.contains("as its manifest says"), "{text}");
}

fn kept(scene: &Scene, args: &[&str], expected: impl IntoData) {
    let args = ["extract", "-q"].iter().chain(args);
    assert_data_eq!(scene.run_refused(scene.program(args)), expected.raw());
}

#[test]
fn what_is_there_stays() {
    let scene = Scene::with_two_disks();
    scene.build(&[]);
    let this = ["out", "--platform", "amd64"];
    kept(
        &scene,
        &this,
        str![[r#"
status: 1
stdout:
stderr:
error: `x.raw` already exists
 |
 = help: name another file with `-o`, or use `--force`

"#]],
    );
    kept(
        &scene,
        &[&this[..], &["-o", "a.raw"]].concat(),
        str![[r#"
status: 1
stdout:
stderr:
error: `a.raw` already exists
 |
 = help: name another file with `-o`, or use `--force`

"#]],
    );
    kept(
        &scene,
        &["out", "--platform", "s390x"],
        str![[r#"
status: 2
stdout:
stderr:
error: `oci:out` has no image for linux/s390x; it has linux/amd64, linux/arm64
 |
 = help: choose one of them with `--platform`

"#]],
    );
    kept(
        &scene,
        &["out", "-o", "nowhere/b.raw"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot write `nowhere/b.raw`: No such file or directory (os error 2)

"#]],
    );
    scene.write("old.raw", "old");
    extract(&scene, &[&this[..], &["-o", "old.raw", "--force"]].concat());
    assert_eq!(scene.read("old.raw"), scene.read("x.raw"));
}

#[test]
fn interrupted_it_leaves_nothing() {
    let scene = Scene::new();
    write_sparse(&scene.path("disk.raw"), 6 << 30, &[(0, b"begins")]);
    scene.write_spec("amd64: { disk: disk.raw }");
    scene.build(&["--compression", "zstd"]);
    fs::remove_file(scene.path("disk.raw")).unwrap();
    let before = scene.file_digests("");
    let log = fs::File::create(scene.path("tmp/log")).unwrap();
    let mut command = scene.program(["extract", "out", "--progress", "json"]);
    let mut child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let said = || String::from_utf8(scene.read("tmp/log")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !said().contains("reading") {
        assert!(Instant::now() < deadline, "it does not begin: {}", said());
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{}", said());
    assert!(said().ends_with("interrupted; nothing was changed\n"), "{}", said());
    fs::remove_file(scene.path("tmp/log")).unwrap();
    assert_eq!(scene.file_digests(""), before);
}

/// The promise, in KiB.
const PEAK: u64 = 64 << 10;

#[test]
fn a_large_disk_in_bounded_memory() {
    let Some(time) = peer::find("time") else { return };
    let scene = Scene::new();
    let len = (2 << 30) + 12_345;
    let data = mixed_bytes(1, MIB);
    write_sparse(
        &scene.path("large.raw"),
        len,
        &[(0, &data), (1 << 30, &data), (len - 77, &[1; 77])],
    );
    scene.write_spec("amd64: { disk: large.raw }");
    scene.build(&["--compression", "zstd"]);
    let mut outer = time.command();
    outer.args(["--format", "%M", "--output", "peak"]);
    let args = ["extract", "-q", "out", "-o", "again.raw"];
    let outcome = scene.run_command(scene.program_under(outer, args));
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    let peak: u64 = String::from_utf8(scene.read("peak")).unwrap().trim().parse().unwrap();
    assert!(peak < PEAK, "{peak} KiB of memory");
    let file = fs::metadata(scene.path("again.raw")).unwrap();
    assert_eq!(file.len(), len);
    assert!(file.blocks() * 512 < 3 << 20, "{} blocks", file.blocks());
    if let Some(cmp) = peer::find("cmp") {
        let (a, b) = (scene.path("large.raw"), scene.path("again.raw"));
        cmp.run([&a, &b]);
    }
}

/// GNU tar keeps a map of a disk's holes; readers of images write zeros in their place.
#[test]
fn sparse_files_of_gnu_tar_are_whole() {
    let Some(tar) = peer::find("tar") else { return };
    let scene = Scene::new();
    let len = 40 * MIB as u64 + 1234;
    scene.write("disk/vm.img", b"");
    write_sparse(&scene.path("disk/vm.img"), len, &[(0, b"begins"), (17 << 20, &[7; 5000])]);
    for version in ["0.1", "1.0"] {
        let root = scene.path("");
        let (root, version_option) =
            (root.to_str().unwrap(), format!("--sparse-version={version}"));
        let form = ["-C", root, "--format=pax", "--sparse", &version_option];
        let rest = ["--owner=107", "--group=107", "--mode=a=rX", "-cf", "-", "disk"];
        let layer = tar.run_for_bytes([&form[..], &rest].concat());
        assert!(layer.len() < MIB, "{version}: {} bytes", layer.len());
        let name = format!("v{version}");
        let image = HandmadeImage::new().tar_layer(LayerCompression::Gzip, &layer);
        image.write(&scene.path(&name));
        assert_eq!(extract(&scene, &["--force", "-o", "again.img", &name]), "again.img");
        assert!(scene.read("again.img") == scene.read("disk/vm.img"), "{version}");
        // So few bytes are not what CDI's pull by the node reads.
        let judge = ["verify", "--progress", "none", "--strict", "--allow", "layer-small", &name];
        let outcome = scene.run(judge);
        assert_eq!(outcome.status, 0, "{}", outcome.transcript());
    }
}
