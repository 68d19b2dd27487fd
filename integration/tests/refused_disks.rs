//! Disks that nobody could use are refused before anything is built, and doubtful ones are told of.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::fmt::Write as _;
use std::io::Write as _;

use diskette_integration::disk::{mixed, qcow2, sha256};
use diskette_integration::scene::Scene;
use diskette_integration::server::{Answer, Server};
use snapbox::{IntoData as _, assert_data_eq, str};

/// Returns a qcow2 with something else at a place.
fn changed(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut disk = qcow2(7, 300_000);
    disk[at..at + bytes.len()].copy_from_slice(bytes);
    disk
}

/// Returns a qcow2 that stands on another file.
fn backed() -> Vec<u8> {
    let mut disk = changed(8, &200_u64.to_be_bytes());
    disk[16..20].copy_from_slice(&8_u32.to_be_bytes());
    disk[200..208].copy_from_slice(b"base.img");
    disk
}

/// Returns a raw disk of 1 MiB with one partition of this type.
fn partitioned(kind: u8) -> Vec<u8> {
    let mut disk = mixed(3, 1 << 20);
    disk[..512].fill(0);
    disk[450] = kind;
    disk[454] = 1;
    disk[458] = 100;
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    disk
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Builds from a spec; returns what was said.
fn build(name: &str, content: &[u8], disk: &str, args: &[&str]) -> String {
    let scene = Scene::new();
    if args.contains(&"--allow-cdi-only") {
        scene.unjudged("it is for CDI alone, and no disk that any program has made");
    }
    scene.write(name, content);
    scene.spec(&format!("amd64: {{ disk: {disk} }}"));
    let args = ["build", "--progress", "none", "-q", "-o", "out"].iter().chain(args);
    let outcome = scene.run(args);
    assert_eq!(scene.path("out/index.json").exists(), outcome.status == 0);
    let said: String = outcome.stderr.lines().filter(|line| !line.starts_with("  |")).fold(
        String::new(),
        |mut said, line| {
            writeln!(said, "{line}").unwrap();
            said
        },
    );
    format!("{}\n{said}", outcome.status)
}

#[test]
fn files() {
    let mut said = String::new();
    let mut check = |name: &str, content: &[u8]| said += &build(name, content, name, &[]);
    check("a.qcow2", &backed());
    check("b.qcow2", &changed(79, &[4]));
    check("c.qcow2", &changed(72, &[1]));
    check("d.qcow2", &changed(43, &[1]));
    check("e.qcow2", &changed(79, &[2]));
    check("f.qcow2", &qcow2(7, 300_000)[..400_000]);
    check("g.qcow2", &changed(21, &[1]));
    check("h.qcow2", &changed(35, &[1]));
    check("i.qcow2", &mixed(1, 70_000));
    check("j.img", &[b"KDMV", &mixed(1, 70_000)[..]].concat());
    check("k.img", &[0; 70_000]);
    check("l.img", b"\n<!DOCTYPE html><html>");
    check("m.img", &[b"QED\0", &mixed(1, 70_000)[..]].concat());
    let mut cut = partitioned(0x83);
    cut.truncate(20_000);
    check("n.img", &cut);
    assert_data_eq!(said, str![[r#""#]].raw());
}

#[test]
fn streams() {
    let mut said = String::new();
    let packed = gzip(&backed());
    said += &build("a.qcow2.gz", &packed, "a.qcow2.gz", &[]);
    said += &build("b.qcow2.gz", &gzip(&mixed(1, 70_000)), "b.qcow2.gz", &[]);
    said += &build("c.img.gz", &gzip(&packed), "c.img.gz", &[]);
    // Several members tell a wrong size, in which nothing seems to have its place.
    let whole = qcow2(7, 300_000);
    let (first, rest) = whole.split_at(500_000);
    let members = [gzip(first), gzip(rest)].concat();
    said += &build("d.qcow2.gz", &members, "d.qcow2.gz", &[]);
    let members = [gzip(&first[..300_000]), gzip(&rest[..10])].concat();
    said += &build("e.qcow2.gz", &members, "e.qcow2.gz", &[]);
    assert_data_eq!(said, str![[r#""#]].raw());
}

#[test]
fn downloads() {
    let disk = backed();
    let server = Server::start([("/a.qcow2", Answer::Content(disk.clone()))]);
    let url = server.url("/a.qcow2");
    let scene = Scene::new();
    std::fs::create_dir(scene.path("c")).unwrap();
    let digest = sha256(&disk);
    let dockerfile = format!("FROM scratch\nADD --checksum=sha256:{digest} {url} /disk/\n");
    scene.write("c/Dockerfile", dockerfile);
    let said = scene.refused(scene.program(["build", "-o", "out", "c"]));
    assert!(said.contains("it stands on another file, `base.img`"), "{said}");
    scene.write("c/a.vdi", [&mixed(1, 64)[..], &[0x7f, 0x10, 0xda, 0xbe], &[0; 600]].concat());
    scene.write("c/Dockerfile", "FROM scratch\nADD a.vdi /disk/\n");
    let said = scene.refused(scene.program(["build", "-o", "out", "c"]));
    assert!(said.contains("CDI converts it, KubeVirt does not take it"), "{said}");
}

#[test]
fn what_is_allowed() {
    let mut said = String::new();
    let vmdk = [b"KDMV", &mixed(1, 70_000)[..]].concat();
    said += &build("a.vmdk", &vmdk, "a.vmdk", &["--allow-cdi-only"]);
    said += &build("b.img", &changed(79, &[1]), "b.img", &[]);
    said += &build("c.img", &partitioned(0x41), "c.img", &[]);
    said += &build("d.img", &partitioned(0x83), "d.img", &[]);
    // Whatever it is called, for KubeVirt it is what its bytes are.
    said += &build("e.raw", &qcow2(1, 70_000), "e.raw", &[]);
    said += &build("f.img", &mixed(1, 70_000), "{ path: f.img, name: f.qcow2 }", &[]);
    assert_data_eq!(said, str![[r#""#]].raw());
}
