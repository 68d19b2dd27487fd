//! Tests of what KubeVirt's webhook for machines accepts.

use serde_json::{Value, json};

use super::*;

const HERE: ObjectMeta<'_> = ObjectMeta { name: "vm", namespace: None };

fn options() -> MachineOptions<'static> {
    MachineOptions {
        root: RootDisk::Image,
        instancetype: None,
        preference: None,
        memory: Quantity::fitting(2 << 30),
        cpus: None,
        content: MachineContent::default(),
        path: None,
        empty_disk: None,
        kernel_args: None,
        user_data: None,
    }
}

/// Returns the spec of the instance of a machine.
fn instance(options: &MachineOptions<'_>) -> Value {
    let subject = ImageSubject {
        reference: "quay.io/me/vm:1".parse().unwrap(),
        architecture: None,
        labels: std::collections::BTreeMap::new(),
    };
    let object = virtual_machine(HERE, &subject, ImageAccess::default(), options);
    object.value["spec"]["template"]["spec"].clone()
}

#[test]
fn processors_are_where_the_preference_counts_them() {
    let check = |preference: Option<&str>, instancetype: Option<&str>, cpus, expected: Value| {
        let options = MachineOptions { instancetype, preference, cpus, ..options() };
        let found = &instance(&options)["domain"]["cpu"];
        assert_eq!(*found, expected, "{preference:?} {instancetype:?} {cpus:?}");
    };
    let sockets = json!({ "sockets": 4, "cores": 1, "threads": 1 });
    check(None, None, None, Value::Null);
    check(None, None, Some(4), json!({ "cores": 4 }));
    check(Some("fedora"), None, None, Value::Null);
    check(Some("fedora"), None, Some(4), sockets.clone());
    check(Some("of-the-user"), None, Some(4), sockets.clone());
    check(Some("rhel.9.dpdk"), None, Some(4), sockets.clone());
    check(Some("rhel.9.realtime"), None, Some(4), sockets);
    let cores = json!({ "sockets": 1, "cores": 4, "threads": 1 });
    check(Some("windows.10"), None, Some(4), cores.clone());
    check(Some("windows.11.virtio"), None, Some(4), cores);
    check(Some("windows.11"), Some("u1.medium"), Some(4), Value::Null);
}

#[test]
fn user_data_is_where_it_fits() {
    let check = |len: usize, expected: Result<Value, UserDataError>| {
        let text = "x".repeat(len);
        let found = UserData::new(text.clone(), || "vm-cloudinit".into());
        let volume = found.map(|user_data| {
            let options = MachineOptions { user_data: Some(&user_data), ..options() };
            instance(&options)["volumes"][1]["cloudInitNoCloud"].clone()
        });
        assert_eq!(volume, expected, "{len}");
    };
    let secret = json!({ "secretRef": { "name": "vm-cloudinit" } });
    check(0, Err(UserDataError::Empty));
    check(1, Ok(json!({ "userData": "x" })));
    check(2048, Ok(json!({ "userData": "x".repeat(2048) })));
    check(2049, Ok(secret.clone()));
    check(1 << 20, Ok(secret));
    check((1 << 20) + 1, Err(UserDataError::TooLong((1 << 20) + 1)));
}

/// Returns what the webhook of KubeVirt and the machine look at.
fn booted(options: &MachineOptions<'_>) -> Value {
    let spec = instance(options);
    let domain = &spec["domain"];
    json!({
        "disks": domain["devices"]["disks"],
        "features": domain["features"],
        "firmware": domain["firmware"],
        "volumes": spec["volumes"],
    })
}

#[test]
fn firmware_is_what_the_disk_needs() {
    let check = |uefi, preference: Option<&str>, firmware: Value, features: Value| {
        let content = MachineContent { uefi, ..MachineContent::default() };
        let found = booted(&MachineOptions { preference, content, ..options() });
        assert_eq!(found["firmware"], firmware, "{uefi:?} {preference:?}");
        assert_eq!(found["features"], features, "{uefi:?} {preference:?}");
    };
    let efi = |secure: bool| json!({ "bootloader": { "efi": { "secureBoot": secure } } });
    check(None, None, Value::Null, Value::Null);
    check(Some(SecureBoot::Off), None, efi(false), Value::Null);
    check(Some(SecureBoot::On), None, efi(true), json!({ "smm": {} }));
    check(Some(SecureBoot::Off), Some("fedora"), efi(false), Value::Null);
    // The preference keeps UEFI's variables, too.
    check(Some(SecureBoot::On), Some("windows.11"), Value::Null, Value::Null);
}

#[test]
fn content_becomes_devices() {
    let check = |content: MachineContent, empty: bool, disks: Value, volumes: Value| {
        let storage = VolumeStorage {
            size: Some(Quantity::fitting(20 << 30)),
            class: None,
            access_mode: None,
        };
        let empty_disk = empty.then_some(storage);
        let found = booted(&MachineOptions { content: content.clone(), empty_disk, ..options() });
        assert_eq!(found["disks"], disks, "{content:?}");
        assert_eq!(found["volumes"], volumes, "{content:?}");
    };
    let cd =
        |bus| MachineContent { disk: Some(DiskDevice::Cdrom(bus)), ..MachineContent::default() };
    let image =
        |name: &str| json!({ "name": name, "containerDisk": { "image": "quay.io/me/vm:1" } });
    check(
        cd(CdromBus::Sata),
        false,
        json!([{ "name": "cdrom", "cdrom": { "bus": "sata" } }]),
        json!([image("cdrom")]),
    );
    check(
        cd(CdromBus::Scsi),
        true,
        json!([
            { "name": "root", "disk": { "bus": "virtio" }, "bootOrder": 1 },
            { "name": "cdrom", "cdrom": { "bus": "scsi" }, "bootOrder": 2 },
        ]),
        json!([{ "name": "root", "dataVolume": { "name": "vm-root" } }, image("cdrom")]),
    );
    let kernel = KernelFiles { kernel: "/boot/vmlinuz".into(), initrd: None };
    let kernel_only =
        MachineContent { disk: None, kernel: Some(kernel), ..MachineContent::default() };
    check(kernel_only.clone(), false, json!([]), json!([]));
    let found = booted(&MachineOptions {
        content: MachineContent { uefi: Some(SecureBoot::On), ..kernel_only },
        kernel_args: Some("console=ttyS0"),
        ..options()
    });
    let container = json!({ "image": "quay.io/me/vm:1", "kernelPath": "/boot/vmlinuz" });
    let boot = json!({ "container": container, "kernelArgs": "console=ttyS0" });
    assert_eq!(found["firmware"], json!({ "kernelBoot": boot }));
    let found = booted(&MachineOptions { path: Some("/images/a.qcow2"), ..options() });
    assert_eq!(found["volumes"][0]["containerDisk"]["path"], "/images/a.qcow2");
}

/// KubeVirt requires both lengths (`validateBlockSize`, `pkg/storage/admitters/disks.go`).
#[test]
fn long_sectors_are_those_of_the_disk() {
    let check = |disk: DiskDevice, sector_len: Option<u64>, expected: Value| {
        let content = MachineContent { disk: Some(disk), sector_len, ..MachineContent::default() };
        let instance = instance(&MachineOptions { content, ..options() });
        let found = &instance["domain"]["devices"]["disks"][0]["blockSize"];
        assert_eq!(*found, expected, "{disk:?} {sector_len:?}");
    };
    check(DiskDevice::Disk, None, Value::Null);
    let custom = json!({ "custom": { "logical": 4096, "physical": 4096 } });
    check(DiskDevice::Disk, Some(4096), custom);
    check(DiskDevice::Cdrom(CdromBus::Sata), Some(4096), Value::Null);
}
