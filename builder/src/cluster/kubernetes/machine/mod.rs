//! The `VirtualMachine` that boots the image (KubeVirt, `staging/src/kubevirt.io/api/core/v1`).
//!
//! - `content`: what it boots of the image
//! - `disks`: its disks and volumes
//! - `user_data`: what cloud-init reads in it

mod content;
mod disks;
#[cfg(test)]
mod tests;
mod user_data;

use serde_json::{Value, json};

use self::content::firmware;
use self::disks::MachineDisks;
use super::preference::counts_cores;
use super::quantity::Quantity;
use super::volume::{ImageAccess, VolumeStorage};
use super::{ImageSubject, KubernetesObject, ObjectMeta, object_metadata};
use crate::cluster::disk_artifact::SKIP_DIGEST_RESOLUTION;

pub use self::content::{CdromBus, DiskDevice, KernelFiles, MachineContent, SecureBoot};
pub use self::user_data::{UserData, UserDataError, cloud_config};

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
    /// What it boots of the image.
    pub content: MachineContent,
    /// Absolute path of the disk in the image, if it is not the file in `/disk`. Only for
    /// [`RootDisk::Image`].
    pub path: Option<&'a str>,
    /// An empty disk of its own, which a system on a CD is installed on.
    pub empty_disk: Option<VolumeStorage<'a>>,
    /// The command line of the kernel that the image has.
    pub kernel_args: Option<&'a str>,
    /// User data for cloud-init.
    pub user_data: Option<&'a UserData>,
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
    let disks = MachineDisks::new(meta, subject, access, machine);
    let templates = (!disks.templates.is_empty()).then(|| json!(disks.templates));
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
                "metadata": {
                    "annotations": artifact_annotations(machine),
                    "labels": { "vm.kubevirt.io/name": meta.name },
                },
                "spec": instance_spec(subject, access, machine, &disks),
            },
        },
    });
    value.into()
}

/// Returns the annotation for a disk artifact, of which KubeVirt cannot make a container.
fn artifact_annotations(machine: &MachineOptions<'_>) -> Option<Value> {
    let is_mounted = machine.content.is_artifact && matches!(machine.root, RootDisk::Image);
    is_mounted.then(|| json!({ SKIP_DIGEST_RESOLUTION: "true" }))
}

fn instance_spec(
    subject: &ImageSubject,
    access: ImageAccess<'_>,
    machine: &MachineOptions<'_>,
    disks: &MachineDisks,
) -> Value {
    // KubeVirt refuses a machine that sets a field which its instance type sets too.
    let is_sized = machine.instancetype.is_none();
    let memory = is_sized.then_some(&machine.memory);
    let cpus = machine.cpus.filter(|_| is_sized);
    let (firmware, features) = firmware(subject, access, machine);
    json!({
        "architecture": subject.architecture,
        "domain": {
            "cpu": cpus.map(|count| cpu_topology(count, machine.preference)),
            "devices": {
                "disks": disks.disks,
                "interfaces": [{ "name": "default", "masquerade": {} }],
                "rng": {},
            },
            "features": features,
            "firmware": firmware,
            "memory": memory.map(|size| json!({ "guest": size.to_string() })),
        },
        "networks": [{ "name": "default", "pod": {} }],
        "volumes": disks.volumes,
    })
}

/// Returns the topology of a number of processors. Where a preference requires some, KubeVirt counts
/// them in the field that the preference fills, and takes a missing one for 0 as soon as another is
/// set (`SetDefaultGuestCPUTopology`, `pkg/defaults/defaults.go`): all three are written.
fn cpu_topology(count: u32, preference: Option<&str>) -> Value {
    match preference {
        None => json!({ "cores": count }),
        Some(name) if counts_cores(name) => json!({ "sockets": 1, "cores": count, "threads": 1 }),
        Some(_) => json!({ "sockets": count, "cores": 1, "threads": 1 }),
    }
}

/// Returns the matcher of an instance type or preference. The image's label for the kind applies
/// only to its own default; for any other name KubeVirt's default is the cluster-wide kind.
fn kind_matcher(subject: &ImageSubject, label: &str, name: Option<&str>) -> Option<Value> {
    let is_default = subject.instancetype_label(label) == name;
    let kind = subject.instancetype_label(&format!("{label}-kind")).filter(|_| is_default);
    name.map(|name| json!({ "name": name, "kind": kind }))
}
