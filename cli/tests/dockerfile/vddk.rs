//! VMware's disk library as an image, from an archive that looks like VMware's: the image is run,
//! and what it leaves behind is looked at as Forklift does.
#![expect(
    clippy::too_many_lines,
    reason = "each test is a table of what is done and what is said of it"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use diskette_integration::container::Container;
use diskette_integration::disk::sha256;
use diskette_integration::image::Layout;
use diskette_integration::peer;
use diskette_integration::scene::Scene;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use snapbox::{IntoData as _, assert_data_eq, str};
use tar::{EntryType, Header};
use walkdir::WalkDir;

/// As VMware names it.
const ARCHIVE: &str = "VMware-vix-disklib-8.0.3-23950268.x86_64.tar.gz";

const TREE: &str = "vmware-vix-disklib-distrib";

/// A member of an archive: its path, its mode, and what it is.
type Member<'a> = (&'a str, u32, What<'a>);

#[derive(Debug, Clone, Copy)]
enum What<'a> {
    Directory,
    File(&'a [u8]),
    Link(&'a str),
    Pipe,
}
use What::{Directory, File, Link, Pipe};

/// What VMware's archive has, with modes that only its owner can do anything with.
fn members(library: &[u8]) -> Vec<Member<'_>> {
    vec![
        ("", 0o500, Directory),
        ("/FILES", 0o400, File(b"lib64\nbin64\n")),
        ("/bin64", 0o500, Directory),
        ("/bin64/vmware-vdiskmanager", 0o500, File(b"#!/bin/sh\n")),
        ("/doc", 0o500, Directory),
        ("/doc/empty", 0o400, File(b"")),
        ("/doc/samples/diskLib/Makefile", 0o400, File(b"all:\n")),
        ("/include", 0o700, Directory),
        ("/include/vixDiskLib.h", 0o444, File(b"#pragma once\n")),
        ("/lib64", 0o500, Directory),
        ("/lib64/libvixDiskLib.so", 0o777, Link("libvixDiskLib.so.8")),
        ("/lib64/libvixDiskLib.so.8", 0o777, Link("libvixDiskLib.so.8.0.3")),
        ("/lib64/libvixDiskLib.so.8.0.3", 0o500, File(library)),
        ("/lib64/libvixMntapi.so", 0o777, Link("../lib64/libvixMntapi.so.8")),
        ("/lib64/libvixMntapi.so.8", 0o400, File(library)),
        ("/lib64/libstdc++.so", 0o777, Link("not-in-the-archive")),
    ]
}

/// Returns the bytes of a shared library.
fn library(scene: &Scene) -> Option<Vec<u8>> {
    let cc = peer::find("cc")?;
    let path = scene.path("library.so");
    let output = path.to_str().unwrap();
    cc.run(["-shared", "-nostdlib", "-o", output, "-x", "c", "/dev/null"]);
    Some(fs::read(path).unwrap())
}

fn tar(members: &[Member<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, mode, what) in members {
        let mut header = Header::new_gnu();
        header.set_mode(*mode);
        header.set_uid(201);
        header.set_gid(20_007);
        header.set_mtime(1_700_000_000);
        let path = format!("{TREE}{path}");
        let content = if let File(content) = what { content } else { &[][..] };
        header.set_size(content.len() as u64);
        header.set_entry_type(match what {
            Directory => EntryType::Directory,
            File(_) => EntryType::Regular,
            Link(_) => EntryType::Symlink,
            Pipe => EntryType::Fifo,
        });
        match what {
            Link(target) => builder.append_link(&mut header, path, target).unwrap(),
            _ => builder.append_data(&mut header, path, content).unwrap(),
        }
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A scene with VMware's archive.
fn scene() -> Option<(Scene, Vec<u8>)> {
    let scene = Scene::new();
    let library = library(&scene)?;
    scene.write(ARCHIVE, gzip(&tar(&members(&library))));
    Some((scene, library))
}

/// Makes the image `vddk:8` in the layout `out`, and returns its digest.
fn build(scene: &Scene, arguments: &[&str]) -> String {
    let always = ["vddk", ARCHIVE, "-q", "-t", "registry.example.com/me/vddk:8", "-o", "out"];
    scene.run(always.iter().chain(arguments)).digest()
}

/// Returns the expected files of the copy, by path: the archive's content, readable for all users.
fn expected(members: &[Member<'_>]) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = members
        .iter()
        .map(|(path, mode, what)| {
            let what = match what {
                Directory => format!("{:o} /", mode | 0o755),
                File(content) if mode & 0o100 != 0 => {
                    format!("{:o} {}", mode | 0o755, sha256(content))
                }
                File(content) => format!("{:o} {}", mode | 0o644, sha256(content)),
                Link(target) => format!("-> {target}"),
                Pipe => panic!("is refused"),
            };
            ((*path).to_owned(), what)
        })
        .collect();
    for missing in ["/doc/samples", "/doc/samples/diskLib"] {
        all.insert(missing.to_owned(), "755 /".to_owned());
    }
    all
}

/// Returns what is in a directory, by path.
fn found(root: &Path) -> BTreeMap<String, String> {
    let entries = WalkDir::new(root).into_iter().map(Result::unwrap);
    let describe = |entry: walkdir::DirEntry| {
        let path = entry.path().to_str().unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
        let what = if entry.file_type().is_dir() {
            format!("{mode:o} /")
        } else if entry.file_type().is_symlink() {
            format!("-> {}", fs::read_link(path).unwrap().display())
        } else {
            format!("{mode:o} {}", sha256(&fs::read(path).unwrap()))
        };
        (path.strip_prefix(root.to_str().unwrap()).unwrap().to_owned(), what)
    };
    entries.map(describe).collect()
}

/// Runs the image as users that it does not have, and checks the copy as Forklift's validator does.
fn check_copy(scene: &Scene, library: &[u8], times: usize) {
    let Some(file) = peer::find("file") else { return };
    for user in [1001, 107] {
        let Some(container) = Container::unpack(scene, "out:8", user) else { return };
        for _ in 0..times {
            let output = container.run();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "user {user}: {stderr}");
        }
        let copy = container.volume().join(TREE);
        assert_eq!(found(&copy), expected(&members(library)), "user {user}");
        let library = copy.join("lib64/libvixDiskLib.so");
        let library = library.to_str().unwrap();
        assert!(file.run(["-E", library]).contains("symbolic link to libvixDiskLib.so.8"));
        assert!(file.run(["-E", "-L", library]).contains("shared object"));
    }
}

#[test]
fn an_image_on_nothing_copies_the_library_as_any_user() {
    let Some((scene, library)) = scene() else { return };
    build(&scene, &["--base", "scratch"]);
    // A pod's init container may be run again.
    check_copy(&scene, &library, 2);
}

#[test]
fn an_image_on_another_copies_the_library_as_any_user() {
    let Some((scene, library)) = scene() else { return };
    if base(&scene, "bin/cp", "amd64").is_none() {
        return;
    }
    build(&scene, &["--base", "oci:base:1"]);
    // busybox, unlike GNU's, does not replace links.
    check_copy(&scene, &library, 1);
}

/// Makes a base in the layout `base`: busybox, under one name.
fn base(scene: &Scene, name: &str, architecture: &str) -> Option<()> {
    let (umoci, busybox) = (peer::find("umoci")?, peer::find("busybox")?);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_path_with_name(busybox.path(), name).unwrap();
    let layer = scene.write("layer.tar", builder.into_inner().unwrap());
    let (layout, image) = (scene.path("base"), scene.path("base:1"));
    let (layout, image) = (layout.to_str().unwrap(), image.to_str().unwrap());
    umoci.run(["init", "--layout", layout]);
    umoci.run(["new", "--image", image]);
    umoci.run(["raw", "add-layer", "--image", image, layer.to_str().unwrap()]);
    let set =
        ["--config.cmd", "/bin/sh", "--config.env", "KEPT=yes", "--architecture", architecture];
    umoci.run(["config", "--image", image].iter().chain(&set));
    Some(())
}

#[test]
fn the_config_says_what_is_run() {
    let Some((scene, _)) = scene() else { return };
    build(&scene, &["--base", "scratch"]);
    let layout = Layout::open(&scene.path("out"));
    let [image] = &layout.images("8")[..] else { panic!("one platform") };
    assert_eq!(image.platform, "linux/amd64");
    let config: Value = serde_json::from_slice(&layout.blob(image.manifest.config())).unwrap();
    assert_eq!(
        config["config"],
        json!({
            "Entrypoint": ["/copier", format!("/{TREE}"), "/opt"],
            "Labels": { "org.opencontainers.image.version": "8.0.3-23950268" },
            "User": "1001",
        })
    );
    if base(&scene, "usr/bin/cp", "amd64").is_none() {
        return;
    }
    let copied = layout.blob(&image.manifest.layers()[1]);
    build(&scene, &["--base", "oci:base:1"]);
    let [image] = &layout.images("8")[..] else { panic!("one platform") };
    let config: Value = serde_json::from_slice(&layout.blob(image.manifest.config())).unwrap();
    assert_eq!(
        config["config"],
        json!({
            "Entrypoint": ["cp", "-r", format!("/{TREE}"), "/opt"],
            "Env": ["KEPT=yes"],
            "Labels": { "org.opencontainers.image.version": "8.0.3-23950268" },
            "User": "1001",
        })
    );
    let annotations = image.manifest.annotations().as_ref().unwrap();
    let base = Layout::open(&scene.path("base"));
    let base_digest = base.find_tag("1").digest().to_string();
    assert_eq!(annotations["org.opencontainers.image.base.digest"], base_digest);
    // The library is in one and the same layer, whatever the image stands on.
    assert_eq!(layout.blob(image.manifest.layers().last().unwrap()), copied);
}

#[test]
fn the_copier_needs_nothing_else() {
    let Some((scene, _)) = scene() else { return };
    build(&scene, &["--base", "scratch"]);
    let layout = Layout::open(&scene.path("out"));
    let [image] = &layout.images("8")[..] else { panic!("one platform") };
    let mut tar = Vec::new();
    let blob = layout.blob(&image.manifest.layers()[0]);
    std::io::copy(&mut flate2::read::MultiGzDecoder::new(&blob[..]), &mut tar).unwrap();
    let mut archive = tar::Archive::new(&tar[..]);
    let mut names = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        names.push((entry.path().unwrap().display().to_string(), entry.header().mode().unwrap()));
        if names.len() == 1 {
            let mut program = Vec::new();
            std::io::copy(&mut entry, &mut program).unwrap();
            assert_eq!(interpreter(&program), None);
        }
    }
    assert_eq!(names, [("copier".to_owned(), 0o555), ("opt/".to_owned(), 0o777)]);
    // What this test calls an interpreter is one.
    let with = fs::read(diskette_integration::scene::program_path()).unwrap();
    assert!(interpreter(&with).is_some());
}

/// Returns where a 64-bit ELF program says which program loads its libraries.
fn interpreter(elf: &[u8]) -> Option<usize> {
    const PT_INTERP: u32 = 3;
    let u16_at = |at: usize| u16::from_le_bytes(elf[at..at + 2].try_into().unwrap());
    assert_eq!(&elf[..6], b"\x7fELF\x02\x01");
    let table = u64::from_le_bytes(elf[32..40].try_into().unwrap());
    let (size, count) = (usize::from(u16_at(54)), usize::from(u16_at(56)));
    let headers = (0..count).map(|number| usize::try_from(table).unwrap() + number * size);
    headers.into_iter().find(|at| elf[*at..*at + 4] == PT_INTERP.to_le_bytes())
}

#[test]
fn the_same_archive_makes_the_same_image() {
    let Some((scene, library)) = scene() else { return };
    let digest = build(&scene, &["--base", "scratch"]);
    assert_eq!(build(&scene, &["--base", "scratch", "--no-cache", "-j", "1"]), digest);
    // Packed or not.
    scene.write(ARCHIVE, tar(&members(&library)));
    assert_eq!(build(&scene, &["--base", "scratch"]), digest);
}

#[test]
fn strangers_may_pull_from_some_registries() {
    let Some((scene, _)) = scene() else { return };
    let arguments = ["vddk", ARCHIVE, "--base", "scratch", "-o", "out", "--progress", "none"];
    let names = ["-t", "quay.io/me/vddk:8", "-t", "registry.example.com/me/vddk:8"];
    let outcome = scene.run(arguments.iter().chain(&names));
    assert_eq!(outcome.status, 0);
    assert_data_eq!(
        outcome.stderr,
        str![[r#"
warning: `quay.io/me/vddk:8` may be public
 |
 = help: VMware's licence forbids distributing VDDK: make the repository private

"#]]
        .raw()
    );
}

#[test]
fn what_is_not_an_archive_of_the_library_is_refused() {
    let Some((scene, library)) = scene() else { return };
    let check = |name: &str, bytes: &[u8], expected: snapbox::data::Inline| {
        scene.write(name, bytes);
        let command = scene.program(["vddk", name, "--base", "scratch", "-o", "out"]);
        assert_data_eq!(scene.run_refused(command), expected.raw());
    };
    let whole = members(&library);
    let without = |path: &str| {
        tar(&whole.iter().filter(|member| member.0 != path).copied().collect::<Vec<_>>())
    };
    let with = |member: Member<'_>| tar(&whole.iter().copied().chain([member]).collect::<Vec<_>>());
    let complete = gzip(&tar(&whole));
    let page = "<p>Please log in</p>\n".repeat(100);

    check(
        "page.tar.gz",
        page.as_bytes(),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `page.tar.gz`: there is no valid tar header at byte 0
 |
 = help: give VMware's own archive, VMware-vix-disklib-*.x86_64.tar.gz

"#]],
    );
    check(
        "packed-page.tar.gz",
        &gzip(page.as_bytes()),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `packed-page.tar.gz`: there is no valid tar header at byte 0
 |
 = help: give VMware's own archive, VMware-vix-disklib-*.x86_64.tar.gz

"#]],
    );
    check(
        "empty.tar.gz",
        b"",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `empty.tar.gz`: there is no directory `vmware-vix-disklib-distrib` in it
 |
 = help: give VMware's own archive, VMware-vix-disklib-*.x86_64.tar.gz

"#]],
    );
    check(
        "cut.tar.gz",
        &complete[..complete.len() / 2],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `cut.tar.gz`: the tar is cut off at byte 8704
 |
 = help: was the download cut off?

"#]],
    );
    check(
        "other.tar",
        &tar(&[])[..],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `other.tar`: there is no directory `vmware-vix-disklib-distrib` in it
 |
 = help: give VMware's own archive, VMware-vix-disklib-*.x86_64.tar.gz

"#]],
    );
    check(
        "no-library.tar",
        &without("/lib64/libvixDiskLib.so"),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `no-library.tar`: there is no `lib64/libvixDiskLib.so` in `vmware-vix-disklib-distrib`
 |
 = help: give VMware's own archive, VMware-vix-disklib-*.x86_64.tar.gz

"#]],
    );
    check(
        "broken-link.tar",
        &without("/lib64/libvixDiskLib.so.8"),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `broken-link.tar`: the link `lib64/libvixDiskLib.so` leads to `libvixDiskLib.so.8`, which is not there
 |
 = help: give VMware's own archive, VMware-vix-disklib-*.x86_64.tar.gz

"#]],
    );
    check(
        "no-target.tar",
        &without("/lib64/libvixDiskLib.so.8.0.3"),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `no-target.tar`: the link `lib64/libvixDiskLib.so.8` leads to `libvixDiskLib.so.8.0.3`, which is not there
 |
 = help: give VMware's own archive, VMware-vix-disklib-*.x86_64.tar.gz

"#]],
    );
    check(
        "outside.tar",
        &with(("/lib64/x", 0o777, Link("../../etc/passwd"))),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `outside.tar`: the link `lib64/x` leads to `../../etc/passwd`, outside the tree
 |
 = help: give VMware's own archive, VMware-vix-disklib-*.x86_64.tar.gz

"#]],
    );
    check(
        "pipe.tar",
        &with(("/lib64/x", 0o644, Pipe)),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `pipe.tar`: `vmware-vix-disklib-distrib/lib64/x` in it is a named pipe
 |
 = help: give VMware's own archive, VMware-vix-disklib-*.x86_64.tar.gz

"#]],
    );
}

#[test]
fn what_cannot_run_the_copy_is_refused() {
    let check = |name: &str, architecture: &str, expected: snapbox::data::Inline| {
        let Some((scene, _)) = scene() else { return };
        if base(&scene, name, architecture).is_none() {
            return;
        }
        let command =
            scene.program(["vddk", ARCHIVE, "--base", "oci:base:1", "-o", "out", "--no-cache"]);
        assert_data_eq!(scene.run_refused(command), expected.raw());
    };
    check(
        "bin/sh",
        "amd64",
        str![[r#"
status: 1
stdout:
stderr:
error: `oci:base:1` has no `cp`
 |
 = help: use `--base scratch`, or name another image

"#]],
    );
    check(
        "bin/cp",
        "arm64",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use the base `oci:base:1`: `oci:base:1` has no image for linux/amd64; it has linux/arm64
 |
 = help: VMware has the library for no other platform

"#]],
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let Some((scene, _)) = scene() else { return };
    let check = |arguments: &[&str], expected: snapbox::data::Inline| {
        let command = scene.program(["vddk"].iter().chain(arguments));
        assert_data_eq!(scene.run_refused(command), expected.raw());
    };
    check(
        &["missing.tar.gz", "--base", "scratch", "-o", "out"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read `missing.tar.gz`: No such file or directory (os error 2)

"#]],
    );
    check(
        &[".", "--base", "scratch", "-o", "out"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot read `.`: not a regular file

"#]],
    );
    check(
        &[ARCHIVE, "--base", "scratch"],
        str![[r#"
status: 2
stdout:
stderr:
error: no destination for the image
 |
 = help: use `--push`, or `-o oci:DIR` for an OCI layout, or `-o oci-archive:FILE`

"#]],
    );
    check(
        &[ARCHIVE, "--base", "scratch", "--push"],
        str![[r#"
status: 2
stdout:
stderr:
error: the following required arguments were not provided:
  --tag <REF>

Usage: diskette vddk --tag <REF> --base <IMAGE> --push <ARCHIVE>

For more information, try '--help'.

"#]],
    );
    check(
        &[ARCHIVE, "--base", "https://a.b/c", "-o", "out"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value 'https://a.b/c' for '--base <IMAGE>': `https:` is not supported; a registry is named without `https://`, e.g. `quay.io/me/fedora:42`

For more information, try '--help'.

"#]],
    );
    check(
        &[ARCHIVE, "--base", "oci:missing:1", "-o", "out"],
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use the base `oci:missing:1`: cannot open the layout missing: No such file or directory (os error 2)
 |
 = help: without network, use `--base scratch`

"#]],
    );
    check(
        &[ARCHIVE, "--base", "scratch", "-o", "out", "-t", "Upper"],
        str![[r#"
status: 2
stdout:
stderr:
error: `Upper` is not an image name: the repository `library/Upper` has upper-case letters
 |
 = help: for example quay.io/me/fedora:42

"#]],
    );
}
