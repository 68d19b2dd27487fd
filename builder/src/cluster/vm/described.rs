//! The *described* machine: a `VirtualMachine` like the one that the description in an OVA has. What is tied to the
//! place that it comes from is left out: addresses of network cards, and all cards but the first.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cluster::kubernetes::{Quantity, label_name_of};
use crate::disk::ovf::{Ovf, OvfBus, OvfDisk, OvfFirmware, OvfMachine, OvfNetworkCard};

/// Memory of a machine in bytes if its description does not say it.
const MEMORY: u64 = 2 << 30;

/// Returns the names of the volumes of a described machine, in the order of its disks.
pub(crate) fn described_volumes(ovf: &Ovf) -> Vec<String> {
    let mut known = BTreeSet::new();
    let mut numbered = (1_usize..).map(|number| format!("disk{number}"));
    let name = |disk: &OvfDisk| {
        let own = Some(label_name_of(&disk.id)).filter(|name| !name.is_empty());
        let own = own.filter(|name| !known.contains(name));
        // There are more numbers than names.
        let name = own.or_else(|| numbered.find(|name| !known.contains(name))).unwrap_or_default();
        known.insert(name.clone());
        name
    };
    ovf.disks.iter().map(name).collect()
}

/// Returns the machine; nothing if the description has none, or several. `fallback` is its name if it has none that is
/// one in a cluster.
pub(crate) fn described_machine(ovf: &Ovf, fallback: &str) -> Option<Value> {
    let machine = ovf.machine.as_ref()?;
    let own = label_name_of(&machine.name);
    let name = if own.is_empty() { label_name_of(fallback) } else { own };
    let volumes = described_volumes(ovf);
    let disks: Vec<Value> = ovf.disks.iter().zip(&volumes).map(device).collect();
    let claim =
        |name: &String| json!({ "name": name, "persistentVolumeClaim": { "claimName": name } });
    let claims: Vec<Value> = volumes.iter().map(claim).collect();
    let mut domain = json!({
        "devices": { "disks": disks },
        "memory": { "guest": Quantity::exact(machine.memory.unwrap_or(MEMORY)).to_string() },
    });
    if let Some(cpus) = machine.cpus {
        domain["cpu"] = json!({ "sockets": cpus.sockets, "cores": cpus.cores, "threads": 1 });
    }
    set_firmware(&mut domain, machine.firmware);
    let mut spec = json!({ "domain": domain, "volumes": claims });
    set_network(&mut spec, machine);
    Some(json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": { "name": name },
        "spec": { "runStrategy": "Halted", "template": { "metadata": {}, "spec": spec } },
    }))
}

/// Returns the device of a disk. KubeVirt has virtio, SATA, SCSI (by virtio) and USB.
fn device((disk, name): (&OvfDisk, &String)) -> Value {
    let bus = match disk.bus {
        Some(OvfBus::Virtio) => "virtio",
        Some(OvfBus::Scsi) => "scsi",
        Some(OvfBus::Ide | OvfBus::Sata | OvfBus::Nvme) | None => "sata",
    };
    json!({ "name": name, "disk": { "bus": bus } })
}

/// Sets the firmware. Secure boot is KubeVirt's default for UEFI, and needs SMM.
fn set_firmware(domain: &mut Value, firmware: OvfFirmware) {
    let is_secure = match firmware {
        OvfFirmware::Bios => return,
        OvfFirmware::Uefi => false,
        OvfFirmware::SecureUefi => true,
    };
    domain["firmware"] = json!({ "bootloader": { "efi": { "secureBoot": is_secure } } });
    if is_secure {
        domain["features"] = json!({ "smm": {} });
    }
}

/// Connects the first network card to the network of the pod, of which a machine can have one.
fn set_network(spec: &mut Value, machine: &OvfMachine) {
    let Some(card) = machine.network_card else {
        // Without this KubeVirt adds a card.
        spec["domain"]["devices"]["autoattachPodInterface"] = json!(false);
        return;
    };
    let mut interface = json!({ "name": "default", "masquerade": {} });
    let model = match card {
        OvfNetworkCard::E1000 => Some("e1000"),
        OvfNetworkCard::E1000e => Some("e1000e"),
        OvfNetworkCard::Pcnet => Some("pcnet"),
        OvfNetworkCard::Other => None,
    };
    if let Some(model) = model {
        interface["model"] = json!(model);
    }
    spec["domain"]["devices"]["interfaces"] = json!([interface]);
    spec["networks"] = json!([{ "name": "default", "pod": {} }]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(id: &str, bus: Option<OvfBus>) -> OvfDisk {
        let (id, file) = (id.to_owned(), String::new());
        OvfDisk { id, file, is_gzip: false, chunk_size: None, size: None, bus }
    }

    #[test]
    fn volumes_have_names_of_a_cluster() {
        let check = |ids: &[&str], expected: &[&str]| {
            let disks = ids.iter().map(|id| disk(id, None)).collect();
            assert_eq!(described_volumes(&Ovf { disks, machine: None }), expected, "{ids:?}");
        };
        check(&["vmdisk1", "vmdisk2"], &["vmdisk1", "vmdisk2"]);
        check(&["Disk_1.a", "disk-1-a", "ä"], &["disk-1-a", "disk1", "disk2"]);
        check(&["disk1", "", "disk2"], &["disk1", "disk2", "disk3"]);
    }

    #[test]
    fn what_the_description_does_not_say_has_defaults() {
        let machine = OvfMachine {
            name: "Shop 1".into(),
            memory: None,
            cpus: None,
            firmware: OvfFirmware::Bios,
            network_card: None,
        };
        let disks = vec![disk("a", Some(OvfBus::Ide))];
        let ovf = Ovf { disks, machine: Some(machine) };
        let expected = json!({
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "metadata": { "name": "shop-1" },
            "spec": { "runStrategy": "Halted", "template": { "metadata": {}, "spec": {
                "domain": {
                    "devices": {
                        "autoattachPodInterface": false,
                        "disks": [{ "name": "a", "disk": { "bus": "sata" } }],
                    },
                    "memory": { "guest": "2Gi" },
                },
                "volumes": [{ "name": "a", "persistentVolumeClaim": { "claimName": "a" } }],
            } } },
        });
        assert_eq!(described_machine(&ovf, "x"), Some(expected));
        assert_eq!(described_machine(&Ovf { machine: None, ..ovf }, "x"), None);
    }
}
