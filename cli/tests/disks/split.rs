//! Disks that consist of several files, as VMware leaves them: a descriptor, and the extents that it
//! names.
#![expect(
    clippy::too_many_lines,
    reason = "a test is a table of what is done and what is said of it"
)]

use std::os::unix::fs::symlink;
use std::path::Path;

use diskette_integration::disk::{MIB, mixed_bytes, noise_bytes, write_sparse};
use diskette_integration::image::Layout;
use diskette_integration::peer::{self, Peer};
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, str};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Makes a raw disk of 4 GiB and 3 MiB, in two or three extents, with data around the ends of both.
fn write_raw(scene: &Scene) -> std::path::PathBuf {
    let path = scene.path("source.raw");
    let (start, end) = (mixed_bytes(1, MIB), noise_bytes(2, 2 * MIB));
    let gib = 1_u64 << 30;
    let data: [(u64, &[u8]); 4] =
        [(0, &start), (2 * gib - 70_000, &end), (4 * gib - 512, &end), (4 * gib + 2560, &[7; 512])];
    write_sparse(&path, 4 * gib + (3 << 20), &data);
    path
}

/// Builds the image of a disk, and takes the disk out of it.
fn build(scene: &Scene, args: &[&str], name: &str) -> std::path::PathBuf {
    scene.build_to("out", &[&["--no-cache"], args].concat());
    let layout = Layout::open(&scene.path("out"));
    let image = layout.images("1").remove(0);
    let disk = layout.layer_file(&image, &format!("disk/{name}"));
    scene.write(&format!("built/{name}"), disk)
}

fn compare(qemu: &Peer, raw: &Path, built: &Path) {
    let said = qemu.run(["compare", "-f", "raw", "-F", "qcow2", text(raw), text(built)]);
    assert_eq!(said, "Images are identical.\n");
    let said = qemu.run(["check", "-f", "qcow2", text(built)]);
    assert!(said.starts_with("No errors were found on the image.\n"), "{said}");
}

#[test]
fn extents_become_one_disk() {
    let Some(qemu) = peer::find("qemu-img") else { return };
    for kind in ["twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "monolithicFlat"] {
        let scene = Scene::new();
        let raw = write_raw(&scene);
        std::fs::create_dir(scene.path("vm")).unwrap();
        let vmdk = scene.path("vm/disk.vmdk");
        let subformat = format!("subformat={kind}");
        let convert = ["convert", "-f", "raw", "-O", "vmdk", "-o", &subformat];
        qemu.run([&convert[..], &[text(&raw), text(&vmdk)]].concat());
        scene.write_spec("amd64: { disk: { path: vm/disk.vmdk, convert: qcow2 } }");
        compare(&qemu, &raw, &build(&scene, &[], "disk.qcow2"));
        if kind == "twoGbMaxExtentSparse" {
            // The same without a spec, and in a Dockerfile.
            let args = ["vm/disk.vmdk", "--platform", "amd64", "-t", "quay.io/me/vm:1"];
            compare(&qemu, &raw, &build(&scene, &args, "disk.qcow2"));
            scene.write("vm/Dockerfile", "FROM scratch\nCOPY disk.vmdk /disk/\n");
            let args = ["vm", "--convert", "qcow2", "-t", "quay.io/me/vm:1"];
            compare(&qemu, &raw, &build(&scene, &args, "disk.qcow2"));
        }
    }
}

/// An extent of ESX: the header that QEMU calls `VMDK3Header`, a directory, tables of 4096 entries.
#[test]
fn extents_of_esx_become_one_disk() {
    let Some(qemu) = peer::find("qemu-img") else { return };
    let scene = Scene::new();
    let (data, sectors) = (noise_bytes(4, 64 << 10), 40 << 11);
    let mut extent = vec![0; 64 << 10];
    extent[..4].copy_from_slice(b"COWD");
    // Version, flags, sectors, sectors of a grain, directory, its length, and the next free sector.
    for (number, value) in [1, 3, sectors, 1, 4, 20, 128_u32].into_iter().enumerate() {
        extent[4 + number * 4..8 + number * 4].copy_from_slice(&value.to_le_bytes());
    }
    // The second table: sectors 4096 and following.
    extent[4 * 512 + 4..4 * 512 + 8].copy_from_slice(&8_u32.to_le_bytes());
    for grain in 0..128_u32 {
        let at = 8 * 512 + grain as usize * 4;
        extent[at..at + 4].copy_from_slice(&(128 + grain).to_le_bytes());
    }
    extent.extend(data);
    scene.write("vm-1.vmdk", &extent);
    scene.write("vm-flat.vmdk", noise_bytes(5, 1 << 20));
    let descriptor = format!(
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n\
         createType=\"vmfsSparse\"\nRW {sectors} VMFSSPARSE \"vm-1.vmdk\"\nRW 2048 VMFS \"vm-flat.vmdk\"\n"
    );
    let vmdk = scene.write("vm.vmdk", descriptor);
    scene.write_spec("amd64: { disk: { path: vm.vmdk, convert: qcow2 } }");
    let raw = scene.path("expected.raw");
    qemu.run(["convert", "-f", "vmdk", "-O", "raw", text(&vmdk), text(&raw)]);
    compare(&qemu, &raw, &build(&scene, &[], "vm.qcow2"));
}

/// The cache notices a change of any of the files, and so does a build.
#[test]
fn every_extent_counts() {
    let scene = Scene::new();
    scene.write("vm-flat.vmdk", noise_bytes(5, 1 << 20));
    let lines = "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n";
    scene.write("vm.vmdk", format!("{lines}RW 2048 FLAT \"vm-flat.vmdk\" 0\n"));
    scene.write_spec("amd64: { disk: { path: vm.vmdk, convert: raw } }");
    scene.wait_until_old();
    let first = scene.build(&[]);
    assert_eq!(scene.build(&[]), first);
    scene.write("vm-flat.vmdk", noise_bytes(6, 1 << 20));
    let second = scene.build(&[]);
    assert_ne!(first, second);
    assert_eq!(scene.build(&["--no-cache"]), second);
}

/// Runs a build that must fail and change nothing, and compares everything that is printed.
fn check(scene: &Scene, lines: &str, expected: impl IntoData) {
    let head = "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n";
    scene.write("vm.vmdk", format!("{head}{lines}"));
    let command = scene.program(["build", "-o", "out"]);
    assert_data_eq!(scene.run_refused(command), expected.raw());
}

#[test]
fn what_does_not_fit_is_refused() {
    let scene = Scene::new();
    scene.write("a.vmdk", noise_bytes(5, 4096));
    scene.write("tmp/secret", noise_bytes(6, 4096));
    std::fs::create_dir(scene.path("dir.vmdk")).unwrap();
    symlink("/etc/passwd", scene.path("link.vmdk")).unwrap();
    symlink("a.vmdk", scene.path("inside.vmdk")).unwrap();
    scene.write_spec("amd64: { disk: { path: vm.vmdk, convert: qcow2 } }");
    check(
        &scene,
        "RW 8 FLAT \"a.vmdk\" 0\nRW 8 FLAT \"b.vmdk\" 0\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-data-file]: cannot use `vm.vmdk`: its file `b.vmdk` cannot be read: No such file or directory (os error 2)
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: put all files of the disk into one directory, under the names that the disk has for them

"#]],
    );
    check(
        &scene,
        "RW 8 FLAT \"../a.vmdk\" 0\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-data-file]: cannot use `vm.vmdk`: its file `../a.vmdk` is not in the directory of the disk
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: put all files of the disk into one directory, under the names that the disk has for them

"#]],
    );
    check(
        &scene,
        "RW 8 FLAT \"/etc/passwd\" 0\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-data-file]: cannot use `vm.vmdk`: its file `/etc/passwd` is not in the directory of the disk
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: put all files of the disk into one directory, under the names that the disk has for them

"#]],
    );
    check(
        &scene,
        "RW 1 FLAT \"link.vmdk\" 0\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-data-file]: cannot use `vm.vmdk`: its file `link.vmdk` cannot be read: a path led outside of the filesystem
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: put all files of the disk into one directory, under the names that the disk has for them

"#]],
    );
    check(
        &scene,
        "RW 1 FLAT \"dir.vmdk\" 0\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-data-file]: cannot use `vm.vmdk`: its file `dir.vmdk` cannot be read: not a regular file
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: put all files of the disk into one directory, under the names that the disk has for them

"#]],
    );
    check(
        &scene,
        "RW 9 FLAT \"a.vmdk\" 0\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-truncated]: cannot use `vm.vmdk`: its extent `a.vmdk` has 4096 bytes, and 4608 are needed
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: get the disk again; was its download or conversion cut off?

"#]],
    );
    check(
        &scene,
        "RW 8 FLAT \"a.vmdk\" 1\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-truncated]: cannot use `vm.vmdk`: its extent `a.vmdk` has 4096 bytes, and 4608 are needed
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: get the disk again; was its download or conversion cut off?

"#]],
    );
    check(
        &scene,
        "RW 8 SPARSE \"a.vmdk\"\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-malformed]: cannot use `vm.vmdk`: its extent `a.vmdk` is no sparse extent
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: get the disk again, or make it anew

"#]],
    );
    check(
        &scene,
        "RW 8 SESPARSE \"a.vmdk\"\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-unsupported]: cannot use `vm.vmdk`: its extent `a.vmdk` is of the kind SESPARSE
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: use the right file, or convert it to qcow2 with a program that reads its format

"#]],
    );
    check(
        &scene,
        "parentFileNameHint=\"base.vmdk\"\nRW 8 FLAT \"a.vmdk\" 0\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-backing-file]: cannot use `vm.vmdk`: what is not in it is in its parent, base.vmdk
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2 } }
  |                          ^^^^^^^
  |
  = help: make one file of both with `qemu-img convert -O qcow2 vm.vmdk new.qcow2`

"#]],
    );
    scene.write_spec("amd64: { disk: vm.vmdk }");
    check(
        &scene,
        "RW 8 FLAT \"a.vmdk\" 0\n",
        str![[r#"
status: 1
stdout:
stderr:
error[disk-data-file]: cannot use `vm.vmdk`: its data is in other files: a.vmdk
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: vm.vmdk }
  |                  ^^^^^^^
  |
  = help: build with `--convert qcow2`, or `convert: qcow2` in a spec, all of its files in one directory; `qemu-img convert -O qcow2 vm.vmdk new.qcow2` makes one file of them, too

"#]],
    );
    let digits = "0".repeat(64);
    let line =
        format!("amd64: {{ disk: {{ path: vm.vmdk, convert: qcow2, sha256: '{digits}' }} }}");
    scene.write_spec(&line);
    check(
        &scene,
        "RW 8 FLAT \"inside.vmdk\" 0\n",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `vm.vmdk`: a checksum is that of one file, and the disk consists of 2
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: vm.vmdk, convert: qcow2, sha256: '0000000000000000000000000000000000000000000000000000000000000000' } }
  |                          ^^^^^^^
  |
  = help: remove the checksum, or make one file of the disk and name that

"#]],
    );
    scene.write_spec("amd64: { disk: { path: vm.vmdk, convert: qcow2 } }");
    scene.write("vm.vmdk", "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\nRW 8 FLAT \"inside.vmdk\" 0\n");
    scene.build(&[]);
}

/// One extent alone is refused, and so is the descriptor without being converted.
#[test]
fn a_part_is_not_taken_for_the_whole() {
    let Some(qemu) = peer::find("qemu-img") else { return };
    let scene = Scene::new();
    let raw = write_raw(&scene);
    let vmdk = scene.path("vm.vmdk");
    let convert = ["convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=twoGbMaxExtentSparse"];
    qemu.run([&convert[..], &[text(&raw), text(&vmdk)]].concat());
    for disk in ["vm-s001.vmdk", "vm-s003.vmdk"] {
        scene.write_spec(&format!("amd64: {{ disk: {{ path: {disk}, convert: qcow2 }} }}"));
        let outcome = scene.run(["build", "-o", "out"]);
        assert_eq!(outcome.status, 1);
        let said = "it is an extent of a VMDK, without the descriptor that belongs to it";
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("name the whole disk, vm.vmdk"), "{}", outcome.stderr);
    }
    std::fs::remove_file(scene.path("vm-s002.vmdk")).unwrap();
    scene.write_spec("amd64: { disk: { path: vm.vmdk, convert: qcow2 } }");
    let outcome = scene.run(["build", "-o", "out"]);
    let said = "its file `vm-s002.vmdk` cannot be read: No such file or directory";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
}
