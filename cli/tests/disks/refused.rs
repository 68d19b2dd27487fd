//! Disks that neither KubeVirt nor CDI can use are refused before anything is built; others have
//! warnings.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::fmt::Write as _;
use std::io::Write as _;

use diskette_integration::disk::{mixed_bytes, qcow2_disk, sha256};
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use diskette_integration::server::{Server, ServerAnswer};
use snapbox::{IntoData as _, assert_data_eq, str};

/// Returns a qcow2 with something else at a place.
fn changed(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut disk = qcow2_disk(7, 300_000);
    disk[at..at + bytes.len()].copy_from_slice(bytes);
    disk
}

/// Returns a qcow2 with a backing file.
fn backed() -> Vec<u8> {
    let mut disk = changed(8, &200_u64.to_be_bytes());
    disk[16..20].copy_from_slice(&8_u32.to_be_bytes());
    disk[200..208].copy_from_slice(b"base.img");
    disk
}

/// Returns a raw disk of 1 MiB with one partition of this type.
fn partitioned(kind: u8) -> Vec<u8> {
    let mut disk = mixed_bytes(3, 1 << 20);
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
    scene.write(name, content);
    scene.write_spec(&format!("amd64: {{ disk: {disk} }}"));
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
    check("f.qcow2", &qcow2_disk(7, 300_000)[..400_000]);
    check("g.qcow2", &changed(21, &[1]));
    check("h.qcow2", &changed(35, &[1]));
    check("i.qcow2", &mixed_bytes(1, 70_000));
    check("k.img", &vec![0; 70_000]);
    check("l.img", b"\n<!DOCTYPE html><html>");
    check("m.img", &[b"QED\0", &mixed_bytes(1, 70_000)[..]].concat());
    let mut cut = partitioned(0x83);
    cut.truncate(20_000);
    check("n.img", &cut);
    assert_data_eq!(said, str![[r#"
1
error[disk-backing-file]: cannot use `a.qcow2`: it has a backing file, `base.img`
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: a.qcow2 }
  = help: set `flatten: true` in a spec, all files in one directory, or make one file of both with `qemu-img convert -O qcow2 a.qcow2 new.qcow2`
1
error[disk-data-file]: cannot use `b.qcow2`: its data is in another file
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: b.qcow2 }
  = help: make one file of both with `qemu-img convert -O qcow2 b.qcow2 new.qcow2`
1
error[disk-unknown-feature]: cannot use `c.qcow2`: it needs unknown features, bits 0x100000000000000
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: c.qcow2 }
  = help: write it with the program that made it, in an older version of the format
1
error[disk-outside-file]: cannot use `d.qcow2`: its L1 table at byte 4295163904 lies outside the file of 655360 bytes
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: d.qcow2 }
  = help: get the disk again; was its download or conversion cut off?
1
error[disk-corrupt]: cannot use `e.qcow2`: it is marked as corrupt
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: e.qcow2 }
  = help: repair it with `qemu-img check -r all e.qcow2`, or create it again
1
error[disk-truncated]: cannot use `f.qcow2`: it ends after 400000 bytes, and has data at byte 458752 as its tables say
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: f.qcow2 }
  = help: get the disk again; was its download or conversion cut off?
1
error[disk-malformed]: cannot use `g.qcow2`: its clusters have 2^65552 bytes, and only 2^9 to 2^21 are allowed
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: g.qcow2 }
  = help: get the disk again, or make it anew
1
error[disk-encrypted]: cannot use `h.qcow2`: it is encrypted with AES
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: h.qcow2 }
  = help: decrypt it with `qemu-img convert --object secret,id=key,file=KEYFILE --image-opts driver=qcow2,file.filename=h.qcow2,encrypt.key-secret=key -O qcow2 new.qcow2`, its passphrase in KEYFILE; encrypt file systems inside the virtual machine instead
1
error[disk-misnamed]: cannot use `i.qcow2`: it is called .qcow2, and its content is raw
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: i.qcow2 }
  = help: is it the right file? if so, rename it after its content
1
error[disk-blank]: cannot use `k.img`: all of its 70000 bytes are zero
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: k.img }
  = help: use the right file; was its download or conversion cut off?
1
error[disk-unsupported]: cannot use `l.img`: it is a web page, and no disk
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: l.img }
  = help: download the disk again: a server sent a page in its place, to log in or to choose, or an error
1
error[disk-unsupported]: cannot use `m.img`: its format is qed, which neither KubeVirt nor CDI takes
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: m.img }
  = help: convert it with `qemu-img convert -O qcow2 m.img new.qcow2`
1
error[disk-truncated]: cannot use `n.img`: its last partition ends at byte 51712, and the disk has 20480
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: n.img }
  = help: get the disk again; was its download or conversion cut off?

"#]].raw());
}

#[test]
fn streams() {
    let mut said = String::new();
    let packed = gzip(&backed());
    said += &build("a.qcow2.gz", &packed, "a.qcow2.gz", &[]);
    said += &build("b.qcow2.gz", &gzip(&mixed_bytes(1, 70_000)), "b.qcow2.gz", &[]);
    said += &build("c.img.gz", &gzip(&packed), "c.img.gz", &[]);
    // Several members tell a wrong size, in which nothing seems to have its place.
    let whole = qcow2_disk(7, 300_000);
    let (first, rest) = whole.split_at(500_000);
    let members = [gzip(first), gzip(rest)].concat();
    said += &build("d.qcow2.gz", &members, "d.qcow2.gz", &[]);
    let members = [gzip(&first[..300_000]), gzip(&rest[..10])].concat();
    said += &build("e.qcow2.gz", &members, "e.qcow2.gz", &[]);
    assert_data_eq!(said, str![[r#"
1
error[disk-backing-file]: cannot use `a.qcow2.gz`: it has a backing file, `base.img`
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: a.qcow2.gz }
  = help: decompress it first with `gunzip -c a.qcow2.gz >a.qcow2`
  = help: set `flatten: true` in a spec, all files in one directory, or make one file of both with `qemu-img convert -O qcow2 a.qcow2 new.qcow2`
1
error[disk-misnamed]: cannot use `b.qcow2.gz`: it is called .qcow2, and its content is raw
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: b.qcow2.gz }
  = help: is it the right file? if so, rename it after its content
1
error[disk-packed]: cannot use `c.img.gz`: the disk is compressed with gzip
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: c.img.gz }
  = help: it is compressed twice: decompress it once with `gunzip -c c.img.gz >c.img`; a spec with `unpack: gz` takes the result
0
1
error[disk-truncated]: cannot use `e.qcow2.gz`: it ends after 300010 bytes, and has data at byte 327680 as its tables say
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: e.qcow2.gz }
  = help: get the disk again; was its download or conversion cut off?

"#]].raw());
}

#[test]
fn downloads() {
    let disk = backed();
    let server = Server::start([("/a.qcow2", ServerAnswer::Content(disk.clone()))]);
    let url = server.url("/a.qcow2");
    let scene = Scene::with_image();
    std::fs::create_dir(scene.path("c")).unwrap();
    let digest = sha256(&disk);
    let dockerfile = format!("FROM scratch\nADD --checksum=sha256:{digest} {url} /disk/\n");
    scene.write("c/Dockerfile", dockerfile);
    let said = scene.run_refused(scene.program(["build", "-o", "out", "c"]));
    assert!(said.contains("it has a backing file, `base.img`"), "{said}");
}

#[test]
fn what_is_for_cdi_alone() {
    let Some(qemu) = peer::find("qemu-img") else { return };
    for (format, ending) in [("vmdk", "vmdk"), ("vpc", "vhd"), ("vhdx", "vhdx"), ("vdi", "vdi")] {
        let scene = Scene::with_image();
        scene.allow_bad_images("KubeVirt does not take it");
        std::fs::create_dir(scene.path("c")).unwrap();
        scene.write("c/raw", mixed_bytes(5, 3 << 20));
        let disk = format!("a.{ending}");
        let mut convert = qemu.command();
        convert.args(["convert", "-f", "raw", "-O", format, "raw", &disk]);
        assert!(convert.current_dir(scene.path("c")).status().unwrap().success());
        scene.write("c/Dockerfile", format!("FROM scratch\nADD {disk} /disk/\n"));
        let said = scene.run_refused(scene.program(["build", "-o", "out", "c"]));
        assert!(said.contains("KubeVirt does not"), "{said}");
        assert!(said.contains("pass `--allow-cdi-only` if CDI alone"), "{said}");
        let outcome = scene.run(["build", "-o", "out", "--allow-cdi-only", "c"]);
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    }
}

#[test]
fn what_is_allowed() {
    let mut said = String::new();
    said += &build("b.img", &changed(79, &[1]), "b.img", &[]);
    said += &build("c.img", &partitioned(0x41), "c.img", &[]);
    said += &build("d.img", &partitioned(0x83), "d.img", &[]);
    // Whatever it is called, for KubeVirt it is what its bytes are.
    said += &build("e.raw", &qcow2_disk(1, 70_000), "e.raw", &[]);
    said += &build("f.img", &mixed_bytes(1, 70_000), "{ path: f.img, name: f.qcow2 }", &[]);
    assert_data_eq!(
        said,
        str![[r#"
0
warning[disk-dirty]: `b.img`: it was not closed properly and its reference counts are old
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: b.img }
  = help: repair it with `qemu-img check -r all b.img`
0
warning[disk-architecture]: the boot loader of `c.img` is for ppc64le, and its image for linux/amd64
 --> ./diskette.yaml:5:18
5 |   amd64: { disk: c.img }
  = help: is it the right disk for this platform?
0
0
1
error[disk-misnamed]: cannot use `f.img`: it is called .qcow2, and its content is raw
 --> ./diskette.yaml:5:26
5 |   amd64: { disk: { path: f.img, name: f.qcow2 } }
  = help: is it the right file? if so, rename it after its content

"#]]
        .raw()
    );
}
