//! Disks in archives: OVAs with the description of a machine, and tars with a disk in them.
#![expect(
    clippy::too_many_lines,
    reason = "a test is a table of what is done and what is said of it"
)]

use std::path::{Path, PathBuf};

use diskette_integration::disk::{MIB, mixed_bytes, qcow2_disk};
use diskette_integration::image::build_disk;
use diskette_integration::kubernetes::{self, ObjectTypes};
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
    write_ova(&scene, &qemu, " ovf:compression=\"bzip2\"");
    check(
        &scene,
        "{ path: appliance.ova, convert: qcow2 }",
        file!["../../errors/disks/cannot-use-its-description-is-compressed.stderr"],
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

/// A tar with one disk is built without a spec, and one with a Dockerfile is no disk.
#[test]
fn a_tar_is_named_as_a_disk() {
    let scene = Scene::new();
    scene.write("vm.raw", mixed_bytes(1, MIB));
    let qcow2 = scene.write("vm.qcow2", qcow2_disk(4, MIB));
    let build = |archive: &str| {
        let args = [archive, "--platform", "amd64", "-t", "quay.io/me/vm:1"];
        let built = build_disk(&scene, &args, "vm.img").path;
        assert!(std::fs::read(built).unwrap() == std::fs::read(&qcow2).unwrap(), "{archive}");
    };
    for archive in ["vm.tar", "vm.tar.gz", "vm.tgz", "vm.tar.zst"] {
        pack(&scene, archive, &["vm.qcow2"]);
        build(archive);
    }
    let check = |archive: &str, expected: &str| {
        let outcome = scene.run(["build", "-q", archive, "-o", "other"]);
        assert_eq!(outcome.status, 1, "{archive}");
        assert!(outcome.stderr.contains(expected), "{archive} {}", outcome.stderr);
    };
    scene.write("Dockerfile", "FROM scratch\nADD vm.qcow2 /disk/\n");
    for archive in ["ctx.tar", "ctx.tar.gz"] {
        pack(&scene, archive, &["Dockerfile", "vm.qcow2"]);
        check(archive, "the archive is a build context: it has `Dockerfile`");
    }
    scene.write_spec("amd64: { disk: { ova: { path: ctx.tar.gz, disk: 1 } } }");
    let named = build_disk(&scene, &[], "ctx.img").path;
    assert!(std::fs::read(named).unwrap() == std::fs::read(&qcow2).unwrap());
    std::fs::remove_file(scene.path("diskette.yaml")).unwrap();
    pack(&scene, "two.tar", &["vm.raw", "vm.qcow2"]);
    check("two.tar", "the archive has several disks: `vm.raw`, `vm.qcow2`");
    scene.build_to("oci-archive:image.tar", &["vm.qcow2", "-t", "quay.io/me/vm:1"]);
    check("image.tar", "the archive has several disks");
}

/// Compresses a file with gzip beside it.
fn gzip(scene: &Scene, file: &str) {
    let args = ["-kf", text(&scene.path(file))].map(str::to_owned);
    assert!(peer::find("gzip").unwrap().command().args(args).status().unwrap().success());
}

/// Splits a file into chunks as descriptions of machines name them; returns how many.
fn split(scene: &Scene, file: &str, size: u64) -> Vec<String> {
    let (path, size) = (scene.path(file), size.to_string());
    let mut command = peer::find("split").unwrap().command();
    command.args(["-a", "9", "-d", "-b", &size, text(&path), &format!("{}.", text(&path))]);
    assert!(command.status().unwrap().success());
    let names = (0..).map(|number| format!("{file}.{number:09}"));
    names.take_while(|name| scene.path(name).exists()).collect()
}

/// Makes `appliance.ova` of a description and files.
fn pack_ova(scene: &Scene, text: String, files: &[String]) {
    scene.write("a.ovf", text);
    let files: Vec<&str> = ["a.ovf"].into_iter().chain(files.iter().map(|it| &**it)).collect();
    pack(scene, "appliance.ova", &files);
}

#[test]
fn disks_of_an_ova_are_compressed_and_split() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let [_, raw] = write_ova(&scene, &qemu, "");
    gzip(&scene, "a-disk2.vmdk");
    let packed = |rest: &str| {
        let attributes = format!(" ovf:compression=\"gzip\"{rest}");
        description(&attributes).replace("a-disk2.vmdk", "a-disk2.vmdk.gz")
    };
    let check = |args: &[&str]| {
        scene.write_spec("amd64: { disk: { path: appliance.ova, convert: qcow2 } }");
        let built = build_disk(&scene, args, "appliance.qcow2").path;
        qemu.assert_equal(("raw", &raw), ("qcow2", &built));
    };
    pack_ova(&scene, packed(""), &["a-disk2.vmdk.gz".into()]);
    check(&["--spool", "."]);
    let chunks = split(&scene, "a-disk2.vmdk", 700_000);
    assert!(chunks.len() > 3);
    let size = std::fs::metadata(scene.path("a-disk2.vmdk")).unwrap().len();
    pack_ova(
        &scene,
        description(&format!(" ovf:chunkSize=\"700000\" ovf:size=\"{size}\"")),
        &chunks,
    );
    // It is read in any order.
    check(&[]);
    gzip(&scene, "appliance.ova");
    std::fs::rename(scene.path("appliance.ova.gz"), scene.path("appliance.ova")).unwrap();
    check(&["--spool", "."]);
    let chunks = split(&scene, "a-disk2.vmdk.gz", 300_000);
    pack_ova(&scene, packed(" ovf:chunkSize=\"300000\""), &chunks);
    check(&["--spool", "."]);
}

#[test]
fn chunks_that_do_not_fit_are_refused() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    write_ova(&scene, &qemu, "");
    scene.write_spec("amd64: { disk: { path: appliance.ova, convert: qcow2 } }");
    let size = std::fs::metadata(scene.path("a-disk2.vmdk")).unwrap().len();
    let mut chunks = split(&scene, "a-disk2.vmdk", 700_000);
    let check = |size: u64, chunk: u64, chunks: &[String], expected: &str| {
        let attributes = format!(" ovf:chunkSize=\"{chunk}\" ovf:size=\"{size}\"");
        pack_ova(&scene, description(&attributes), chunks);
        let outcome = scene.run(["build", "-q", "-o", "out"]);
        let error = format!("error: cannot use `appliance.ova`: {expected}\n");
        assert!(outcome.stderr.starts_with(&error), "{}", outcome.stderr);
    };
    let (first, middle) = (&chunks[..1], &chunks[1..]);
    let missing = "which its description names, is not in the archive";
    check(size, 700_000, middle, &format!("`a-disk2.vmdk.000000000`, {missing}"));
    check(
        size,
        700_000,
        first,
        &format!("`a-disk2.vmdk` has 700000 bytes, and its description says {size}"),
    );
    check(
        size,
        7,
        &chunks,
        "`a-disk2.vmdk.000000000` has 700000 bytes, and its description says 7",
    );
    chunks.reverse();
    check(size, 700_000, &chunks, "the chunks of `a-disk2.vmdk` are not in their order");
}

#[test]
fn a_compressed_disk_in_a_tar_is_decompressed() {
    let scene = Scene::new();
    let qcow2 = scene.write("vm.qcow2", qcow2_disk(4, MIB));
    gzip(&scene, "vm.qcow2");
    pack(&scene, "vm.tar", &["vm.qcow2.gz"]);
    pack(&scene, "vm.tar.gz", &["vm.qcow2.gz"]);
    for archive in ["vm.tar", "vm.tar.gz"] {
        let sum = diskette_integration::disk::sha256(&scene.read(archive));
        scene.write_spec(&format!("amd64: {{ disk: {{ path: {archive}, sha256: {sum} }} }}"));
        let built = build_disk(&scene, &[], "vm.img").path;
        assert!(std::fs::read(built).unwrap() == std::fs::read(&qcow2).unwrap(), "{archive}");
        let wrong = "a".repeat(64);
        scene.write_spec(&format!("amd64: {{ disk: {{ path: {archive}, sha256: {wrong} }} }}"));
        let outcome = scene.run(["build", "-q", "-o", "out"]);
        let error = format!(
            "error: cannot use `{archive}`: the checksum is wrong: expected sha256:{wrong}, found sha256:{sum}\n"
        );
        assert!(outcome.stderr.starts_with(&error), "{}", outcome.stderr);
    }
    let mut damaged = scene.read("vm.qcow2.gz");
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    scene.write("vm.qcow2.gz", damaged);
    pack(&scene, "vm.tar", &["vm.qcow2.gz"]);
    scene.write_spec("amd64: { disk: vm.tar }");
    let outcome = scene.run(["build", "-q", "-o", "out"]);
    assert!(outcome.stderr.contains("damaged gzip data"), "{}", outcome.stderr);
}

/// A description of a machine as VMware writes it, with the disks of `write_ova`.
fn machine_description() -> String {
    let item = |fields: &str| format!("<Item>{fields}</Item>");
    let controller = "<rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>VirtualSCSI</rasd:ResourceSubType><rasd:ResourceType>6</rasd:ResourceType>";
    let sata = "<rasd:InstanceID>4</rasd:InstanceID><rasd:ResourceSubType>vmware.sata.ahci</rasd:ResourceSubType><rasd:ResourceType>20</rasd:ResourceType>";
    let cpus = "<rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>4</rasd:VirtualQuantity><vmw:CoresPerSocket>2</vmw:CoresPerSocket>";
    let memory = "<rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>3072</rasd:VirtualQuantity>";
    let network = "<rasd:Address>00:50:56:aa:bb:cc</rasd:Address><rasd:ResourceSubType>E1000e</rasd:ResourceSubType><rasd:ResourceType>10</rasd:ResourceType>";
    let firmware = "<vmw:Config vmw:key=\"firmware\" vmw:value=\"efi\"/><vmw:Config vmw:key=\"bootOptions.efiSecureBootEnabled\" vmw:value=\"true\"/>";
    let hardware = [cpus, memory, network, controller, sata].map(item).concat() + firmware;
    let text = description("")
        .replace("xmlns:rasd", "xmlns:vmw=\"http://www.vmware.com/schema/ovf\" xmlns:rasd")
        .replace(
            "<VirtualHardwareSection>",
            &format!("<Name>Shop 1</Name><VirtualHardwareSection>{hardware}"),
        );
    let parent = |text: String, disk: &str, parent: u8| {
        let resource = format!("<rasd:HostResource>ovf:/disk/{disk}</rasd:HostResource>");
        text.replace(&resource, &format!("{resource}<rasd:Parent>{parent}</rasd:Parent>"))
    };
    parent(parent(text, "root", 3), "data", 4)
}

#[test]
fn the_machine_of_an_ova_is_written() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    let [first, second] = write_ova(&scene, &qemu, "");
    let disks = ["a-disk1.vmdk", "a-disk2.vmdk"].map(str::to_owned);
    pack_ova(&scene, machine_description(), &disks);
    let written = scene.run(["manifests", "vm", "appliance.ova", "--namespace", "prod"]);
    assert_data_eq!(
        String::from_utf8(written.stdout).unwrap(),
        str![[r#"
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: shop-1
  namespace: prod
spec:
  runStrategy: Halted
  template:
    metadata: {}
    spec:
      domain:
        cpu:
          cores: 2
          sockets: 2
          threads: 1
        devices:
          disks:
          - disk:
              bus: scsi
            name: root
          - disk:
              bus: sata
            name: data
          interfaces:
          - masquerade: {}
            model: e1000e
            name: default
        features:
          smm: {}
        firmware:
          bootloader:
            efi:
              secureBoot: true
        memory:
          guest: 3Gi
      networks:
      - name: default
        pod: {}
      volumes:
      - name: root
        persistentVolumeClaim:
          claimName: shop-1-root
      - name: data
        persistentVolumeClaim:
          claimName: shop-1-data

"#]]
    );
    let named = scene.run(["manifests", "vm", "appliance.ova", "--name", "web"]);
    let named = String::from_utf8(named.stdout).unwrap();
    for object in kubernetes::parse_objects(&named) {
        kubernetes::check_object(&object);
        if let Some(types) = ObjectTypes::load() {
            types.check(&object);
        }
    }
    assert!(named.contains("  name: web\n") && named.contains("claimName: web-root"), "{named}");

    scene.write(
        "diskette.yaml",
        "apiVersion: diskette/v1\nkind: vm\nvm: { ova: appliance.ova }\nplatforms: { amd64: {} }\n",
    );
    scene.build_to("vm", &["-t", "quay.io/me/shop:1"]);
    assert_eq!(scene.run(["verify", "--strict", "vm"]).status, 0);
    for (volume, raw) in [("root", &second), ("data", &first)] {
        let args = ["extract", "-q", "--disk", volume, "-o", volume, "vm"];
        assert_eq!(scene.run(args).status, 0);
        assert!(scene.read(volume) == std::fs::read(raw).unwrap(), "{volume}");
    }
    // Another disk takes the place of one.
    scene.write("new.raw", mixed_bytes(7, MIB));
    scene.write(
        "diskette.yaml",
        "apiVersion: diskette/v1\nkind: vm\nvm: { ova: appliance.ova }\nplatforms: { amd64: { disks: { data: new.raw } } }\n",
    );
    scene.build_to("other", &["-t", "quay.io/me/shop:1"]);
    assert_eq!(scene.run(["extract", "-q", "--disk", "data", "-o", "new", "other"]).status, 0);
    assert!(scene.read("new") == scene.read("new.raw"));
    assert_eq!(scene.run(["extract", "-q", "--disk", "root", "-o", "old", "other"]).status, 0);
    assert!(scene.read("old") == std::fs::read(&second).unwrap());
}

#[test]
fn machines_that_cannot_be_written_are_refused() {
    let Some(qemu) = QemuImg::find() else { return };
    let scene = Scene::new();
    write_ova(&scene, &qemu, "");
    let check = |args: &[&str], status: i32, expected: &str| {
        let outcome = scene.run(args);
        assert_eq!(outcome.status, status, "{args:?} {}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{args:?} {}", outcome.stderr);
    };
    let ova = "appliance.ova";
    check(&["manifests", "pvc", ova], 2, "an OVA has a virtual machine alone");
    check(&["manifests", "vm", ova, "--memory", "1Gi"], 2, "`--memory` is for images, and an OVA");
    check(&["manifests", "vm", ova, "--by-tag"], 2, "`--by-tag` is for images, and an OVA");
    let spec = |rest: &str| {
        scene.write(
            "diskette.yaml",
            format!(
                "apiVersion: diskette/v1\nkind: vm\nvm: {rest}\nplatforms: {{ amd64: {{}} }}\n"
            ),
        );
    };
    let build = ["build", "-q", "-o", "out"];
    spec("{ ova: none.ova }");
    check(&build, 1, "cannot use `none.ova`: ");
    spec("{ ova: appliance.ova, disk: 1 }");
    check(&build, 1, "unknown key `disk` in `vm`");
    scene.write(
        "machine.yaml",
        "{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: a}}",
    );
    spec("machine.yaml");
    check(&build, 1, "a platform has no `disks`");
    let two =
        description("").replace("<VirtualSystem ", "<VirtualSystem ovf:id=\"b\"/><VirtualSystem ");
    let disks = ["a-disk1.vmdk", "a-disk2.vmdk"].map(str::to_owned);
    pack_ova(&scene, two, &disks);
    check(&["manifests", "vm", ova], 1, "`appliance.ova` does not describe one virtual machine");
    spec("{ ova: appliance.ova }");
    check(
        &build,
        1,
        "cannot use `appliance.ova`: its description is not that of one virtual machine",
    );
    pack(&scene, "appliance.ova", &["a-disk1.vmdk"]);
    check(&["manifests", "vm", ova], 1, "it has no description of a machine");
    check(&build, 1, "cannot use `appliance.ova`: it has no description of a machine");
}
