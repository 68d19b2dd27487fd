//! *VM artifacts*, in which KubeVirt exports and imports virtual machines with their disks
//! (`pkg/storage/oci/oci.go` in kubevirt/kubevirt, and `internal/artifact` in kubevirt/virt-import).
//! Each manifest has the machine as its config, and one layer for each disk.

mod clean;
mod described;
mod document;
mod judge;
mod target;
mod template;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::oci::image::descriptor::TITLE;

pub(crate) use described::{described_machine, described_volumes};
pub(crate) use document::{DEFAULT_ARCHITECTURE, MachineDocument, VolumeSource};
pub(crate) use judge::{DiskLayerFacts, MachineFacts, judge_machine, judge_machine_index};

/// Media type of a layer: a raw disk as a stream of zstd, in no tar.
pub(crate) const DISK_MEDIA_TYPE: &str = "application/vnd.kubevirt.disk.raw+zstd";

/// Annotation of a layer with the name of the machine's volume.
pub(crate) const DISK_NAME: &str = "io.kubevirt.disk.name";

/// Annotation of a layer with the size of the disk, as a quantity.
pub(crate) const DISK_SIZE: &str = "io.kubevirt.disk.size";

/// The only operating system of the platforms of VM artifacts.
pub(crate) const OS: &str = "linux";

/// The kind of object that an artifact has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MachineKind {
    /// A `VirtualMachine`.
    Machine,
    /// A `VirtualMachineTemplate`.
    Template,
}

impl MachineKind {
    const ALL: [Self; 2] = [Self::Machine, Self::Template];

    /// Returns the artifact type of manifests and of the index.
    pub(crate) fn artifact_type(self) -> &'static str {
        match self {
            Self::Machine => "application/vnd.kubevirt.virtualmachine.v1",
            Self::Template => "application/vnd.kubevirt.virtualmachinetemplate.v1",
        }
    }

    /// Returns the media type of the config.
    pub(crate) fn config_media_type(self) -> &'static str {
        match self {
            Self::Machine => "application/vnd.kubevirt.virtualmachine.config.v1+json",
            Self::Template => "application/vnd.kubevirt.virtualmachinetemplate.config.v1+json",
        }
    }

    /// Returns the kind that has this artifact type.
    pub(crate) fn from_artifact_type(artifact_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.artifact_type() == artifact_type)
    }

    /// Returns the kind of a Kubernetes object.
    pub(crate) fn of_object(object: &Value) -> Option<Self> {
        let group = object.get("apiVersion")?.as_str()?.split_once('/')?.0;
        Self::ALL
            .into_iter()
            .find(|kind| kind.group() == group && object["kind"] == kind.object_kind())
    }

    /// Returns the `kind` of its objects.
    pub(crate) fn object_kind(self) -> &'static str {
        match self {
            Self::Machine => "VirtualMachine",
            Self::Template => "VirtualMachineTemplate",
        }
    }

    fn group(self) -> &'static str {
        match self {
            Self::Machine => "kubevirt.io",
            Self::Template => "template.kubevirt.io",
        }
    }

    /// Returns the path of the virtual machine in an object.
    pub(crate) fn machine_path(self) -> &'static [&'static str] {
        match self {
            Self::Machine => &[],
            Self::Template => &["spec", "virtualMachine"],
        }
    }
}

/// Returns the file name of a layer with the disk of a volume.
pub(crate) fn disk_title(volume: &str) -> String {
    format!("{volume}.raw.zst")
}

/// Returns the annotations of a layer with the disk of a volume, without its size.
pub(crate) fn disk_annotations(volume: &str) -> BTreeMap<String, String> {
    [(DISK_NAME.to_owned(), volume.to_owned()), (TITLE.to_owned(), disk_title(volume))].into()
}
