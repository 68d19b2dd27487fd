//! The `VirtualMachine` that boots the image (KubeVirt, `staging/src/kubevirt.io/api/core/v1`).

use serde_json::{Value, json};

use super::quantity::Quantity;
use super::volume::{ImageAccess, VolumeStorage, clone_spec, import_spec};
use super::{ImageSubject, KubernetesObject, ObjectMeta, object_metadata, write_yaml};

/// Maximum length in bytes of the user data that a machine can pass to cloud-init inline
/// (`cloudInitUserMaxLen`,
/// `pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go`).
pub const USER_DATA_MAX: usize = 2048;

/// Options of a `VirtualMachine`.
#[derive(Debug, Clone)]
pub struct MachineOptions<'a> {
    /// Where its disk comes from.
    pub root: RootDisk<'a>,
    /// Name of its instance type.
    pub instancetype: Option<&'a str>,
    /// Name of the preference of its operating system.
    pub preference: Option<&'a str>,
    /// Its memory, unless an instance type sets it.
    pub memory: Quantity,
    /// Its number of processors, unless an instance type sets it; KubeVirt's default is one.
    pub cpus: Option<u32>,
    /// User data for cloud-init, at most [`USER_DATA_MAX`] bytes.
    pub user_data: Option<&'a str>,
}

/// Where a machine's disk comes from.
#[derive(Debug, Clone)]
pub enum RootDisk<'a> {
    /// From the image, as a containerDisk. What the machine writes is lost when it stops.
    Image,
    /// On a volume of its own that the image is imported into.
    Import(VolumeStorage<'a>),
    /// On a volume of its own that is cloned from a `DataSource` of the machine's name.
    Clone(VolumeStorage<'a>),
}

/// Returns a `VirtualMachine`.
pub fn virtual_machine(
    meta: ObjectMeta<'_>,
    subject: &ImageSubject,
    access: ImageAccess<'_>,
    machine: &MachineOptions<'_>,
) -> KubernetesObject {
    let volume = format!("{}-root", meta.name);
    let template = match &machine.root {
        RootDisk::Image => None,
        RootDisk::Import(storage) => Some(import_spec(subject, access, storage)),
        RootDisk::Clone(storage) => Some(clone_spec(meta, storage)),
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
        "metadata": object_metadata(meta),
        "spec": {
            "dataVolumeTemplates": templates,
            "instancetype": kind_matcher(subject, "default-instancetype", machine.instancetype),
            "preference": kind_matcher(subject, "default-preference", machine.preference),
            "runStrategy": "Always",
            "template": {
                "metadata": { "labels": { "vm.kubevirt.io/name": meta.name } },
                "spec": instance_spec(subject, machine, root),
            },
        },
    });
    value.into()
}

/// Returns user data for cloud-init that authorizes SSH public keys.
pub fn cloud_config(keys: &[&str]) -> Result<String, std::fmt::Error> {
    let config = write_yaml(&[json!({ "ssh_authorized_keys": keys }).into()])?;
    Ok(format!("#cloud-config\n{config}"))
}

fn instance_spec(subject: &ImageSubject, machine: &MachineOptions<'_>, root: Value) -> Value {
    // KubeVirt refuses a machine that sets a field which its instance type sets too.
    let (memory, cpus) = match machine.instancetype {
        Some(_) => (None, None),
        None => (Some(&machine.memory), machine.cpus),
    };
    // A preference applies only to fields that the machine does not set.
    let disk = match machine.preference {
        Some(_) => json!({}),
        None => json!({ "bus": "virtio" }),
    };
    let mut disks = vec![json!({ "name": "root", "disk": disk })];
    let mut volumes = vec![named_volume("root", root)];
    if let Some(text) = machine.user_data {
        disks.push(json!({ "name": "cloudinit", "disk": disk }));
        volumes
            .push(named_volume("cloudinit", json!({ "cloudInitNoCloud": { "userData": text } })));
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

fn named_volume(name: &str, mut volume: Value) -> Value {
    volume["name"] = name.into();
    volume
}

/// Returns the matcher of an instance type or preference. The image's label for the kind applies
/// only to its own default; for any other name KubeVirt's default is the cluster-wide kind.
fn kind_matcher(subject: &ImageSubject, label: &str, name: Option<&str>) -> Option<Value> {
    let is_default = subject.instancetype_label(label) == name;
    let kind = subject.instancetype_label(&format!("{label}-kind")).filter(|_| is_default);
    name.map(|name| json!({ "name": name, "kind": kind }))
}
