//! Disks of a tebibyte, of which little is data, and tars that are as long as they are, in bounded memory.

use std::time::Instant;

use diskette_integration::disk::{MIB, mixed_bytes, sha256, sha256_of_parts, write_sparse};
use diskette_integration::image::Layout;
use diskette_integration::peer::{self, Peer};
use diskette_integration::qemu_img::QemuImg;
use diskette_integration::registry::profile::AuthScheme;
use diskette_integration::registry::{MANIFEST, Profile, Registry};
use diskette_integration::scene::{ProgramOutcome, Scene};
use ocidir::oci_spec::image::Descriptor;
use serde_json::json;

const GIB: u64 = 1 << 30;

/// Returns the largest resident size in KiB: blocks of zstd take 16 MiB for each thread and one more, and the
/// rest is the program with its conversion. A tebibyte changes nothing.
fn peak_max() -> u64 {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    (48 + 16 * (threads + 1)) << 10
}

/// Pieces of a MiB of data in a disk.
const PIECES: u64 = 64;

/// Returns a size in bytes: that of a variable, for soak tests, or one that takes seconds.
fn size(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |gib| gib.parse().unwrap()) * GIB
}

/// Makes a raw disk of which little is data.
fn sparse(scene: &Scene, name: &str, len: u64) {
    let data: Vec<_> = (0..PIECES).map(|seed| mixed_bytes(seed, MIB)).collect();
    let places = (0..).zip(&data).map(|(place, data)| (len / PIECES * place + 4096, &data[..]));
    write_sparse(&scene.path(name), len, &places.collect::<Vec<_>>());
}

/// Runs the program under `time`, and notes the time and the largest resident size.
#[expect(clippy::print_stdout, reason = "the figures of soak tests are shown")]
fn measure(time: &Peer, scene: &Scene, args: &[&str]) -> ProgramOutcome {
    let mut outer = time.command();
    outer.args(["--format", "%M %U %S", "--output", "peak"]);
    let started = Instant::now();
    let outcome = scene.run_command(scene.program_under(outer, args));
    assert_eq!(outcome.status, 0, "{args:?}: {}", outcome.stderr);
    let used = String::from_utf8(scene.read("peak")).unwrap();
    println!("{args:?}: {:?}, KiB and CPU seconds: {}", started.elapsed(), used.trim());
    let peak: u64 = used.split(' ').next().unwrap().parse().unwrap();
    assert!(peak < peak_max(), "{args:?}: {peak} KiB of memory");
    outcome
}

#[test]
fn a_huge_sparse_disk_in_bounded_memory() {
    let (Some(time), Some(qemu)) = (peer::find("time"), QemuImg::find()) else { return };
    let len = size("DISKETTE_HUGE_GIB", 9);
    let scene = Scene::new();
    sparse(&scene, "disk.raw", len);
    qemu.convert(&scene.path("disk.raw"), &[], ("qcow2", &scene.path("disk.qcow2")));
    let mut digests = Vec::new();
    for (disk, more) in [
        ("disk.raw", &["--convert", "qcow2"][..]),
        ("disk.qcow2", &["--convert", "qcow2"]),
        ("disk.qcow2", &[]),
        ("disk.raw", &[]),
    ] {
        scene.write_spec(&format!("amd64: {{ disk: {disk} }}"));
        let args = [&["build", "-q", "--no-cache", "--compression", "zstd", "-o", "out"], more];
        let outcome = measure(&time, &scene, &args.concat());
        digests.push(outcome.digest());
        Layout::open(&scene.path("out")).verify_blobs("1").unwrap();
    }
    // The bytes of a converted disk depend on its content alone.
    assert_eq!(digests[0], digests[1]);
}

/// A block of a disk that has no zeros, and how often it is repeated.
const BLOCK: usize = 64 * MIB;

/// Returns the layer of a base with a disk that has no holes, its `diff_id` and its length: compressed,
/// equal blocks are equal frames, so that its making takes neither time nor space.
fn dense_layer(blocks: u64) -> (Vec<u8>, String) {
    let mut header = tar::Header::new_gnu();
    header.set_size(blocks * BLOCK as u64);
    header.set_mode(0o644);
    header.set_path("disk.img").unwrap();
    header.set_cksum();
    // The repetition is within the window of every level, so that the result takes little space, too.
    let block = mixed_bytes(7, 128 << 10).repeat(BLOCK / (128 << 10));
    let frame = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let (head, body, end) = (frame(header.as_bytes()), frame(&block), frame(&[0; 1024]));
    let blocks = usize::try_from(blocks).unwrap();
    let repeated = std::iter::repeat_n(&block[..], blocks);
    let parts = [header.as_bytes() as &[u8]].into_iter().chain(repeated).chain([&[0; 1024][..]]);
    let diff_id = format!("sha256:{}", sha256_of_parts(parts));
    ([head, body.repeat(blocks), end].concat(), diff_id)
}

/// A tar whose disk has no holes is read from a base image, and another is written.
#[test]
#[expect(clippy::print_stdout, reason = "the figures of soak tests are shown")]
fn a_dense_tar_in_bounded_memory() {
    let Some(time) = peer::find("time") else { return };
    let blocks = size("DISKETTE_DENSE_GIB", 1) / BLOCK as u64;
    let (layer, diff_id) = dense_layer(blocks);
    let registry = Registry::start(Profile { auth: AuthScheme::None, ..Profile::DISTRIBUTION_3 });
    let put = |media_type: &str, bytes: &[u8]| {
        let digest = format!("sha256:{}", sha256(bytes));
        registry.put_blob("base", &digest, bytes);
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    };
    let config = json!({
        "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [diff_id] },
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": put("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes()),
        "layers": [put("application/vnd.oci.image.layer.v1.tar+zstd", &layer)],
    });
    registry.put_manifest("base", "1", manifest.to_string().as_bytes());
    let scene = Scene::new();
    let base = registry.reference("base:1");
    let text = format!(
        "FROM {base} AS base\nFROM scratch\nCOPY --from=base --chown=107:107 /disk.img /disk/\n"
    );
    scene.write("c/Dockerfile", text);
    let args =
        ["build", "-q", "--no-cache", "--compression", "zstd", "-o", "out", "-t", "vm:1", "c"];
    measure(&time, &scene, &args).digest();
    let image = Layout::open(&scene.path("out"));
    image.verify_blobs("1").unwrap();
    let sizes = image.images("1")[0].manifest.layers().iter().map(Descriptor::size).sum::<u64>();
    println!("{} GiB of tar, {sizes} bytes of layer", blocks * BLOCK as u64 / GIB);
}
