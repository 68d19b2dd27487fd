//! What `diskette manifests vm` makes of what is in an image: disks that boot by UEFI alone, CDs,
//! kernels, and disks at other paths.

use diskette_integration::bootable::{Processor, bios_disk, uefi_disk};
use diskette_integration::kubernetes;
use diskette_integration::scene::Scene;
use serde_json::{Value, json};
use snapbox::{IntoData as _, assert_data_eq, str};

/// Offset of the certificate table's entry behind the header of a PE32+ program.
const CERTIFICATES_AT: usize = 24 + 112 + 4 * 8;

/// Returns a disk whose boot loader has a signature.
fn signed_disk(processor: Processor) -> Vec<u8> {
    let mut disk = uefi_disk(processor, "x");
    let header = disk.windows(4).position(|bytes| bytes == b"PE\0\0").unwrap();
    disk[header + CERTIFICATES_AT..][..8].copy_from_slice(&[0, 4, 0, 0, 8, 0, 0, 0]);
    disk
}

/// Returns a disk that boots by UEFI, with code for a BIOS and the first partition marked for it.
fn with_code(code: &[u8], is_active: bool) -> Vec<u8> {
    let mut disk = uefi_disk(Processor::Amd64, "x");
    disk[..code.len()].copy_from_slice(code);
    disk[446] = if is_active { 0x80 } else { 0 };
    disk
}

/// Returns a CD with a catalogue of what boots: a program for the BIOS, a file system for EFI.
fn cd(has_bios: bool, has_efi: bool) -> Vec<u8> {
    const BLOCK: usize = 2048;
    let file_system = &uefi_disk(Processor::Amd64, "x")[1 << 20..];
    let mut disk = vec![0; 40 * BLOCK];
    disk.extend(file_system);
    let blocks = u32::try_from(disk.len() / BLOCK).unwrap();
    let mut put = |at: usize, bytes: &[u8]| disk[at..at + bytes.len()].copy_from_slice(bytes);
    put(16 * BLOCK, b"\x01CD001\x01\0");
    put(16 * BLOCK + 80, &blocks.to_le_bytes());
    put(16 * BLOCK + 128, &[0, 8]);
    put(17 * BLOCK, b"\0CD001\x01EL TORITO SPECIFICATION");
    put(17 * BLOCK + 0x47, &[30]);
    let mut at = 30 * BLOCK;
    put(at, &[1]);
    if has_bios {
        at += 32;
        put(at, &[0x88]);
    }
    if has_efi {
        put(at + 32, &[0x91, 0xef]);
        put(at + 64, &[0x88, 0, 0, 0, 0, 0, 0, 0, 40]);
    }
    disk
}

/// Builds an image of disks for some architectures, and returns the scene.
fn scene(disks: &[(&str, Vec<u8>)], rest: &str) -> Scene {
    let scene = Scene::new();
    let mut platforms = Vec::new();
    for (architecture, disk) in disks {
        scene.write(&format!("{architecture}.raw"), disk);
        platforms.push(format!("linux/{architecture}: {{ disk: {architecture}.raw }}"));
    }
    scene.write("vmlinuz", "kernel");
    scene.write("initramfs", "initramfs");
    scene.write_spec(&format!("{}\n{rest}", platforms.join("\n  ")));
    scene.build(&[]);
    scene
}

/// Returns the machine that is written for the image in `out`.
fn machine(scene: &Scene, args: &[&str]) -> Value {
    let out = ["manifests", "vm", "oci:out:1", "--image", "quay.io/me/vm:1", "--by-tag"];
    let outcome = scene.run(out.iter().chain(args));
    assert_eq!((outcome.status, &outcome.stderr[..]), (0, ""), "{args:?}");
    let object = kubernetes::parse_objects(&String::from_utf8(outcome.stdout).unwrap()).remove(0);
    kubernetes::check_object(&object);
    object["spec"].clone()
}

fn domain(scene: &Scene, args: &[&str]) -> Value {
    machine(scene, args)["template"]["spec"]["domain"].clone()
}

#[test]
fn disks_that_boot_by_uefi_alone_get_it() {
    let check = |disks: &[(&str, Vec<u8>)], args: &[&str], expected: Option<bool>| {
        let domain = domain(&scene(disks, ""), args);
        let names: Vec<&str> = disks.iter().map(|(name, _)| *name).collect();
        let efi = |secure| json!({ "bootloader": { "efi": { "secureBoot": secure } } });
        let firmware = expected.map_or(Value::Null, efi);
        assert_eq!(domain["firmware"], firmware, "{names:?} {args:?}");
        let smm = if expected == Some(true) { json!({ "smm": {} }) } else { Value::Null };
        assert_eq!(domain["features"], smm, "{names:?} {args:?}");
    };
    let uefi = || uefi_disk(Processor::Amd64, "x");
    let arm = || uefi_disk(Processor::Arm64, "x");
    check(&[("amd64", bios_disk("x"))], &[], None);
    check(&[("amd64", uefi())], &[], Some(false));
    check(&[("amd64", uefi())], &["--preference", "fedora"], Some(false));
    check(&[("amd64", signed_disk(Processor::Amd64))], &[], Some(true));
    check(&[("amd64", signed_disk(Processor::Amd64))], &["--preference", "windows.11"], None);
    check(&[("amd64", with_code(b"\xfa code", false))], &[], Some(false));
    check(&[("amd64", with_code(b"\xfa code", true))], &[], None);
    check(&[("amd64", with_code(b"\xebcGRUB ", false))], &[], None);
    check(&[("arm64", signed_disk(Processor::Arm64))], &[], Some(false));
    let both = [("amd64", signed_disk(Processor::Amd64)), ("arm64", arm())];
    check(&both, &[], Some(false));
    check(&both, &["--platform", "amd64"], Some(true));
    check(&[("amd64", bios_disk("x")), ("arm64", arm())], &[], None);
    check(&[("amd64", cd(true, true))], &[], None);
    check(&[("amd64", cd(false, true))], &[], Some(false));
}

#[test]
fn compressed_layers_are_read_as_far_as_the_loader() {
    // The loader is behind the first 17 MiB of the disk.
    let mut disk = uefi_disk(Processor::Amd64, "x");
    disk[446 + 8..446 + 12].copy_from_slice(&(17_u32 << 11).to_le_bytes());
    disk.splice(1 << 20..1 << 20, vec![0; 16 << 20]);
    let header = disk.windows(4).position(|bytes| bytes == b"PE\0\0").unwrap();
    disk[header + CERTIFICATES_AT..][..8].copy_from_slice(&[0, 4, 0, 0, 8, 0, 0, 0]);
    let scene = scene(&[("amd64", disk)], "");
    assert_eq!(domain(&scene, &[])["firmware"]["bootloader"]["efi"]["secureBoot"], true);
}

#[test]
fn cds_are_in_drives() {
    let pc = scene(&[("amd64", cd(true, false))], "");
    let spec = machine(&pc, &[]);
    let disks = &spec["template"]["spec"]["domain"]["devices"]["disks"];
    assert_eq!(*disks, json!([{ "name": "cdrom", "cdrom": { "bus": "sata" } }]));
    let spec = machine(&pc, &["--empty-disk", "20Gi", "--storage-class", "fast"]);
    let instance = &spec["template"]["spec"];
    let disks = json!([
        { "name": "root", "disk": { "bus": "virtio" }, "bootOrder": 1 },
        { "name": "cdrom", "cdrom": { "bus": "sata" }, "bootOrder": 2 },
    ]);
    assert_eq!(instance["domain"]["devices"]["disks"], disks);
    let volumes = json!([
        { "name": "root", "dataVolume": { "name": "vm-root" } },
        { "name": "cdrom", "containerDisk": { "image": "quay.io/me/vm:1" } },
    ]);
    assert_eq!(instance["volumes"], volumes);
    let storage =
        json!({ "resources": { "requests": { "storage": "20Gi" } }, "storageClassName": "fast" });
    let templates = json!([
        { "metadata": { "name": "vm-root" }, "spec": { "source": { "blank": {} }, "storage": storage } },
    ]);
    assert_eq!(spec["dataVolumeTemplates"], templates);
    // Both have a volume of their own.
    let spec = machine(&pc, &["--empty-disk", "20Gi", "--disk", "import"]);
    let names = [0, 1].map(|number| &spec["dataVolumeTemplates"][number]["metadata"]["name"]);
    assert_eq!(names, ["vm-root", "vm-cdrom"]);
    let arm = scene(&[("arm64", cd(false, true))], "");
    let disks = &domain(&arm, &[])["devices"]["disks"];
    assert_eq!(*disks, json!([{ "name": "cdrom", "cdrom": { "bus": "scsi" } }]));
}

#[test]
fn kernels_are_started_by_kubevirt() {
    let files = "files:\n  - { path: /boot/initramfs, source: initramfs }\n  - { path: /boot/vmlinuz, source: vmlinuz }";
    let with_disk = scene(&[("amd64", uefi_disk(Processor::Amd64, "x"))], files);
    let args = ["--kernel-args", "console=ttyS0", "--pull-secret", "pull"];
    let found = domain(&with_disk, &args);
    let container = json!({
        "image": "quay.io/me/vm:1",
        "imagePullSecret": "pull",
        "initrdPath": "/boot/initramfs",
        "kernelPath": "/boot/vmlinuz",
    });
    let boot = json!({ "container": container, "kernelArgs": "console=ttyS0" });
    assert_eq!(found["firmware"], json!({ "kernelBoot": boot }));
    assert_eq!(found["devices"]["disks"][0]["name"], "root");

    let scene = Scene::new();
    scene.allow_bad_images("an image with a kernel alone");
    scene.write("vmlinuz-6.1", "kernel");
    scene.write("Dockerfile", "FROM scratch\nCOPY --chown=107:107 vmlinuz-6.1 /boot/\n");
    scene.build_to("out", &["-f", "Dockerfile", "-t", "quay.io/me/vm:1", "."]);
    let spec = machine(&scene, &[]);
    let instance = &spec["template"]["spec"];
    let container = json!({ "image": "quay.io/me/vm:1", "kernelPath": "/boot/vmlinuz-6.1" });
    assert_eq!(instance["domain"]["firmware"], json!({ "kernelBoot": { "container": container } }));
    assert_eq!((&instance["volumes"], &spec["dataVolumeTemplates"]), (&json!([]), &Value::Null));
    let spec = machine(&scene, &["--empty-disk", "1Gi"]);
    let volume = json!([{ "name": "root", "dataVolume": { "name": "vm-root" } }]);
    assert_eq!(spec["template"]["spec"]["volumes"], volume);
}

#[test]
fn disks_may_be_at_other_paths() {
    let scene = Scene::new();
    scene.allow_bad_images("a disk that is not in /disk");
    scene.write("disk.raw", cd(true, false));
    scene.write("Dockerfile", "FROM scratch\nCOPY --chown=107:107 disk.raw /images/cd.raw\n");
    scene.build_to("out", &["-f", "Dockerfile", "-t", "quay.io/me/vm:1", "."]);
    let spec = machine(&scene, &["--path", "/images/cd.raw"]);
    let volume = &spec["template"]["spec"]["volumes"][0]["containerDisk"];
    assert_eq!(*volume, json!({ "image": "quay.io/me/vm:1", "path": "/images/cd.raw" }));
    let disk = &spec["template"]["spec"]["domain"]["devices"]["disks"][0];
    assert_eq!(disk["cdrom"]["bus"], "sata");
    let out = ["manifests", "vm", "oci:out:1", "--image", "quay.io/me/vm:1"];
    let check = |args: &[&str], expected: snapbox::data::Inline| {
        assert_data_eq!(scene.run_refused(scene.program(out.iter().chain(args))), expected.raw());
    };
    check(
        &["--path", "/images/other.raw"],
        str![[r#"
status: 2
stdout:
stderr:
error: the image has no file `/images/other.raw`
 |
 = help: name the path of its disk, or leave out `--path`

"#]],
    );
    check(
        &["--path", "/images/cd.raw", "--disk", "import"],
        str![[r#"
status: 2
stdout:
stderr:
error: `--path` is for a disk in the image, and CDI imports from `/disk` alone
 |
 = help: use `--disk image`

"#]],
    );
    check(
        &["--path", "/images/../cd.raw"],
        str![[r#"
status: 2
stdout:
stderr:
error: invalid value '/images/../cd.raw' for '--path <PATH>': write it like `/images/disk.qcow2`: no `.`, no `..`, no slash doubled or at the end

For more information, try '--help'.

"#]],
    );
    check(
        &["--path", "/images/cd.raw", "--kernel-args", "quiet"],
        str![[r#"
status: 2
stdout:
stderr:
error: no kernel is seen in the image's `/boot`
 |
 = help: leave out `--kernel-args`

"#]],
    );
}

#[test]
fn an_image_with_a_disk_needs_no_empty_one() {
    let scene = scene(&[("amd64", bios_disk("x"))], "");
    let out = ["manifests", "vm", "oci:out:1", "--image", "quay.io/me/vm:1", "--empty-disk", "1Gi"];
    assert_data_eq!(
        scene.run_refused(scene.program(out)),
        str![[r#"
status: 2
stdout:
stderr:
error: the image has a disk, which the machine boots
 |
 = help: leave out `--empty-disk`: it is for CDs and kernels

"#]]
        .raw()
    );
}
