//! The *usage* of an image: how a virtual machine is made of it.

use diskette_builder::cluster::kubernetes::{
    ImageAccess, ImageSubject, MachineContent, MachineOptions, ObjectMeta, PreferenceRequirements,
    Quantity, RootDisk, SecureBoot, default_name, virtual_machine, write_yaml,
};
use diskette_builder::frontend::spec::{CatalogueEntry, CataloguePlatform, ImageDocs};
use diskette_builder::oci::image::reference::Reference;

use crate::commands::manifests::MEMORY;

/// What kind of example an image has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExampleKind {
    Image,
    Secure,
    Artifact,
}

impl ExampleKind {
    pub(super) fn of(entry: &CatalogueEntry) -> Self {
        match (entry.is_artifact(), entry.docs.secure_boot) {
            (true, _) => Self::Artifact,
            (false, true) => Self::Secure,
            (false, false) => Self::Image,
        }
    }

    /// Returns how virtual machines use an image of this kind.
    pub(super) fn usage(self, image: &str, entry: &CatalogueEntry) -> String {
        let short = entry.repository_name();
        match self {
            Self::Image => image_usage(short, image),
            Self::Secure => secure_usage(short, image, entry),
            Self::Artifact => artifact_usage(image),
        }
    }
}

/// Returns how virtual machines use an image.
fn image_usage(short: &str, image: &str) -> String {
    format!(
        "A virtual machine whose disk lasts as long as it runs:\n\n\
         ```shell\nvirtctl create vm --name {short} --volume-containerdisk=src:{image} \
         | kubectl apply -f -\n```\n\n\
         {}",
        import_usage(short, image)
    )
}

fn import_usage(short: &str, image: &str) -> String {
    format!(
        "One whose disk is imported into a volume, and stays:\n\n\
         ```shell\nvirtctl create vm --name {short} \
         --volume-import=type:registry,url:docker://{image},size:10Gi \
         | kubectl apply -f -\n```\n"
    )
}

/// Returns how virtual machines use a disk artifact.
fn artifact_usage(image: &str) -> String {
    format!(
        "A virtual machine whose disk lasts as long as it runs, with KubeVirt 1.10 and CRI-O:\n\n\
         ```shell\ndiskette manifests vm {image} | kubectl apply -f -\n```\n"
    )
}

/// Returns how virtual machines use an image with secure boot, for which virtctl has no option.
fn secure_usage(short: &str, image: &str, entry: &CatalogueEntry) -> String {
    let is_secure =
        |it: &&CataloguePlatform| it.platform.architecture == ImageDocs::SECURE_ARCHITECTURE;
    let platform = entry.platforms.iter().find(is_secure);
    let machine = platform.and_then(|platform| secure_machine(image, platform));
    let Some(machine) = machine else { return image_usage(short, image) };
    let others = entry.platforms.len() > 1;
    let others = if others {
        "\nSecure boot is for amd64; on other architectures leave out `architecture`, `features`, \
         `firmware` and `preference`.\n"
    } else {
        ""
    };
    format!(
        "A virtual machine whose disk lasts as long as it runs, with UEFI and secure boot:\n\n\
         ```shell\nkubectl apply -f - <<'EOF'\n{machine}EOF\n```\n{others}\n{}",
        import_usage(short, image)
    )
}

/// Returns the machine as YAML.
fn secure_machine(image: &str, platform: &CataloguePlatform) -> Option<String> {
    let reference: Reference = image.parse().ok()?;
    let name = default_name(&reference);
    let labels = platform.labels();
    let label = |kind: &str| labels.get(&format!("instancetype.kubevirt.io/default-{kind}"));
    let preference = label("preference").map(String::as_str);
    let least = preference.map(PreferenceRequirements::of_preference);
    let machine = MachineOptions {
        root: RootDisk::Image,
        instancetype: label("instancetype").map(String::as_str),
        preference,
        memory: Quantity::fitting(least.as_ref().map_or(MEMORY, |least| least.memory.max(MEMORY))),
        cpus: least.map(|least| least.cpus).filter(|cpus| *cpus > 1),
        content: MachineContent { uefi: Some(SecureBoot::On), ..MachineContent::default() },
        path: None,
        empty_disk: None,
        kernel_args: None,
        user_data: None,
    };
    let architecture = Some(ImageDocs::SECURE_ARCHITECTURE.to_owned());
    let subject = ImageSubject { reference, architecture, labels: labels.clone() };
    let meta = ObjectMeta { name: &name, namespace: None };
    write_yaml(&[virtual_machine(meta, &subject, ImageAccess::default(), &machine)]).ok()
}
