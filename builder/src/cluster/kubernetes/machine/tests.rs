//! Tests of what KubeVirt's webhook for machines accepts.

use serde_json::{Value, json};

use super::*;

const HERE: ObjectMeta<'_> = ObjectMeta { name: "vm", namespace: None };

fn options() -> MachineOptions<'static> {
    MachineOptions {
        root: RootDisk::Image,
        instancetype: None,
        preference: None,
        memory: Quantity::fitting(2 << 30),
        cpus: None,
        user_data: None,
    }
}

/// Returns the spec of the instance of a machine.
fn instance(options: &MachineOptions<'_>) -> Value {
    let subject = ImageSubject {
        reference: "quay.io/me/vm:1".parse().unwrap(),
        architecture: None,
        labels: std::collections::BTreeMap::new(),
    };
    let object = virtual_machine(HERE, &subject, ImageAccess::default(), options);
    object.value["spec"]["template"]["spec"].clone()
}

#[test]
fn processors_are_where_the_preference_counts_them() {
    let check = |preference: Option<&str>, instancetype: Option<&str>, cpus, expected: Value| {
        let options = MachineOptions { instancetype, preference, cpus, ..options() };
        let found = &instance(&options)["domain"]["cpu"];
        assert_eq!(*found, expected, "{preference:?} {instancetype:?} {cpus:?}");
    };
    let sockets = json!({ "sockets": 4, "cores": 1, "threads": 1 });
    check(None, None, None, Value::Null);
    check(None, None, Some(4), json!({ "cores": 4 }));
    check(Some("fedora"), None, None, Value::Null);
    check(Some("fedora"), None, Some(4), sockets.clone());
    check(Some("of-the-user"), None, Some(4), sockets.clone());
    check(Some("rhel.9.dpdk"), None, Some(4), sockets.clone());
    check(Some("rhel.9.realtime"), None, Some(4), sockets);
    let cores = json!({ "sockets": 1, "cores": 4, "threads": 1 });
    check(Some("windows.10"), None, Some(4), cores.clone());
    check(Some("windows.11.virtio"), None, Some(4), cores);
    check(Some("windows.11"), Some("u1.medium"), Some(4), Value::Null);
}

#[test]
fn user_data_is_where_it_fits() {
    let check = |len: usize, expected: Result<Value, UserDataError>| {
        let text = "x".repeat(len);
        let found = UserData::new(text.clone(), || "vm-cloudinit".into());
        let volume = found.map(|user_data| {
            let options = MachineOptions { user_data: Some(&user_data), ..options() };
            instance(&options)["volumes"][1]["cloudInitNoCloud"].clone()
        });
        assert_eq!(volume, expected, "{len}");
    };
    let secret = json!({ "secretRef": { "name": "vm-cloudinit" } });
    check(0, Err(UserDataError::Empty));
    check(1, Ok(json!({ "userData": "x" })));
    check(2048, Ok(json!({ "userData": "x".repeat(2048) })));
    check(2049, Ok(secret.clone()));
    check(1 << 20, Ok(secret));
    check((1 << 20) + 1, Err(UserDataError::TooLong((1 << 20) + 1)));
}
