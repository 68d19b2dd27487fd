//! Layers in zstd:chunked: their table of contents is found, travels, and spares a node what it has already.

use std::path::Path;

use diskette_integration::disk::{mixed_bytes, noise_bytes, sha256};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::scene::Scene;
use diskette_integration::trixie::Trixie;
use serde_json::Value;

const ANNOTATIONS: [&str; 3] = ["manifest-checksum", "manifest-position", "tarsplit-position"];

/// Returns the annotations about zstd:chunked of the topmost layer of an image.
fn annotations(scene: &Scene, layout: &str) -> [String; 3] {
    let layout = Layout::open(&scene.path(layout));
    let image = &layout.images("1")[0];
    let layer = image.manifest.layers().last().unwrap();
    let found = layer.annotations().clone().unwrap_or_default();
    ANNOTATIONS.map(|name| found[&format!("io.github.containers.zstd-chunked.{name}")].clone())
}

#[test]
fn the_table_is_where_the_annotations_say() {
    let scene = Scene::with_disk();
    scene.build(&["--compression", "zstd:chunked"]);
    let [digest, position, tar_split] = annotations(&scene, "out");
    let layout = Layout::open(&scene.path("out"));
    let image = &layout.images("1")[0];
    let blob = layout.blob(&image.manifest.layers()[0]);
    let numbers = |text: &str| -> Vec<usize> {
        text.split(':').map(|number| number.parse().unwrap()).collect()
    };
    let toc = numbers(&position);
    let compressed = &blob[toc[0]..toc[0] + toc[1]];
    assert_eq!(digest, format!("sha256:{}", sha256(compressed)));
    let text = zstd::stream::decode_all(compressed).unwrap();
    assert_eq!(text.len(), toc[2]);
    let contents: Value = serde_json::from_slice(&text).unwrap();
    let tar_split = numbers(&tar_split);
    let compressed = &blob[tar_split[0]..tar_split[0] + tar_split[1]];
    assert_eq!(contents["tarSplitDigest"], format!("sha256:{}", sha256(compressed)));
    let disk = contents["entries"].as_array().unwrap().iter().find(|it| it["type"] == "reg");
    let digest = format!("sha256:{}", sha256(&scene.read("disk.raw")));
    assert_eq!(disk.unwrap()["digest"], digest);
}

#[test]
fn the_annotations_stay_with_the_layer() {
    let scene = Scene::with_disk();
    scene.wait_until_old();
    let digest = scene.build(&["--compression", "zstd:chunked"]);
    let expected = annotations(&scene, "out");
    // From the cache, through a copy and as a base.
    assert_eq!(scene.build(&["--compression", "zstd:chunked"]), digest);
    assert_eq!(annotations(&scene, "out"), expected);
    let copied = scene.run(["copy", "-q", "oci:out:1", "oci:copy:1"]);
    assert_eq!(copied.status, 0, "{}", copied.stderr);
    assert_eq!(annotations(&scene, "copy"), expected);
    scene.write("Dockerfile", "FROM base\nLABEL a=b\n");
    let derived = scene.run([
        "build",
        "-q",
        "-f",
        "Dockerfile",
        "-t",
        "x:1",
        "--build-context",
        "base=oci-layout://out:1",
        "-o",
        "oci:derived:1",
        ".",
    ]);
    assert_eq!(derived.status, 0, "{}", derived.stderr);
    assert_eq!(annotations(&scene, "derived"), expected);
    for args in [&["verify", "oci:out:1"][..], &["extract", "oci:out:1", "-o", "found"]] {
        let outcome = scene.run(args);
        assert_eq!(outcome.status, 0, "{args:?} {}", outcome.stderr);
    }
    assert!(scene.read("found") == scene.read("disk.raw"));
}

#[test]
fn a_spec_chooses_chunks() {
    let scene = Scene::with_disk();
    let digest = scene.build(&["--compression", "zstd:chunked", "--compression-level", "2"]);
    let spec = String::from_utf8(scene.read("diskette.yaml")).unwrap();
    scene
        .write("diskette.yaml", format!("{spec}compression: {{ type: zstd:chunked, level: 2 }}\n"));
    assert_eq!(scene.build(&[]), digest);
}

#[test]
fn docker_s_format_has_no_annotations() {
    let scene = Scene::with_disk();
    scene.build(&["--compression", "zstd:chunked", "--format", "docker"]);
    let layout = Layout::open(&scene.path("out"));
    let image = &layout.images("1")[0];
    let layer = &image.manifest.layers()[0];
    assert!(layer.annotations().is_none());
    let extracted = scene.run(["extract", "-q", "oci:out:1", "-o", "found"]);
    assert_eq!(extracted.status, 0, "{}", extracted.stderr);
    assert!(scene.read("found") == scene.read("disk.raw"));
}

/// Podman 5 of Debian 13, with a store of its own and partial images enabled.
struct Podman(Trixie);

impl Podman {
    fn find(scene: &Scene) -> Option<Self> {
        let trixie = Trixie::find(scene)?;
        let storage = trixie.home();
        let settings = format!(
            "[storage]\ndriver = \"overlay\"\ngraphroot = \"{storage}/graph\"\nrunroot = \"{storage}/run\"\n\
             [storage.options]\npull_options = {{ enable_partial_images = \"true\" }}\n"
        );
        std::fs::write(trixie.path("storage.conf"), settings).unwrap();
        Some(Self(trixie))
    }

    /// Runs podman; returns its output and its log.
    fn run(&self, args: &[&str]) -> (String, String) {
        let mut command = self.0.command("podman");
        command.env("CONTAINERS_STORAGE_CONF", format!("{}/storage.conf", self.0.home()));
        let output = command.arg("--log-level=debug").args(args).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?} {log}");
        (String::from_utf8_lossy(&output.stdout).trim().to_owned(), log)
    }

    /// Pulls an image; returns how many bytes of content were missing.
    fn pull(&self, image: &str) -> u64 {
        let (_, log) = self.run(&["pull", "--tls-verify=false", image]);
        let line =
            log.lines().find(|line| line.contains("Missing ")).unwrap_or_else(|| panic!("{log}"));
        let (_, rest) = line.split_once("Missing ").unwrap();
        rest.split(' ').next().unwrap().parse().unwrap()
    }

    /// Returns the digest of the disk of a pulled image.
    fn disk(&self, image: &str) -> String {
        let (mounted, _) = self.run(&["image", "mount", image]);
        let disk = self.0.outside(Path::new(&mounted)).join("disk/disk.raw");
        let digest = sha256(&std::fs::read(disk).unwrap());
        self.run(&["image", "unmount", image]);
        digest
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        self.run(&["rmi", "--all", "--force"]);
    }
}

#[test]
fn podman_5_fetches_what_changed() {
    let scene = Scene::with_disk();
    let Some(podman) = Podman::find(&scene) else { return };
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let mut disk = mixed_bytes(4, 20 << 20);
    disk.resize(40 << 20, 0);
    let push = |disk: &[u8], tag: &str| {
        scene.write("disk.raw", disk);
        let image = registry.reference(tag);
        let args = [
            "build",
            "-q",
            "--compression",
            "zstd:chunked",
            "-t",
            &image,
            "--push",
            "--tls-verify=false",
        ];
        let outcome = scene.run(args);
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        image
    };
    let first = push(&disk, "d:1");
    let all = podman.pull(&first);
    assert!(all > 10 << 20, "{all}");
    assert_eq!(podman.disk(&first), sha256(&disk));
    // New blocks in front move all others; nothing else is new.
    let front = noise_bytes(6, 5 * 4096);
    disk.splice(0..0, front);
    let second = push(&disk, "d:2");
    let missing = podman.pull(&second);
    assert!(missing < all / 10, "{missing} of {all}");
    assert_eq!(podman.disk(&second), sha256(&disk));
}

/// Podman divides disks in another way. What did not move is found all the same.
#[test]
fn chunks_of_podman_5_are_reused() {
    let scene = Scene::with_disk();
    let Some(podman) = Podman::find(&scene) else { return };
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let mut disk = mixed_bytes(4, 12 << 20);
    // Most of it is zeros, as of most disks.
    disk.resize(40 << 20, 0);
    scene.write("old.raw", &disk);
    disk.splice(5 << 20..(5 << 20) + 4096, noise_bytes(6, 4096));
    scene.write("disk.raw", &disk);
    let image = registry.reference("d:1");
    let outcome = scene.run(["build", "-q", "-t", &image, "--push", "--tls-verify=false"]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    podman.run(&["pull", "--tls-verify=false", &image]);
    let theirs = registry.reference("d:2");
    let options = ["--tls-verify=false", "--force-compression", "--compression-format"];
    podman.run(&[&["push"], &options[..], &["zstd:chunked", &image, &theirs]].concat());
    let args = ["extract", "--progress", "plain", "--seed", "old.raw", "-o", "new", &theirs];
    let outcome = scene.run(args);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(scene.read("new") == disk);
    let line = outcome.stderr.lines().find(|line| line.starts_with("reused")).unwrap_or_default();
    assert!(line.starts_with("reused 7.") && line.contains(" KiB of "), "{}", outcome.stderr);
}

#[test]
fn podman_5_takes_every_kind_of_file() {
    let scene = Scene::new();
    let Some(podman) = Podman::find(&scene) else { return };
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let long_name = "x".repeat(150);
    for (name, content) in
        [("dir/a", &b"a"[..]), ("dir/empty", b""), ("gr\u{f6}\u{df}e", b"u"), (&long_name, b"l")]
    {
        scene.write(&format!("context/{name}"), content);
    }
    scene.write("context/dir/zeros", vec![0; 100_000]);
    std::os::unix::fs::symlink("a", scene.path("context/dir/link")).unwrap();
    std::fs::hard_link(scene.path("context/dir/a"), scene.path("context/dir/hard")).unwrap();
    let lines = [
        "FROM scratch",
        "COPY --chown=3000000:4000000 --chmod=4755 . /",
        "COPY dir /again",
        "RUN rm /again/empty && ln /again/a /again/other && ln -s /again /l",
    ];
    scene.write("context/Dockerfile", lines.join("\n"));
    let build = |epoch: &str| {
        let image = registry.reference(&format!("all:{epoch}"));
        let mut program =
            scene.program(["build", "-q", "context", "--compression", "zstd:chunked"]);
        program.args(["-t", &image, "--push", "--tls-verify=false"]);
        program.env("SOURCE_DATE_EPOCH", epoch);
        let outcome = scene.run_command(program);
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
        image
    };
    // It compares each entry of the table with the tar's header, and the digest of the tar with the config's.
    for epoch in ["0", "1700000000"] {
        let image = build(epoch);
        let (_, printed) = podman.run(&["pull", "--tls-verify=false", &image]);
        assert_eq!(printed.matches("Retrieved partial blob").count(), 3, "{printed}");
    }
}
