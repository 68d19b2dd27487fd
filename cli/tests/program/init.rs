//! `init` writes a spec for the disks of a directory, which builds without changes.

use std::fs::File;

use diskette_integration::disk::{mixed_bytes, qcow2_disk};
use diskette_integration::peer;
use diskette_integration::scene::{self, Scene};
use snapbox::{IntoData as _, assert_data_eq, str};

#[test]
fn a_spec_is_written_and_builds() {
    let scene = Scene::new();
    scene.write("Fedora-Cloud-42.x86_64.qcow2", qcow2_disk(1, 300_000));
    scene.write("Fedora-Cloud-42.aarch64.qcow2", qcow2_disk(2, 300_000));
    scene.write("notes.txt", "not a disk");
    let written = scene.run(["init"]);
    assert_eq!((written.status, written.stdout.len()), (0, 0), "{}", written.stderr);
    let text = String::from_utf8(scene.read("diskette.yaml")).unwrap();
    assert_data_eq!(&text, str![[r#"
# yaml-language-server: $schema=https://raw.githubusercontent.com/diskette/diskette/main/spec-files/diskette.schema.json
apiVersion: diskette/v1
# The repository; `-t` replaces it.
image: registry.invalid/me/fedora-cloud-42
tags: [latest]
# Smaller and faster than gzip; docker reads it from version 23 on.
compression: zstd
platforms:
  # platform by the file name; qcow2, 1 MiB
  linux/amd64:
    disk: Fedora-Cloud-42.x86_64.qcow2
  # platform by the file name; qcow2, 1 MiB
  linux/arm64:
    disk: Fedora-Cloud-42.aarch64.qcow2
# Defaults of virtual machines that use the image.
kubevirt:
  instancetype: u1.medium
  preference: fedora

"#]].raw());
    let built = scene.run(["build", "-q", "-t", "quay.io/me/vm", "-o", "oci:out"]);
    assert_eq!(built.status, 0, "{}", built.stderr);
    let again = scene.run(["init"]);
    assert_eq!(again.status, 1);
    assert!(again.stderr.contains("`./diskette.yaml` already exists"), "{}", again.stderr);
    let printed = scene.run(["init", "-o", "-"]);
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), text);
    assert_eq!(scene.run(["init", "--force", "--image", "quay.io/you/vm"]).status, 0);
    assert!(
        String::from_utf8(scene.read("diskette.yaml")).unwrap().contains("image: quay.io/you/vm\n")
    );
}

#[test]
fn disks_of_all_kinds_are_recognized() {
    let (Some(qemu), Some(xz)) = (peer::find("qemu-img"), peer::find("xz")) else { return };
    let scene = Scene::new();
    let raw = scene.write("disks/1 raw.img", mixed_bytes(1, 70_000));
    let path = |name: &str| scene.path(&format!("disks/{name}")).display().to_string();
    let raw = raw.to_str().unwrap();
    qemu.run(["convert", "-O", "vmdk", raw, &path("win2022.vmdk")]);
    scene.write("disks/debian-12-arm64.qcow2", qcow2_disk(2, 70_000));
    xz.run(["-k", &path("debian-12-arm64.qcow2")]);
    std::fs::remove_file(path("debian-12-arm64.qcow2")).unwrap();
    // One exists compressed and uncompressed, and another has nearly the same name.
    scene.write("disks/twice.qcow2", qcow2_disk(3, 70_000));
    xz.run(["-k", &path("twice.qcow2")]);
    scene.write("disks/twice.raw", mixed_bytes(4, 70_000));
    let written = scene.run(["init", "disks"]);
    assert_eq!(written.status, 0, "{}", written.stderr);
    let text = String::from_utf8(scene.read("disks/diskette.yaml")).unwrap();
    for part in [
        "# Several disks are for one platform: each is an image of its own.\n",
        "image: registry.invalid/me/1-raw\n",
        "    disk: '1 raw.img'\n",
        "  # platform unknown, this machine's; raw, 1 MiB\n",
        "    disk: { path: win2022.vmdk, convert: qcow2 }\n",
        "  preference: windows.2k22\n",
        "  # platform by the file name; compressed with xz, decompressed by the build\n  linux/arm64:\n",
        "    disk: debian-12-arm64.qcow2.xz\n",
        "  preference: debian\n",
        "image: registry.invalid/me/twice\n",
        "image: registry.invalid/me/twice-2\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("twice-3"), "{text}");
    assert_eq!(scene.run(["init", "--force", "--image", "q.io/vm", "disks"]).status, 0);
    let built = scene.run(["build", "-q", "-o", "oci:out", "disks"]);
    assert_eq!(built.status, 0, "{}", built.stderr);
}

#[test]
fn without_a_disk_there_is_nothing_to_write() {
    let scene = Scene::new();
    let none = scene.run(["init"]);
    assert_eq!(none.status, 1);
    assert!(none.stderr.contains("there is no disk in `.`"), "{}", none.stderr);
    let nowhere = scene.run(["init", "gone"]);
    assert!(nowhere.stderr.contains("cannot list `gone`"), "{}", nowhere.stderr);
    assert!(!scene.path("diskette.yaml").exists());
}

#[test]
fn the_repository_is_asked_for_on_a_terminal() {
    let Some(script) = peer::find("script") else { return };
    let check = |answer: &str, status: i32, said: &str, image: Option<&str>| {
        let scene = Scene::new();
        scene.write("Fedora-Cloud-42.x86_64.qcow2", qcow2_disk(1, 300_000));
        let answers = File::open(scene.write("tmp/answers", answer)).unwrap();
        let mut shell = script.command();
        shell.args(["-qec", "\"$DISKETTE\" init", "/dev/null"]).stdin(answers);
        shell.env("DISKETTE", scene::program_path()).current_dir(scene.path(""));
        let outcome = scene.run_command(shell);
        let printed = String::from_utf8_lossy(&outcome.stdout).into_owned();
        assert_eq!(outcome.status, status, "{answer:?}: {printed}");
        assert!(printed.contains("Repository, e.g. quay.io/you/fedora"), "{printed}");
        assert!(printed.contains(said), "{answer:?}: {printed}");
        let written = std::fs::read_to_string(scene.path("diskette.yaml")).ok();
        let line = written
            .as_deref()
            .and_then(|text| text.lines().find_map(|line| line.strip_prefix("image: ")));
        assert_eq!(line, image, "{answer:?}");
    };
    check("quay.io/me/vm\n", 0, "`diskette build --check` checks it", Some("quay.io/me/vm"));
    let placeholder = Some("registry.invalid/me/fedora-cloud-42");
    check("\n", 0, "set `image:` in it to your repository", placeholder);
    check("", 0, "set `image:` in it to your repository", placeholder);
    check("Bad Name\n", 2, "is not an image name", None);
}
