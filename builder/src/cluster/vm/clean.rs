//! Removes what belongs to the cluster that a virtual machine is from.

use serde_json::{Map, Value, json};

/// Fields of `metadata` that a cluster sets: `prepareVMConfig` in KubeVirt's
/// `cmd/virt-exportserver`.
const CLUSTER_FIELDS: [&str; 11] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "managedFields",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Returns whether an object has fields that a cluster sets; one without a value does not count, as
/// KubeVirt's exporter writes a `status`.
pub(super) fn has_cluster_fields(object: &Value) -> bool {
    let is_empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    let has = |value: Option<&Value>| value.is_some_and(|value| !is_empty(value));
    has(object.get("status"))
        || CLUSTER_FIELDS.iter().any(|field| has(object.pointer(&format!("/metadata/{field}"))))
}

/// Removes the fields that a cluster sets from an object.
pub(super) fn remove_cluster_fields(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    fields.remove("status");
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in CLUSTER_FIELDS {
            metadata.remove(field);
        }
    }
}

/// Replaces the `DataVolumes` of a virtual machine by the claims that they made.
pub(super) fn replace_data_volumes(machine: &mut Value) {
    let Some(spec) = machine.get_mut("spec").and_then(Value::as_object_mut) else { return };
    spec.remove("dataVolumeTemplates");
    let volumes = spec.get_mut("template").and_then(|template| {
        template.get_mut("spec")?.as_object_mut()?.get_mut("volumes")?.as_array_mut()
    });
    for volume in volumes.into_iter().flatten().filter_map(Value::as_object_mut) {
        if let Some(source) = volume.remove("dataVolume") {
            volume.insert("persistentVolumeClaim".into(), claim_of(source));
        }
    }
}

/// Returns the claim that is named as a `DataVolume` is.
fn claim_of(source: Value) -> Value {
    let Value::Object(mut source) = source else { return json!({}) };
    let mut claim = Map::new();
    claim.extend(source.remove("name").map(|name| ("claimName".to_owned(), name)));
    claim.extend(source.remove("hotpluggable").map(|value| ("hotpluggable".to_owned(), value)));
    Value::Object(claim)
}
