//! **Virtual machines** in registries: KubeVirt's exporter and the checks of its importers, implemented a
//! second time and independently of the program. An artifact that the program writes must be one that they
//! accept, and it must read what they write.

pub mod exporter;
pub mod importer;

/// Artifact types of a virtual machine and of a template, with the types of their configs.
const TYPES: [(&str, &str); 2] = [
    (
        "application/vnd.kubevirt.virtualmachine.v1",
        "application/vnd.kubevirt.virtualmachine.config.v1+json",
    ),
    (
        "application/vnd.kubevirt.virtualmachinetemplate.v1",
        "application/vnd.kubevirt.virtualmachinetemplate.config.v1+json",
    ),
];

const DISK: &str = "application/vnd.kubevirt.disk.raw+zstd";
const NAME: &str = "io.kubevirt.disk.name";
const SIZE: &str = "io.kubevirt.disk.size";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
