//! The `VirtualMachine` that boots the image (KubeVirt, `staging/src/kubevirt.io/api/core/v1`).

use serde_json::{Value, json};

use super::quantity::Quantity;
use super::volume::{ImageAccess, VolumeStorage, clone, import};
use super::{ImageSubject, KubernetesObject, ObjectMeta, metadata, write_yaml};

/// The longest text that a machine can tell cloud-init by itself, in bytes (`cloudInitUserMaxLen`,
/// `pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go`).
pub const USER_DATA_MAX: usize = 2048;

/// What a machine is like.
#[derive(Debug, Clone)]
pub struct MachineOptions<'a> {
    /// Where its disk is.
    pub root: RootDisk<'a>,
    /// Which instance type it is of.
    pub instancetype: Option<&'a str>,
    /// What its system prefers.
    pub preference: Option<&'a str>,
    /// Its memory, where no instance type says.
    pub memory: Quantity,
    /// Its processors, where no instance type says; one where nothing is said.
    pub cpus: Option<u32>,
    /// What cloud-init reads in it; at most [`USER_DATA_MAX`].
    pub user_data: Option<&'a str>,
}

/// Where a machine's disk is.
#[derive(Debug, Clone)]
pub enum RootDisk<'a> {
    /// In the image. What the machine writes is gone when it stops.
    Image,
    /// On a volume of its own that the image is imported into.
    Import(VolumeStorage<'a>),
    /// On a volume of its own that is cloned from a `DataSource` of the machine's name.
    Clone(VolumeStorage<'a>),
}

/// Returns a machine.
pub fn virtual_machine(
    meta: ObjectMeta<'_>,
    subject: &ImageSubject,
    access: ImageAccess<'_>,
    machine: &MachineOptions<'_>,
) -> KubernetesObject {
    let volume = format!("{}-root", meta.name);
    let template = match &machine.root {
        RootDisk::Image => None,
        RootDisk::Import(storage) => Some(import(subject, access, storage)),
        RootDisk::Clone(storage) => Some(clone(meta, storage)),
    };
    let root = match template {
        None => json!({ "containerDisk": {
            "image": subject.reference.to_string(),
            "imagePullSecret": access.pull_secret,
        } }),
        Some(_) => json!({ "dataVolume": { "name": volume } }),
    };
    let templates = template.map(|spec| json!([{ "metadata": { "name": volume }, "spec": spec }]));
    let value = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": metadata(meta),
        "spec": {
            "dataVolumeTemplates": templates,
            "instancetype": matcher(subject, "default-instancetype", machine.instancetype),
            "preference": matcher(subject, "default-preference", machine.preference),
            "runStrategy": "Always",
            "template": {
                "metadata": { "labels": { "vm.kubevirt.io/name": meta.name } },
                "spec": instance(subject, machine, root),
            },
        },
    });
    value.into()
}

/// Returns what cloud-init reads to let in whoever has the private keys of some public ones.
pub fn cloud_config(keys: &[&str]) -> Result<String, std::fmt::Error> {
    let config = write_yaml(&[json!({ "ssh_authorized_keys": keys }).into()])?;
    Ok(format!("#cloud-config\n{config}"))
}

fn instance(subject: &ImageSubject, machine: &MachineOptions<'_>, root: Value) -> Value {
    // An instance type that meets a field of its own in the machine refuses it.
    let (memory, cpus) = match machine.instancetype {
        Some(_) => (None, None),
        None => (Some(&machine.memory), machine.cpus),
    };
    // A preference fills in only what the machine leaves open.
    let disk = match machine.preference {
        Some(_) => json!({}),
        None => json!({ "bus": "virtio" }),
    };
    let mut disks = vec![json!({ "name": "root", "disk": disk })];
    let mut volumes = vec![named("root", root)];
    if let Some(text) = machine.user_data {
        disks.push(json!({ "name": "cloudinit", "disk": disk }));
        volumes.push(named("cloudinit", json!({ "cloudInitNoCloud": { "userData": text } })));
    }
    json!({
        "architecture": subject.architecture,
        "domain": {
            "cpu": cpus.map(|cores| json!({ "cores": cores })),
            "devices": {
                "disks": disks,
                "interfaces": [{ "name": "default", "masquerade": {} }],
                "rng": {},
            },
            "memory": memory.map(|size| json!({ "guest": size.to_string() })),
        },
        "networks": [{ "name": "default", "pod": {} }],
        "volumes": volumes,
    })
}

fn named(name: &str, mut volume: Value) -> Value {
    volume["name"] = name.into();
    volume
}

/// The image can tell a kind for its own default, and KubeVirt's default is a kind of the whole
/// cluster: whoever names another one means that.
fn matcher(subject: &ImageSubject, label: &str, name: Option<&str>) -> Option<Value> {
    let is_default = subject.instancetype_label(label) == name;
    let kind = subject.instancetype_label(&format!("{label}-kind")).filter(|_| is_default);
    name.map(|name| json!({ "name": name, "kind": kind }))
}
