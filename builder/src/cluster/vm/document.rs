//! The *document* of a VM artifact: a virtual machine, or a template of virtual machines.

use serde_json::{Value, json};

use super::MachineKind;
use super::clean::{remove_cluster_fields, replace_data_volumes};
use super::template::replace_parameters;

/// Architecture of a virtual machine that names none: that of an exported manifest.
pub(crate) const DEFAULT_ARCHITECTURE: &str = "amd64";

/// A virtual machine, or a template of virtual machines.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MachineDocument {
    /// Which of the two it is.
    pub(crate) kind: MachineKind,
    /// The object of Kubernetes.
    pub(crate) object: Value,
}

/// A volume of a virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MachineVolume<'a> {
    /// Name; empty if it has none.
    pub(crate) name: &'a str,
    /// Where its content comes from.
    pub(crate) source: VolumeSource<'a>,
}

/// Where the content of a volume comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VolumeSource<'a> {
    /// A `PersistentVolumeClaim` with this name. The artifact has its disk.
    Claim(&'a str),
    /// A `DataVolume` with this name.
    DataVolume(&'a str),
    /// A `DataVolume` with this name, which a template makes for every machine from a claim. The
    /// artifact has the disk of that claim.
    Clone(&'a str),
    /// Anything else, by the name of its field; empty if it has none.
    Other(&'a str),
}

impl MachineDocument {
    /// Returns the document of a Kubernetes object, if it is of one of the two kinds.
    pub(crate) fn new(object: Value) -> Option<Self> {
        Some(Self { kind: MachineKind::of_object(&object)?, object })
    }

    /// Returns the name of the object; empty if it has none.
    pub(crate) fn name(&self) -> &str {
        text_at(&self.object, "/metadata/name")
    }

    /// Returns the architecture that the virtual machine names; nothing if it names none, or a parameter
    /// of a template without a value.
    pub(crate) fn architecture(&self) -> Option<String> {
        let text = text_at(self.machine(), "/spec/template/spec/architecture");
        if text.is_empty() {
            return None;
        }
        match self.kind {
            MachineKind::Machine => Some(text.to_owned()),
            MachineKind::Template => replace_parameters(text, &self.object),
        }
    }

    /// Returns the volumes of the virtual machine, in order.
    pub(crate) fn volumes(&self) -> Vec<MachineVolume<'_>> {
        let volumes = self.machine().pointer("/spec/template/spec/volumes");
        let volumes = volumes.and_then(Value::as_array).into_iter().flatten();
        let volume = |volume| MachineVolume {
            name: text_at(volume, "/name"),
            source: self.volume_source(volume),
        };
        volumes.map(volume).collect()
    }

    /// Returns the document as an artifact has it: without the fields of a cluster, and with the
    /// architecture of its platform.
    pub(crate) fn exported(mut self, architecture: &str) -> Self {
        if self.architecture().is_none() && architecture != DEFAULT_ARCHITECTURE {
            self.set_architecture(architecture);
        }
        remove_cluster_fields(&mut self.object);
        let kind = self.kind;
        if let Some(machine) = self.machine_mut() {
            remove_cluster_fields(machine);
            // Templates keep theirs: each machine gets a clone of the claim.
            if kind == MachineKind::Machine {
                replace_data_volumes(machine);
            }
        }
        self
    }

    /// Returns the object as JSON; equal objects give equal bytes.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        self.object.to_string().into_bytes()
    }

    fn machine(&self) -> &Value {
        let machine = self.kind.machine_path().iter().try_fold(&self.object, |at, key| at.get(key));
        machine.unwrap_or(&Value::Null)
    }

    /// Returns the names of the volumes that are clones of claims, with those of their `DataVolumes`.
    pub(super) fn cloned_volumes(&self) -> Vec<(String, String)> {
        let volumes = self.volumes().into_iter().filter_map(|volume| match volume.source {
            VolumeSource::Clone(data_volume) => Some((volume.name.into(), data_volume.into())),
            _ => None,
        });
        volumes.collect()
    }

    pub(super) fn machine_mut(&mut self) -> Option<&mut Value> {
        let path = self.kind.machine_path().iter();
        path.copied().try_fold(&mut self.object, |at, key| at.get_mut(key))
    }

    fn set_architecture(&mut self, architecture: &str) {
        let spec =
            self.machine_mut().and_then(|machine| machine.pointer_mut("/spec/template/spec"));
        if let Some(spec) = spec.and_then(Value::as_object_mut) {
            spec.insert("architecture".into(), json!(architecture));
        }
    }

    fn volume_source<'a>(&'a self, volume: &'a Value) -> VolumeSource<'a> {
        if let Some(claim) = volume.get("persistentVolumeClaim") {
            return VolumeSource::Claim(text_at(claim, "/claimName"));
        }
        if let Some(data_volume) = volume.get("dataVolume") {
            let name = text_at(data_volume, "/name");
            return match self.kind {
                MachineKind::Template if self.clones_claim(name) => VolumeSource::Clone(name),
                _ => VolumeSource::DataVolume(name),
            };
        }
        let fields = volume.as_object().into_iter().flat_map(|fields| fields.keys());
        VolumeSource::Other(fields.map(String::as_str).find(|key| *key != "name").unwrap_or(""))
    }

    /// Returns whether a `DataVolume` of a template is made from a claim.
    fn clones_claim(&self, name: &str) -> bool {
        let templates = self.machine().pointer("/spec/dataVolumeTemplates");
        let mut templates = templates.and_then(Value::as_array).into_iter().flatten();
        templates.any(|template| {
            text_at(template, "/metadata/name") == name
                && template.pointer("/spec/source/pvc").is_some()
        })
    }
}

impl MachineVolume<'_> {
    /// Returns whether an artifact has the disk of this volume.
    pub(crate) fn is_disk(&self) -> bool {
        matches!(self.source, VolumeSource::Claim(_) | VolumeSource::Clone(_))
    }
}

/// Returns a text in a JSON value; empty if it is missing.
fn text_at<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
