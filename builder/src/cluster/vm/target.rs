//! A virtual machine in the cluster that it is *imported* into: with a name and a namespace there, and
//! the claims of its disks.

use serde_json::{Value, json};

use super::document::MachineDocument;
use crate::cluster::kubernetes::ObjectMeta;

impl MachineDocument {
    /// Returns the object in a cluster; `claim_name` returns the name of the claim with the disk of a
    /// volume.
    pub(crate) fn in_cluster(
        mut self,
        meta: ObjectMeta<'_>,
        claim_name: impl Fn(&str) -> String,
    ) -> Value {
        self.object["metadata"]["name"] = json!(meta.name);
        if let Some(namespace) = meta.namespace {
            self.object["metadata"]["namespace"] = json!(namespace);
        }
        let clones = self.cloned_volumes();
        let Some(machine) = self.machine_mut() else { return self.object };
        let volumes = machine.pointer_mut("/spec/template/spec/volumes");
        for volume in volumes.and_then(Value::as_array_mut).into_iter().flatten() {
            let claim = claim_name(volume["name"].as_str().unwrap_or_default());
            if let Some(source) = volume.get_mut("persistentVolumeClaim") {
                source["claimName"] = json!(claim);
            }
        }
        let templates = machine.pointer_mut("/spec/dataVolumeTemplates");
        for template in templates.and_then(Value::as_array_mut).into_iter().flatten() {
            let name = template.pointer("/metadata/name").and_then(Value::as_str);
            let volume = clones.iter().find(|(_, data_volume)| Some(data_volume.as_str()) == name);
            let source = template.pointer_mut("/spec/source/pvc");
            if let Some(((volume, _), source)) = volume.zip(source) {
                *source = json!({ "name": claim_name(volume) });
                if let Some(namespace) = meta.namespace {
                    source["namespace"] = json!(namespace);
                }
            }
        }
        self.object
    }
}
