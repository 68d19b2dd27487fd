//! *Objects* of Kubernetes, checked with a schema that has exactly the allowed fields, and with the
//! types of KubeVirt's user interface.

mod admission;
mod types;

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

pub use types::ObjectTypes;

/// Written after `types.go` of KubeVirt 1.7 and CDI 1.66, and the rules of their webhooks: a volume has
/// one source, a `DataVolume` one kind of storage, a key of certificates ends in `.crt`.
static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(include_str!("kubernetes/schema.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
});

/// Reads the documents of a file.
pub fn parse_objects(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Panics unless the object matches the schema.
pub fn check_object(object: &Value) {
    let errors: Vec<String> = SCHEMA
        .iter_errors(object)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}\n{object:#}", errors.join("\n"));
    if object["kind"] == "VirtualMachine" {
        check_machine(&object["spec"]);
    }
}

/// Checks references between parts of a machine
/// (`pkg/virt-api/webhooks/validating-webhook/admitters`).
fn check_machine(spec: &Value) {
    let instance = &spec["template"]["spec"];
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    let devices = &instance["domain"]["devices"];
    assert_eq!(names(&devices["disks"]), names(&instance["volumes"]));
    assert_eq!(names(&devices["interfaces"]), names(&instance["networks"]));
    admission::check_preference(spec);
    admission::check_devices(instance);
    let is_sized = !instance["domain"]["memory"].is_null() || !instance["domain"]["cpu"].is_null();
    assert!(is_sized != spec.get("instancetype").is_some(), "an instance type says its size");
    let templates = spec["dataVolumeTemplates"].as_array().into_iter().flatten();
    let templates: Vec<&Value> = templates.map(|template| &template["metadata"]["name"]).collect();
    for volume in instance["volumes"].as_array().into_iter().flatten() {
        let name = &volume["dataVolume"]["name"];
        assert!(name.is_null() || templates.contains(&name), "nobody makes {name}");
    }
}
