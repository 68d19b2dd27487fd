//! The *disks* of a machine, and the volumes that they are on.

use serde_json::{Value, json};

use super::content::DiskDevice;
use super::{MachineOptions, RootDisk};
use crate::cluster::kubernetes::volume::{ImageAccess, blank_spec, clone_spec, import_spec};
use crate::cluster::kubernetes::{ImageSubject, ObjectMeta};

/// The disks, the volumes of the same names, and the templates of volumes that are made for the
/// machine.
#[derive(Debug, Default)]
pub(super) struct MachineDisks {
    pub(super) disks: Vec<Value>,
    pub(super) volumes: Vec<Value>,
    pub(super) templates: Vec<Value>,
}

/// Sets the length of a disk's sectors, if they are not the usual ones (`BlockSize` in KubeVirt's
/// `staging/src/kubevirt.io/api/core/v1/schema.go`).
fn with_block_size(mut disk: Value, machine: &MachineOptions<'_>) -> Value {
    if let Some(len) = machine.content.sector_len {
        disk["blockSize"] = json!({ "custom": { "logical": len, "physical": len } });
    }
    disk
}

impl MachineDisks {
    pub(super) fn new(
        meta: ObjectMeta<'_>,
        subject: &ImageSubject,
        access: ImageAccess<'_>,
        machine: &MachineOptions<'_>,
    ) -> Self {
        let mut disks = Self::default();
        // A preference applies only to fields that the machine does not set.
        let disk = match machine.preference {
            Some(_) => json!({ "disk": {} }),
            None => json!({ "disk": { "bus": "virtio" } }),
        };
        if let Some(storage) = &machine.empty_disk {
            let volume = disks.add_template(meta, "root", &blank_spec(storage));
            disks.add("root", disk.clone(), volume);
        }
        if let Some(device) = machine.content.disk {
            let (name, device) = match device {
                DiskDevice::Disk => ("root", with_block_size(disk.clone(), machine)),
                DiskDevice::Cdrom(bus) => ("cdrom", json!({ "cdrom": { "bus": bus.name() } })),
            };
            let volume = disks.image_volume(meta, name, subject, access, machine);
            disks.add(name, device, volume);
        }
        if disks.disks.len() > 1 {
            // The empty disk is first: as soon as a system is on it, the CD is not booted any more.
            for (disk, order) in disks.disks.iter_mut().zip(1..) {
                disk["bootOrder"] = json!(order);
            }
        }
        if let Some(user_data) = machine.user_data {
            disks.add("cloudinit", disk, user_data.volume_source());
        }
        disks
    }

    /// Adds a disk and its volume.
    fn add(&mut self, name: &str, mut device: Value, mut volume: Value) {
        device["name"] = name.into();
        volume["name"] = name.into();
        self.disks.push(device);
        self.volumes.push(volume);
    }

    /// Adds the template of a volume, and returns the source that names it.
    fn add_template(&mut self, meta: ObjectMeta<'_>, name: &str, spec: &Value) -> Value {
        let name = format!("{}-{name}", meta.name);
        self.templates.push(json!({ "metadata": { "name": name }, "spec": spec }));
        json!({ "dataVolume": { "name": name } })
    }

    /// Returns the source of the volume with the image's disk.
    fn image_volume(
        &mut self,
        meta: ObjectMeta<'_>,
        name: &str,
        subject: &ImageSubject,
        access: ImageAccess<'_>,
        machine: &MachineOptions<'_>,
    ) -> Value {
        match &machine.root {
            RootDisk::Image => json!({ "containerDisk": {
                "image": subject.reference.to_string(),
                "imagePullSecret": access.pull_secret,
                "path": machine.path,
            } }),
            RootDisk::Import(storage) => {
                self.add_template(meta, name, &import_spec(subject, access, storage))
            }
            RootDisk::Clone(storage) => self.add_template(meta, name, &clone_spec(meta, storage)),
        }
    }
}
