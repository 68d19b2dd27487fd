//! Disks that are larger than any memory, and larger than a plain tar header can say.

use std::fs::File;
use std::io::Write as _;
use std::process::Stdio;

use diskette_integration::disk::{MIB, mixed_bytes, noise_bytes, write_sparse};
use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::image::Layout;
use diskette_integration::peer::{self, Peer};
use diskette_integration::scene::Scene;

const GIB: u64 = 1 << 30;

/// From here on, sizes need a pax record.
const LEAST: u64 = 9;

/// How long a layer is that goes to a registry, in bytes.
const LAYER: u64 = 2 * GIB;

/// The promise, in KiB.
const PEAK: u64 = 64 << 10;

/// Returns the size of the disk: `$DISKETTE_LARGE_GIB`, for soak tests, or one that takes seconds.
fn len() -> u64 {
    let given = std::env::var("DISKETTE_LARGE_GIB").ok();
    given.map_or(LEAST, |gib| gib.parse().unwrap()) * GIB + 12_345
}

#[test]
fn a_large_sparse_disk_in_bounded_memory() {
    let scene = Scene::new();
    let data = mixed_bytes(1, MIB);
    let places = [(0, &data[..]), (5 * GIB + 17, &data), (len() - data.len() as u64, &data)];
    write_sparse(&scene.path("large.raw"), len(), &places);
    scene.write_spec("amd64: { disk: large.raw }");
    let mut tars = Vec::new();
    for kind in ["gzip", "zstd"] {
        let args = ["build", "-q", "--compression", kind, "-o", kind];
        if let Some(time) = peer::find("time") {
            let peak = peak(&time, &scene, &args);
            assert!(peak < PEAK, "{kind}: {peak} KiB of memory");
        } else {
            scene.run(args).digest();
        }
        let layout = Layout::open(&scene.path(kind));
        layout.verify_blobs("1").unwrap();
        let image = layout.images("1").remove(0);
        tars.push(layout.config(&image).rootfs().diff_ids().clone());
    }
    // So one of them may be read back for both: zstd is the one that is quick at zeros.
    assert_eq!(tars[0], tars[1]);
    read_back(&scene);
}

/// Lets others read the tar that the zstd layer holds.
fn read_back(scene: &Scene) {
    let image = Layout::open(&scene.path("zstd")).images("1").remove(0);
    let layer = image.manifest.layers()[0].digest().digest();
    let layer = scene.path(&format!("zstd/blobs/sha256/{layer}"));
    let script = "import sys, tarfile\n\
        for entry in tarfile.open(fileobj=sys.stdin.buffer, mode='r|'):\n  \
        print(entry.name, entry.size, oct(entry.mode), entry.uid)";
    for (name, args) in [("tar", vec!["-tv"]), ("python3", vec!["-c", script])] {
        let (Some(zstd), Some(reader)) = (peer::find("zstd"), peer::find(name)) else { continue };
        let mut unpack = zstd.command();
        let mut unpack = unpack.arg("-dc").arg(&layer).stdout(Stdio::piped()).spawn().unwrap();
        let tar = unpack.stdout.take().unwrap();
        let output = reader.command().args(args).stdin(tar).output().unwrap();
        assert!(output.status.success() && unpack.wait().unwrap().success(), "{name}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(&format!(" {} ", len())), "{name}: {text}");
        assert!(text.contains("disk/large.raw"), "{name}: {text}");
    }
}

/// Runs the program and returns its largest resident size, in KiB.
fn peak(time: &Peer, scene: &Scene, args: &[&str]) -> u64 {
    let mut outer = time.command();
    outer.args(["--format", "%M", "--output", "peak"]);
    scene.run_command(scene.program_under(outer, args)).digest();
    String::from_utf8(scene.read("peak")).unwrap().trim().parse().unwrap()
}

/// Noise does not compress: a layer as long as its disk goes to a registry and comes back.
#[test]
fn a_large_layer_to_a_registry_and_back() {
    if std::env::var_os("DISKETTE_LARGE_GIB").is_none() {
        return peer::note_skipped("it takes a minute; DISKETTE_LARGE_GIB is not set");
    }
    let scene = Scene::new();
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let Some(time) = peer::find("time") else { return };
    let mut disk = File::create(scene.path("noise.raw")).unwrap();
    for seed in 0..LAYER / (64 << 20) {
        disk.write_all(&noise_bytes(seed, 64 * MIB)).unwrap();
    }
    scene.write_spec("amd64: { disk: noise.raw }");
    let name = registry.reference("vm:1");
    let build = ["build", "-q", "--no-cache", "--push", "-t", &name];
    let pull = ["pull", "-q", &name, "-o", "out"];
    let (whole, parts) = (registry.reference("whole/vm:1"), registry.reference("parts/vm:1"));
    let push = ["push", "-q", "-l", "out", "1", &whole];
    let parts = ["build", "-q", "--no-cache", "--push", "-t", &parts, "--chunk-size", "16M"];
    for args in [&build[..], &pull, &push, &parts] {
        let peak = peak(&time, &scene, args);
        assert!(peak < PEAK, "{args:?}: {peak} KiB of memory");
    }
    let layout = Layout::open(&scene.path("out"));
    layout.verify_blobs("1").unwrap();
    let layer = layout.images("1").remove(0).manifest.layers()[0].size();
    assert!(layer >= LAYER, "the layer is only {layer} bytes long");
}
