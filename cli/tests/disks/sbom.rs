//! The packages in a disk are those that its own package manager lists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use diskette_integration::docker_registry::DockerRegistry;
use diskette_integration::guest_root::GuestRoot;
use diskette_integration::peer::{self, text};
use diskette_integration::qemu_img::QemuImg;
use diskette_integration::scene::Scene;
use serde_json::Value;
use snapbox::{IntoData, assert_data_eq, str};

/// Runs `sbom`, which must succeed, and returns its JSON.
fn inventory(scene: &Scene, args: &[&str]) -> Value {
    let outcome = scene.run(["sbom", "--format", "json"].iter().chain(args));
    assert_eq!(outcome.status, 0, "{args:?}: {}", outcome.stderr);
    serde_json::from_slice(&outcome.stdout).unwrap()
}

/// Returns the packages as `dpkg-query` lists them.
fn debs(inventory: &Value) -> BTreeSet<String> {
    let packages = inventory["packages"].as_array().unwrap().iter();
    let line = |package: &Value| {
        let field = |name: &str| package[name].as_str().unwrap().to_owned();
        let (name, version) = (field("name"), field("version"));
        let source = package["source"]["name"].as_str().unwrap_or(&name);
        // Without the part of a rebuild.
        let plain = version.split("+b").next().unwrap();
        let source_version = package["source"]["version"].as_str().unwrap_or(plain);
        format!("{name} {version} {} {source} {source_version}", field("architecture"))
    };
    packages.map(line).collect()
}

#[test]
fn packages_are_those_that_dpkg_lists() {
    let scene = Scene::new();
    let Some(root) = GuestRoot::debian(&scene) else { return };
    let expected = root.list_debs();
    assert_eq!(expected.len(), 3, "{expected:?}");
    let check = |options: &[&str]| {
        let Some(_) = root.make_ext(&scene, "disk.raw", options) else { return };
        let found = inventory(&scene, &["disk.raw"]);
        assert_eq!(debs(&found), expected, "{options:?}");
        assert_eq!(found["system"]["name"], "Debian 12", "{options:?}");
        assert_eq!(found["architecture"], "arm64", "{options:?}");
        assert_eq!(found["notes"], serde_json::json!([]), "{options:?}");
    };
    check(&[]);
    check(&["-b", "1024"]);
    check(&["-b", "4096", "-O", "^64bit,^extents"]);
    check(&["-t", "ext2"]);
    check(&["-t", "ext3", "-b", "2048"]);
    check(&["-I", "1024", "-O", "inline_data"]);
    check(&["-b", "1024", "-g", "512", "-O", "meta_bg,^resize_inode"]);
    check(&["-O", "^filetype,^sparse_super,^resize_inode"]);
    check(&["-O", "bigalloc", "-C", "16384"]);
}

#[test]
fn systems_are_found_in_every_kind_of_partition() {
    let scene = Scene::new();
    let Some(root) = GuestRoot::debian(&scene) else { return };
    let Some(file_system) = root.make_ext(&scene, "part.raw", &[]) else { return };
    let Some(sfdisk) = peer::find("sfdisk") else { return };
    let content = fs::read(file_system).unwrap();
    let check = |table: &str, start: u64, volume: &str| {
        let disk = scene.write("disk.raw", "");
        fs::File::options().write(true).open(&disk).unwrap().set_len(64 << 20).unwrap();
        let mut command = sfdisk.command();
        command.args(["-q", text(&disk)]).stdin(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), table.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{table}");
        let file = fs::File::options().write(true).open(&disk).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &content, start << 20).unwrap();
        let found = inventory(&scene, &["disk.raw"]);
        assert_eq!((&found["volume"], debs(&found)), (&volume.into(), root.list_debs()));
    };
    check("label: gpt\n1M,4M,U\n8M,32M,L\n", 8, "partition 2 (ext4)");
    check("label: dos\n1M,4M,ef\n8M,32M,L\n", 8, "partition 2 (ext4)");
    check("label: dos\n1M,4M,ef\n5M,50M,E\n6M,4M,L\n12M,32M,L\n", 12, "partition 6 (ext4)");
}

/// sfdisk leaves the file system that a disk had as a whole.
#[test]
fn a_partition_table_is_newer_than_a_file_system_beneath_it() {
    let scene = Scene::new();
    let Some(root) = GuestRoot::debian(&scene) else { return };
    let Some(part) = root.make_ext(&scene, "part.raw", &[]) else { return };
    let (Some(sfdisk), Some(make)) = (peer::find("sfdisk"), peer::find("mkfs.ext4")) else {
        return;
    };
    let disk = scene.write("disk.raw", "");
    fs::File::options().write(true).open(&disk).unwrap().set_len(64 << 20).unwrap();
    make.run(["-q", "-F", text(&disk)]);
    let mut command = sfdisk.command();
    command.args(["-q", "--wipe", "never", text(&disk)]).stderr(Stdio::null());
    command.stdin(fs::File::open(scene.write("table", "start=16384,type=83\n")).unwrap());
    assert!(command.status().unwrap().success());
    let file = fs::File::options().write(true).open(&disk).unwrap();
    // Nothing is in the partition: the table may be what the boot sector of a file system looks like.
    let refused = scene.run(["sbom", "disk.raw"]);
    assert!(refused.stderr.contains("no operating system was found"), "{}", refused.stderr);
    std::os::unix::fs::FileExt::write_all_at(&file, &fs::read(part).unwrap(), 8 << 20).unwrap();
    let found = inventory(&scene, &["disk.raw"]);
    let expected = (&"partition 1 (ext4)".into(), root.list_debs());
    assert_eq!((&found["volume"], debs(&found)), expected);
}

#[test]
fn volumes_that_are_not_read_are_named() {
    let scene = Scene::new();
    for (name, at, magic) in
        [("LVM", 512, &b"LABELONE"[..]), ("LUKS", 0, b"LUKS\xba\xbe"), ("nothing", 0, b"")]
    {
        let mut disk = vec![0; 1 << 20];
        disk[at..at + magic.len()].copy_from_slice(magic);
        if name == "LUKS" {
            // Not as the format of a file, which `inspect` names.
            disk[6..8].copy_from_slice(&[0, 2]);
        }
        scene.write("disk.raw", disk);
        let transcript = scene.run_refused(scene.program(["sbom", "disk.raw"]));
        match name {
            "LVM" => assert_data_eq!(transcript, str![[r#"
status: 1
stdout:
stderr:
error: cannot list the packages in the disk of `disk.raw`: no operating system was found on it: the whole disk (LVM) was not looked into
 |
 = help: ext2, ext3, ext4, XFS and btrfs in partitions or on the whole disk are read

"#]].raw()),
            "LUKS" => assert_data_eq!(transcript, str![[r#"
status: 1
stdout:
stderr:
error: cannot list the packages in the disk of `disk.raw`: no operating system was found on it: the whole disk (LUKS, encrypted) was not looked into
 |
 = help: ext2, ext3, ext4, XFS and btrfs in partitions or on the whole disk are read

"#]].raw()),
            _ => assert_data_eq!(transcript, str![[r#"
status: 1
stdout:
stderr:
error: cannot list the packages in the disk of `disk.raw`: no operating system was found on it: the whole disk (unknown)
 |
 = help: ext2, ext3, ext4, XFS and btrfs in partitions or on the whole disk are read

"#]].raw()),
        }
    }
}

#[test]
fn what_is_not_read_is_named() {
    let scene = Scene::new();
    let Some(root) = GuestRoot::debian(&scene) else { return };
    scene.write("root/var/lib/snapd/snaps/core.snap", "");
    let Some(_) = root.make_ext(&scene, "disk.raw", &[]) else { return };
    // The state of a file system whose machine is still running (`needs_recovery`).
    let disk = scene.path("disk.raw");
    peer::find("debugfs").unwrap().run(["-w", "-R", "feature needs_recovery", text(&disk)]);
    assert_data_eq!(
        scene.run(["sbom", "-q", "disk.raw"]).transcript(),
        str![[r#"
status: 0
stdout:
Debian 12
  volume        the whole disk (ext4)
  architecture  arm64
  database      /var/lib/dpkg/status
  packages      3
  note          its journal was not applied: the machine was not shut down, and what it wrote last may be missing
  note          packages of snap (`/var/lib/snapd/snaps`) are not read

PACKAGE     VERSION         ARCHITECTURE  SOURCE    LICENSE
base-files  12.4+deb12u5    all           -         -
libtiny2    1:2.0~rc1-3+b2  all           tiny 2.0  -
tiny-tools  0.1             all           tiny      -
stderr:

"#]].raw()
    );
}

#[test]
fn damaged_databases_are_refused() {
    let scene = Scene::new();
    let root = GuestRoot::empty(&scene, "ID=alpine\n");
    scene.write("root/lib/apk/db/installed", "P:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\n\nP:cut\n");
    let Some(_) = root.make_ext(&scene, "disk.raw", &[]) else { return };
    let transcript = scene.run_refused(scene.program(["sbom", "disk.raw"]));
    assert_data_eq!(transcript, str![[r#"
status: 1
stdout:
stderr:
error: cannot list the packages in the disk of `disk.raw`: its file `/lib/apk/db/installed` cannot be read: its package `cut` has no version

"#]].raw());
    scene.write("root/lib/apk/db/installed", "P:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\n\n");
    root.make_ext(&scene, "disk.raw", &[]).unwrap();
    assert_data_eq!(
        scene.run(["sbom", "-q", "disk.raw"]).transcript(),
        str![[r#"
status: 0
stdout:
alpine
  volume        the whole disk (ext4)
  architecture  arm64
  database      /lib/apk/db/installed
  packages      1

PACKAGE  VERSION   ARCHITECTURE  SOURCE  LICENSE
musl     1.2.4-r2  x86_64        -       MIT
stderr:

"#]]
        .raw()
    );
}

#[test]
fn disks_of_images_are_read_in_parts() {
    let scene = Scene::new();
    let Some(root) = GuestRoot::debian(&scene) else { return };
    let Some(qemu) = QemuImg::find() else { return };
    let Some(raw) = root.make_ext(&scene, "disk.raw", &[]) else { return };
    let Some(registry) = DockerRegistry::start_open(&scene) else { return };
    let qcow2 = scene.path("disk.qcow2");
    qemu.convert(&raw, &["-c"], ("qcow2", &qcow2));
    let expected = root.list_debs();
    let check = |disk: &str, args: &[&str], in_parts: bool| {
        scene.write_spec(&format!("amd64: {{ disk: {disk} }}"));
        let name = registry.reference("me/vm:1");
        let build = ["build", "-q", "-o", "out", "--push", "-t", &name];
        let outcome = scene.run(build.iter().chain(args));
        assert_eq!(outcome.status, 0, "{args:?}: {}", outcome.stderr);
        for place in ["oci:out:1", &name] {
            let outcome = scene.run(["sbom", "--format", "json", place]);
            assert_eq!(outcome.status, 0, "{args:?}: {}", outcome.stderr);
            let found: Value = serde_json::from_slice(&outcome.stdout).unwrap();
            assert_eq!(debs(&found), expected, "{disk} {args:?}");
            let numbers = outcome.stderr.trim().strip_prefix("read ").unwrap();
            let (read, total) = numbers.split_once(" of ").unwrap();
            assert_eq!(read != total, in_parts, "{disk} {args:?}: {numbers}");
        }
    };
    check("disk.raw", &["--compression", "gzip"], false);
    check("disk.raw", &["--compression", "zstd"], false);
    check("disk.raw", &["--compression", "none"], true);
    check("disk.qcow2", &["--compression", "none"], true);
    check("disk.raw", &["--compression", "zstd:chunked"], true);
    check("disk.raw", &["--format", "artifact"], true);
    check("disk.qcow2", &["--format", "artifact"], true);
}

#[test]
fn compressed_files_are_read_through_a_temporary_file() {
    let scene = Scene::new();
    let Some(root) = GuestRoot::debian(&scene) else { return };
    let Some(qemu) = QemuImg::find() else { return };
    let Some(raw) = root.make_ext(&scene, "disk.raw", &[]) else { return };
    let formats = ["qcow2", "vmdk", "vdi", "vpc", "vhdx"];
    for format in formats {
        let disk = scene.path("disk");
        qemu.convert(&raw, &[], (format, &disk));
        assert_eq!(debs(&inventory(&scene, &["disk"])), root.list_debs(), "{format}");
    }
    let qcow2 = scene.path("disk.qcow2");
    qemu.convert(&raw, &[], ("qcow2", &qcow2));
    for tool in ["gzip", "xz", "zstd", "bzip2"] {
        let packed = Command::new(tool).args(["-c", text(&qcow2)]).output().unwrap();
        scene.write("packed", packed.stdout);
        assert_eq!(debs(&inventory(&scene, &["packed"])), root.list_debs(), "{tool}");
    }
    assert_eq!(fs::read_dir(scene.path("tmp")).unwrap().count(), 0);
    let missing = scene.program(["sbom", "packed", "--spool", "missing"]);
    assert_data_eq!(
        scene.run_refused(missing),
        str![[r#"
status: 1
stdout:
stderr:
error: cannot open the directory `missing`: No such file or directory (os error 2)

"#]]
        .raw()
    );
    let platform = scene.program(["sbom", "disk.qcow2", "--platform", "amd64"]);
    assert_data_eq!(
        scene.run_refused(platform),
        str![[r#"
status: 2
stdout:
stderr:
error: `disk.qcow2` is the file of a disk
 |
 = help: leave out `--platform`

"#]]
        .raw()
    );
}

/// Returns the document in a format, and checks that the same disk gives the same bytes.
fn document(scene: &Scene, format: &str) -> Vec<u8> {
    let write = || scene.run(["sbom", "-q", "--format", format, "disk.raw"]);
    let outcome = write();
    assert_eq!((outcome.status, &*outcome.stderr), (0, ""), "{format}");
    assert_eq!(write().stdout, outcome.stdout, "{format}");
    outcome.stdout
}

/// Makes the disk of a system whose packages have all that documents show.
fn make_documented_disk(scene: &Scene) -> Option<()> {
    let root = GuestRoot::debian(scene)?;
    let apk = "P:a\nV:1-r0\nA:x86_64\nL:MIT AND Zlib\no:src\n\nP:b\nV:2\nL:GPLv2+ \u{1b}[1m\n\n";
    scene.write("root/lib/apk/db/installed", apk);
    root.make_ext(scene, "disk.raw", &[]).map(drop)
}

#[test]
fn spdx_is_what_its_own_tools_accept() {
    let scene = Scene::new();
    if make_documented_disk(&scene).is_none() {
        return;
    }
    let Some(python) = peer::find("python3") else { return };
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/spdx-tools");
    if !tools.exists() {
        return peer::skip_test(
            "SPDX's tools are missing; integration/peers.sh gets them with pip",
        );
    }
    let path = scene.write("sbom.spdx.json", document(&scene, "spdx"));
    let mut command = python.command();
    command.args(["-m", "spdx_tools.spdx.clitools.pyspdxtools", "-i", text(&path)]);
    let output = command.env("PYTHONPATH", tools).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn cyclonedx_is_valid_by_its_schema() {
    let scene = Scene::new();
    if make_documented_disk(&scene).is_none() {
        return;
    }
    let schemas =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/cyclonedx/package/res/schema");
    if !schemas.exists() {
        return peer::skip_test(
            "CycloneDX's schemas are missing; integration/peers.sh gets them with npm",
        );
    }
    let read = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(schemas.join(name)).unwrap()).unwrap()
    };
    let validator = jsonschema::options()
        .with_retriever(Folder(schemas.clone()))
        .build(&read("bom-1.6.SNAPSHOT.schema.json"))
        .unwrap();
    let document: Value = serde_json::from_slice(&document(&scene, "cyclonedx")).unwrap();
    let problems: Vec<String> =
        validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    let mut wrong = document;
    wrong["components"][0]["type"] = "nothing".into();
    assert!(!validator.is_valid(&wrong));
}

/// Finds schemas by file name, which is how they refer to each other.
struct Folder(PathBuf);

impl jsonschema::Retrieve for Folder {
    fn retrieve(
        &self,
        uri: &jsonschema::Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let name = uri.path().as_str().rsplit('/').next().unwrap_or_default();
        Ok(serde_json::from_slice(&fs::read(self.0.join(name))?)?)
    }
}

#[test]
fn parts_on_other_volumes_are_named() {
    let scene = Scene::new();
    let root = GuestRoot::empty(&scene, "ID=a\n");
    let Some(_) = root.make_ext(&scene, "disk.raw", &[]) else { return };
    let notes = inventory(&scene, &["disk.raw"])["notes"].to_string();
    assert!(notes.contains("its `/var` is on another volume, which is not looked into"), "{notes}");
    fs::remove_dir_all(scene.path("root/usr")).unwrap();
    root.make_ext(&scene, "disk.raw", &[]).unwrap();
    let transcript = scene.run_refused(scene.program(["sbom", "disk.raw"]));
    let expected = "the whole disk (ext4) has a system whose `/usr` is on another volume, which is not looked into\n";
    assert!(transcript.contains(expected), "{transcript}");
}

/// Sizes that a manifest declares can be anything.
#[test]
fn layers_can_declare_any_size() {
    let scene = Scene::new();
    scene.write("disk.raw", [7; 4096]);
    scene.build_to("oci:out", &["disk.raw", "--platform", "linux/amd64"]);
    let read = |digest: &str| -> Value {
        let path = format!("out/blobs/{}", digest.replace(':', "/"));
        serde_json::from_slice(&scene.read(&path)).unwrap()
    };
    let mut index: Value = serde_json::from_slice(&scene.read("out/index.json")).unwrap();
    let list = read(index["manifests"][0]["digest"].as_str().unwrap());
    let mut manifest = read(list["manifests"][0]["digest"].as_str().unwrap());
    let layer = manifest["layers"][0].clone();
    manifest["layers"].as_array_mut().unwrap().push(layer);
    for layer in manifest["layers"].as_array_mut().unwrap() {
        layer["size"] = u64::MAX.into();
    }
    let bytes = manifest.to_string();
    let digest = diskette_integration::disk::sha256(bytes.as_bytes());
    scene.write(&format!("out/blobs/sha256/{digest}"), &bytes);
    index["manifests"][0]["digest"] = format!("sha256:{digest}").into();
    index["manifests"][0]["size"] = bytes.len().into();
    index["manifests"][0]["mediaType"] = "application/vnd.oci.image.manifest.v1+json".into();
    scene.write("out/index.json", index.to_string());
    for command in ["sbom", "inspect", "verify", "extract"] {
        let outcome = scene.run([command, "oci:out"]);
        assert!(outcome.status < 100, "{command}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("panicked"), "{command}: {}", outcome.stderr);
    }
}
