//! Tests of whole objects, as they are written.

mod authorities;
mod machines;
mod secrets;
mod values;
mod volumes;

use snapbox::{IntoData, assert_data_eq};

use super::*;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const HERE: ObjectMeta<'_> = ObjectMeta { name: "fedora", namespace: None };
const THERE: ObjectMeta<'_> = ObjectMeta { name: "fedora", namespace: Some("vms") };

fn subject(env: &[&str]) -> ImageSubject {
    ImageSubject {
        reference: format!("quay.io/me/fedora@{DIGEST}").parse().unwrap(),
        architecture: None,
        labels: labels_from_env(env.iter().copied()),
    }
}

fn storage() -> VolumeStorage<'static> {
    VolumeStorage { size: Some(Quantity::fitting(5 << 30)), class: None, access_mode: None }
}

fn machine(root: RootDisk<'_>) -> MachineOptions<'_> {
    let memory = "2Gi".parse().unwrap();
    MachineOptions {
        root,
        instancetype: None,
        preference: None,
        memory,
        cpus: None,
        content: MachineContent::default(),
        path: None,
        empty_disk: None,
        kernel_args: None,
        user_data: None,
    }
}

fn check(object: impl Into<KubernetesObject>, expected: impl IntoData) {
    let written = write_yaml(&[object.into()]).unwrap().replace(DIGEST, "sha256:[HEX]");
    assert_data_eq!(written, expected.raw());
}

const ALL: ImageAccess<'_> = ImageAccess {
    pull_secret: Some("fedora-pull"),
    import_secret: Some("fedora-import"),
    authorities: Some("fedora-ca"),
    pull_method: PullMethod::Pod,
};

const DECLARED: [&str; 2] = [
    "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_INSTANCETYPE=u1.medium",
    "INSTANCETYPE_KUBEVIRT_IO_DEFAULT_PREFERENCE=fedora",
];
