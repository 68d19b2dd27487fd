//! Disks in archives: OVAs with the description of a machine, and tars with a disk in them.
#![expect(
    clippy::too_many_lines,
    reason = "a test is a table of what is done and what is said of it"
)]

use std::path::{Path, PathBuf};

use diskette_integration::disk::{MIB, mixed_bytes, qcow2_disk};
use diskette_integration::image::build_disk;
use diskette_integration::peer::{self, text};
use diskette_integration::qemu_img::QemuImg;
use diskette_integration::scene::Scene;
use snapbox::{IntoData, assert_data_eq, file, str};

/// The description of a machine whose hardware has the second disk first.
fn description(attributes: &str) -> String {
    let item = |disk: &str| {
        format!(
            "<Item><rasd:HostResource>ovf:/disk/{disk}</rasd:HostResource>\
             <rasd:ResourceType>17</rasd:ResourceType></Item>"
        )
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Envelope xmlns=\"http://schemas.dmtf.org/ovf/envelope/1\" \
         xmlns:ovf=\"http://schemas.dmtf.org/ovf/envelope/1\" \
         xmlns:rasd=\"http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData\">\
         <References><File ovf:href=\"a-disk1.vmdk\" ovf:id=\"file1\"/>\
         <File ovf:href=\"a-disk2.vmdk\" ovf:id=\"file2\"{attributes}/></References>\
         <DiskSection><Disk ovf:diskId=\"data\" ovf:fileRef=\"file1\"/>\
         <Disk ovf:diskId=\"root\" ovf:fileRef=\"file2\"/></DiskSection>\
         <VirtualSystem ovf:id=\"vm\"><VirtualHardwareSection>{}{}</VirtualHardwareSection></VirtualSystem></Envelope>",
        item("root"),
        item("data"),
    )
}

/// Makes `appliance.ova`, and returns its disks as raw files: that of the first and the second file.
fn write_ova(scene: &Scene, qemu: &QemuImg, attributes: &str) -> [PathBuf; 2] {
    let raws = [1, 2].map(|number| {
        let raw = scene.write(&format!("raw{number}"), mixed_bytes(number, 5 * MIB));
        let vmdk = scene.path(&format!("a-disk{number}.vmdk"));
        qemu.convert(&raw, &["-o", "subformat=streamOptimized"], ("vmdk", &vmdk));
        raw
    });
    scene.write("a.ovf", description(attributes));
    scene.write("a.mf", "SHA256(a.ovf)= 0\n");
    pack(scene, "appliance.ova", &["a.ovf", "a.mf", "a-disk1.vmdk", "a-disk2.vmdk"]);
    raws
}

fn pack(scene: &Scene, archive: &str, files: &[&str]) {
    let tar = peer::find("tar").unwrap();
    let archive = scene.path(archive);
    let args = ["--auto-compress", "--format=ustar", "-cf", text(&archive)];
    let mut command = tar.command();
    command.args(args).args(files).current_dir(scene.path("."));
    assert!(command.status().unwrap().success());
}

#[test]
fn the_disks_of_an_ova_are_found() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let [first, second] = write_ova(&scene, &qemu, "");
    let check = |disk: &str, expected: &Path| {
        scene.write_spec(&format!("amd64: {{ disk: {{ {disk}, convert: qcow2 }} }}"));
        qemu.assert_equal(
            ("raw", expected),
            ("qcow2", &build_disk(&scene, &[], "appliance.qcow2").path),
        );
    };
    check("path: appliance.ova", &second);
    check("ova: { path: appliance.ova }", &second);
    check("ova: { path: appliance.ova, disk: 1 }", &second);
    check("ova: { path: appliance.ova, disk: 2 }", &first);
    check("ova: { path: appliance.ova, disk: data }", &first);
    check("ova: { path: appliance.ova, disk: a-disk2.vmdk }", &second);
    // Without a spec, the platform is that of this machine.
    std::fs::remove_file(scene.path("diskette.yaml")).unwrap();
    let args = ["appliance.ova", "--platform", "amd64", "-t", "quay.io/me/vm:1"];
    qemu.assert_equal(
        ("raw", &second),
        ("qcow2", &build_disk(&scene, &args, "appliance.qcow2").path),
    );
    let args =
        ["amd64=appliance.ova", "--size", "8Mi", "--name", "vm.qcow2", "-t", "quay.io/me/vm:1"];
    let built = build_disk(&scene, &args, "vm.qcow2").path;
    assert!(qemu.run(["info", "-f", "qcow2", text(&built)]).contains("8 MiB"));
}

#[test]
fn the_disk_of_a_tar_is_taken_as_it_is() {
    let scene = Scene::new();
    let raw = scene.write("disk.raw", mixed_bytes(3, 2 * MIB));
    let qcow2 = scene.write("dir/vm.qcow2", qcow2_disk(4, MIB));
    scene.write("README", "A disk.\n");
    scene.write("._disk.raw", "Made by macOS.\n");
    let check = |archive: &str, files: &[&str], disk: &str, expected: &Path, name: &str| {
        pack(&scene, archive, files);
        scene.write_spec(&format!("amd64: {{ disk: {disk} }}"));
        let built = build_disk(&scene, &[], name).path;
        assert!(std::fs::read(built).unwrap() == std::fs::read(expected).unwrap(), "{archive}");
    };
    let files = ["README", "._disk.raw", "disk.raw"];
    check("vm.tar", &files, "vm.tar", &raw, "vm.img");
    check("vm.tar.gz", &files, "vm.tar.gz", &raw, "vm.img");
    check("vm.tgz", &files, "vm.tgz", &raw, "vm.img");
    check("vm.tar.xz", &files, "{ path: vm.tar.xz, name: boot.raw }", &raw, "boot.raw");
    check("vm.tar.zst", &["dir/vm.qcow2"], "vm.tar.zst", &qcow2, "vm.img");
    let files = ["disk.raw", "dir/vm.qcow2"];
    let second = "{ ova: { path: both.tar.gz, disk: dir/vm.qcow2 } }";
    check("both.tar.gz", &files, second, &qcow2, "both.img");
    check("both.tar", &files, "{ ova: { path: both.tar, disk: 1 } }", &raw, "both.img");
    // A file without the name of a disk is one if it is the only file.
    scene.write("image", mixed_bytes(3, 2 * MIB));
    check("one.tar", &["image"], "one.tar", &raw, "one.img");
}

/// Runs a build that must fail and change nothing, and compares everything that is printed.
fn check(scene: &Scene, disk: &str, expected: impl IntoData) {
    scene.write_spec(&format!("amd64: {{ disk: {disk} }}"));
    let command = scene.program(["build", "-o", "out"]);
    assert_data_eq!(scene.run_refused(command), expected.raw());
}

#[test]
fn what_cannot_be_taken_out_is_refused() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    write_ova(&scene, &qemu, "");
    check(
        &scene,
        "appliance.ova",
        file!["../../errors/disks/cannot-use-its-format-is-vmdk-cdi-converts.stderr"],
    );
    check(
        &scene,
        "{ ova: { path: appliance.ova, disk: 3 }, convert: qcow2 }",
        file!["../../errors/disks/cannot-use-the-archive-has-no-disk-its.stderr"],
    );
    check(
        &scene,
        "{ ova: { path: appliance.ova, disk: b.vmdk }, convert: qcow2 }",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `appliance.ova`: the archive has no disk `b.vmdk`; its disks are `a-disk2.vmdk`, `a-disk1.vmdk`
 --> ./diskette.yaml:5:33
  |
5 |   amd64: { disk: { ova: { path: appliance.ova, disk: b.vmdk }, convert: qcow2 } }
  |                                 ^^^^^^^^^^^^^
  |
  = help: `disk:` takes the name of a file, or its position from 1 on

"#]],
    );
    check(
        &scene,
        "{ ova: { disk: 1 } }",
        str![[r#"
status: 1
stdout:
stderr:
error: `ova` has no `path`
 --> ./diskette.yaml:5:20
  |
5 |   amd64: { disk: { ova: { disk: 1 } } }
  |                    ^^^
  |
  = help: add `path:` with the path of the archive

"#]],
    );
    check(
        &scene,
        "{ ova: { path: appliance.ova }, url: 'https://example.com/a' }",
        str![[r#"
status: 1
stdout:
stderr:
error: both `ova` and `url` are given
 --> ./diskette.yaml:5:55
  |
5 |   amd64: { disk: { ova: { path: appliance.ova }, url: 'https://example.com/a' } }
  |                                                       ^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: content comes from one place; remove one of the two

"#]],
    );
    pack(&scene, "appliance.ova", &["a.ovf", "a-disk1.vmdk"]);
    check(
        &scene,
        "{ path: appliance.ova, convert: qcow2 }",
        file!["../../errors/disks/cannot-use-which-its-description-names.stderr"],
    );
    scene.write("appliance.ova", vec![1; 4096]);
    check(
        &scene,
        "{ path: appliance.ova, convert: qcow2 }",
        file!["../../errors/disks/cannot-use-there-is-no-valid-tar-header.stderr"],
    );
    write_ova(&scene, &qemu, " ovf:compression=\"gzip\"");
    check(
        &scene,
        "{ path: appliance.ova, convert: qcow2 }",
        file!["../../errors/disks/cannot-use-the-disk-in-it-is-compressed.stderr"],
    );
    write_ova(&scene, &qemu, " ovf:chunkSize=\"1\"");
    check(
        &scene,
        "{ path: appliance.ova, convert: qcow2 }",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `appliance.ova`: the disk `a-disk2.vmdk` in it is split into chunks
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: appliance.ova, convert: qcow2 } }
  |                          ^^^^^^^^^^^^^
  |
  = help: take the disk out of the archive, decompress it, and name the result

"#]],
    );
    scene.write("a.ovf", "<a>");
    pack(&scene, "appliance.ova", &["a.ovf", "a-disk1.vmdk"]);
    check(
        &scene,
        "{ path: appliance.ova, convert: qcow2 }",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `appliance.ova`: its description: it is not XML: the root node was opened but never closed
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: appliance.ova, convert: qcow2 } }
  |                          ^^^^^^^^^^^^^
  |
  = help: check that the archive is complete, and the right one

"#]],
    );
    pack(&scene, "two.tar", &["a-disk1.vmdk", "a-disk2.vmdk"]);
    check(
        &scene,
        "{ path: two.tar, convert: qcow2 }",
        file!["../../errors/disks/cannot-use-the-archive-has-several-disks.stderr"],
    );
    pack(&scene, "one.tar.gz", &["a-disk1.vmdk"]);
    check(
        &scene,
        "{ path: one.tar.gz, convert: qcow2 }",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `one.tar.gz`: a disk is converted or resized from a file that can be read in any order; this is compressed with gzip
 --> ./diskette.yaml:5:26
  |
5 |   amd64: { disk: { path: one.tar.gz, convert: qcow2 } }
  |                          ^^^^^^^^^^
  |
  = help: unpack it first, and name the unpacked file
  = help: or pass `--spool DIR`, which writes it to a temporary file in that directory

"#]],
    );
    std::fs::create_dir(scene.path("empty")).unwrap();
    pack(&scene, "none.tar", &["empty"]);
    check(
        &scene,
        "none.tar",
        file!["../../errors/disks/cannot-use-there-is-no-disk-in-the-archive.stderr"],
    );
    scene.write("disk.raw", mixed_bytes(1, MIB));
    std::fs::rename(scene.path("raw1"), scene.path("raw1.img.gz")).unwrap();
    pack(&scene, "packed.tar", &["raw1.img.gz"]);
    check(
        &scene,
        "packed.tar",
        str![[r#"
status: 1
stdout:
stderr:
error: cannot use `packed.tar`: the disk `raw1.img.gz` in it is compressed with gzip
 --> ./diskette.yaml:5:18
  |
5 |   amd64: { disk: packed.tar }
  |                  ^^^^^^^^^^
  |
  = help: take the disk out of the archive, decompress it, and name the result

"#]],
    );
    scene.write_spec(
        "amd64: { disk: disk.raw, files: [{ path: /a, source: { ova: { path: a.ova } } }] }",
    );
    let command = scene.program(["build", "-o", "out"]);
    assert_data_eq!(
        scene.run_refused(command),
        str![[r#"
status: 1
stdout:
stderr:
error: `ova` is for disks
 --> ./diskette.yaml:5:71
  |
5 |   amd64: { disk: disk.raw, files: [{ path: /a, source: { ova: { path: a.ova } } }] }
  |                                                                       ^^^^^
  |
  = help: other files are taken as they are; remove `ova`

"#]]
        .raw()
    );
}
