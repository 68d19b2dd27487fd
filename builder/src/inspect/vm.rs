//! The virtual machine of a *VM artifact*, and its disks, as the documents declare them.

use std::fmt;

use super::facts::machine_kind;
use crate::cluster::kubernetes::{
    ImageAccess, ImageSubject, KubernetesObject, ObjectMeta, Quantity, VolumeStorage, empty_claim,
    layer_volume,
};
use crate::cluster::vm::{DISK_NAME, DISK_SIZE, MachineDocument, MachineKind, described_machine};
use crate::disk::ovf::Ovf;
use crate::oci::image::descriptor::Descriptor;
use crate::oci::image_documents::PlatformImage;

/// A virtual machine that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenMachine {
    /// Kind of the object: `VirtualMachine` or `VirtualMachineTemplate`.
    pub kind: &'static str,
    /// Name of the object; empty if it has none.
    pub name: String,
    /// Its disks, in the order of the layers.
    pub disks: Vec<SeenMachineDisk>,
}

/// A disk of a virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenMachineDisk {
    /// Name of the volume; empty if the layer has none.
    pub name: String,
    /// Size in bytes, if the layer declares it.
    pub size: Option<u64>,
}

impl fmt::Display for SeenMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => write!(f, "{} without a name", self.kind),
            name => write!(f, "{} {}", self.kind, name.escape_debug()),
        }
    }
}

impl SeenMachineDisk {
    /// Returns the name of the disk for a message.
    pub fn label(&self) -> String {
        if self.name.is_empty() {
            "without a name".into()
        } else {
            self.name.escape_debug().to_string()
        }
    }
}

impl SeenMachine {
    /// Returns the virtual machine of a manifest, if it is one of a VM artifact.
    pub fn find(image: &PlatformImage) -> Option<Self> {
        Some(Self::new(image, machine_kind(image)?))
    }

    /// Returns the virtual machine of a manifest of this kind.
    pub(super) fn new(image: &PlatformImage, kind: MachineKind) -> Self {
        let name = image.artifact_config.pointer("/metadata/name");
        let name = name.and_then(|name| name.as_str()).unwrap_or_default().to_owned();
        let disk = |layer: &Descriptor| SeenMachineDisk {
            name: disk_name(layer).to_owned(),
            size: disk_size(layer),
        };
        Self { kind: kind.object_kind(), name, disks: image.layers.iter().map(disk).collect() }
    }
}

/// Returns the virtual machine that an OVA describes, with claims named `NAME-VOLUME`; nothing if it does not describe
/// one. Without `meta` the machine has the name in the description, or that of `fallback`, whose namespace it gets.
pub fn described_object(
    ovf: &Ovf,
    meta: Option<ObjectMeta<'_>>,
    fallback: ObjectMeta<'_>,
) -> Option<KubernetesObject> {
    let document = MachineDocument::new(described_machine(ovf, fallback.name)?)?;
    let own = document.name().to_owned();
    let meta = meta.unwrap_or(ObjectMeta { name: &own, ..fallback });
    Some(document.in_cluster(meta, |volume| format!("{}-{volume}", meta.name)).into())
}

/// What the objects of a virtual machine refer to.
#[derive(Debug)]
pub struct MachineObjects<'a> {
    /// Name and namespace of the virtual machine in the cluster.
    pub meta: ObjectMeta<'a>,
    /// The artifact, as the cluster pulls it.
    pub subject: &'a ImageSubject,
    /// How it is pulled.
    pub access: ImageAccess<'a>,
}

impl MachineObjects<'_> {
    /// Returns the object itself, whose claims are named as the volumes are; nothing if the config of the
    /// artifact is none.
    pub fn machine(&self, image: &PlatformImage) -> Option<KubernetesObject> {
        let document = MachineDocument::new(image.artifact_config.clone())?;
        Some(document.in_cluster(self.meta, |volume| self.claim_name(volume)).into())
    }

    /// Returns the volume that CDI imports a disk into.
    pub fn data_volume(&self, disk: &str, storage: &VolumeStorage<'_>) -> KubernetesObject {
        let name = self.claim_name(disk);
        let meta = ObjectMeta { name: &name, ..self.meta };
        layer_volume(meta, self.subject, self.access, storage, (DISK_NAME, disk))
    }

    /// Returns an empty claim for a disk.
    pub fn claim(&self, disk: &str, storage: &VolumeStorage<'_>) -> KubernetesObject {
        let name = self.claim_name(disk);
        empty_claim(ObjectMeta { name: &name, ..self.meta }, storage)
    }

    fn claim_name(&self, volume: &str) -> String {
        format!("{}-{volume}", self.meta.name)
    }
}

/// Returns the name of the volume whose disk a layer has; empty if it has none.
pub(super) fn disk_name(layer: &Descriptor) -> &str {
    layer.annotations.get(DISK_NAME).map_or("", String::as_str)
}

/// Returns the size of the disk that a layer has, in bytes, if it declares it.
pub(super) fn disk_size(layer: &Descriptor) -> Option<u64> {
    Some(layer.annotations.get(DISK_SIZE)?.parse::<Quantity>().ok()?.bytes())
}
