//! The *types* of a spec: the format of the file, key by key. The JSON Schema that editors complete
//! from is generated from these types, so their comments are written for authors of specs.

use schemars::JsonSchema;

use super::compression::LayerCompressionSpec;
use super::located::{Located, LocatedText, UserMapping};
use super::machine::MachineSpec;
use super::release::{DocsSpec, PolicySpec, ReleaseChanges, ReleaseSpec};
use super::source::SourceSpec;
use crate::recipe::diagnostic::Diagnostic;

/// The one version of the format.
pub(super) const API_VERSION: &str = "diskette/v1";

/// A container image that carries virtual-machine disks, one for each platform.
#[derive(Debug, JsonSchema)]
#[schemars(title = "diskette spec", rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("allOf" = [
    {
        "if": { "not": { "required": ["release"] } },
        "then": {
            "properties": {
                "platforms": {
                    "type": "object",
                    "additionalProperties": { "not": { "required": ["release"] } }
                }
            },
            "not": { "anyOf": [{ "required": ["policy"] }, { "required": ["docs"] }] }
        }
    },
    {
        "if": { "properties": { "kind": { "const": "vm" } }, "required": ["kind"] },
        "then": {
            "required": ["vm"],
            "properties": {
                "platforms": {
                    "type": "object",
                    "additionalProperties": {
                        "required": ["disks"],
                        "propertyNames": { "enum": ["disks", "compression"] }
                    }
                }
            },
            "not": { "anyOf": [
                { "required": ["release"] },
                { "required": ["format"] },
                { "required": ["kubevirt"] },
                { "required": ["files"] },
                { "required": ["env"] },
                { "required": ["labels"] }
            ] }
        },
        "else": {
            "not": { "required": ["vm"] },
            "if": { "not": { "required": ["release"] } },
            "then": {
                "properties": {
                    "platforms": {
                        "additionalProperties": {
                            "required": ["disk"],
                            "not": { "required": ["disks"] }
                        }
                    }
                }
            }
        }
    },
    {
        "if": { "properties": { "format": { "const": "artifact" } }, "required": ["format"] },
        "then": {
            "properties": {
                "platforms": {
                    "type": "object",
                    "additionalProperties": { "propertyNames": { "const": "disk" } }
                }
            },
            "not": { "anyOf": [
                { "required": ["release"] },
                { "required": ["kubevirt"] },
                { "required": ["files"] },
                { "required": ["env"] },
                { "required": ["labels"] },
                { "required": ["compression"] }
            ] }
        }
    }
]))]
pub(super) struct Spec {
    /// Version of this format.
    #[schemars(required, extend("const" = API_VERSION))]
    pub(super) api_version: Option<LocatedText>,
    /// What is built: a container image with a disk, or an artifact of a whole virtual machine with
    /// its disks, which KubeVirt imports; an image when left out.
    pub(super) kind: Option<Located<SpecKind>>,
    /// What the disk is built into: a container image, or an artifact that is the disk itself, which
    /// CRI-O mounts and KubeVirt 1.10 boots; an image when left out.
    pub(super) format: Option<Located<SpecFormat>>,
    /// What to say of keys for images if this is a VM artifact.
    #[schemars(skip)]
    pub(super) for_images: Vec<Diagnostic>,
    /// What to say of keys for images if this is a disk artifact.
    #[schemars(skip)]
    pub(super) for_containers: Vec<Diagnostic>,
    /// What to say of keys for artifacts if this is an image.
    #[schemars(skip)]
    pub(super) for_machines: Vec<Diagnostic>,
    /// The virtual machine of an artifact: the path of a file with a `VirtualMachine` or a
    /// `VirtualMachineTemplate`, relative to this file, or the object itself.
    pub(super) vm: Option<MachineSpec>,
    /// Repository that the image is named after, without a tag, for example `quay.io/me/fedora`.
    /// May be left out when `-t` names the image.
    #[schemars(extend("pattern" = "^[^@\\s]+$"), extend("examples" = ["quay.io/me/fedora"]))]
    pub(super) image: Option<LocatedText>,
    /// Tags of the image; `latest` when left out. Quote numbers: `"42"`. Where the image follows a
    /// release, `{version}`, `{timestamp}` (`YYMMDDHHMM`) and `{NAME}` for a group of `file` stand
    /// for properties of the release; the first tag without them identifies the image.
    #[schemars(
        length(min = 1),
        inner(regex(pattern = "^[A-Za-z0-9_{][A-Za-z0-9_.{}-]{0,127}$")),
        extend("examples" = [["42", "latest"]])
    )]
    pub(super) tags: Option<Located<Vec<LocatedText>>>,
    /// Content of the image for each platform.
    #[schemars(required)]
    pub(super) platforms: Option<SpecPlatforms>,
    /// Where a distribution publishes the disks, in place of fixed ones: `platforms` is a list
    /// then. `diskette releases` shows what is there now, `diskette sync` publishes it.
    pub(super) release: Option<Located<ReleaseSpec>>,
    /// How an image that follows a release is published.
    pub(super) policy: Option<Located<PolicySpec>>,
    /// Description of an image that follows a release.
    pub(super) docs: Option<DocsSpec>,
    /// Labels that CDI sets on the volume it imports from this image, so that virtual machines
    /// made of it find their instance type and preference.
    pub(super) kubevirt: Option<KubevirtSpec>,
    /// Further files of the image, for example a kernel that KubeVirt boots directly. They are
    /// readable by everyone and belong to QEMU's user, 107.
    pub(super) files: Option<Vec<FileSpec>>,
    /// Environment variables of the image. Values are text: quote numbers and `true`.
    pub(super) env: Option<UserMapping<LocatedText>>,
    /// Labels of the image itself (not of the imported volume; for those see `kubevirt`).
    pub(super) labels: Option<UserMapping<LocatedText>>,
    /// Annotations on the image's index and manifests.
    pub(super) annotations: Option<UserMapping<LocatedText>>,
    /// Compression of the image's layers; gzip when left out.
    pub(super) compression: Option<LayerCompressionSpec>,
}

impl Spec {
    /// Returns whether an artifact of a disk is built.
    pub(super) fn is_disk_artifact(&self) -> bool {
        self.format.as_ref().is_some_and(|format| format.value == SpecFormat::Artifact)
    }
}

/// What is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Kind", rename_all = "lowercase")]
pub(super) enum SpecKind {
    /// A container image with a disk for each platform.
    Image,
    /// An artifact of a virtual machine with its disks.
    Vm,
}

/// What the disk is built into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Format", rename_all = "lowercase")]
pub(super) enum SpecFormat {
    /// A container image, by the OCI image specification.
    Oci,
    /// An artifact whose only layer is the disk.
    Artifact,
}

/// What the image holds for each platform, or which platforms there are.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Platforms", untagged)]
pub(super) enum SpecPlatforms {
    /// Keys are `linux/amd64`, `linux/arm64` and so on; an architecture alone means Linux.
    #[schemars(extend("minProperties" = 1, "propertyNames" = {
        "pattern": "^[a-z0-9]+(/[a-z0-9]+(/[A-Za-z0-9.]+)?)?$",
        "examples": ["linux/amd64", "linux/arm64", "linux/s390x", "linux/ppc64le", "linux/riscv64"]
    }))]
    Each(Located<UserMapping<PlatformSpec>>),
    /// Of an image that follows a release.
    #[schemars(extend("minItems" = 1))]
    Names(Located<Vec<LocatedText>>),
}

/// Content of the image for one platform. Settings here override those at the
/// top of the file.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Platform", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PlatformSpec {
    /// The disk: a path relative to this file, or a URL. Left out where the image follows a
    /// release.
    pub(super) disk: Option<SourceSpec>,
    /// Where the disk is in the image if not in `/disk`, for example `/images/disk.qcow2`. Virtual
    /// machines name it as `containerDisk.path`; CDI does not find it.
    #[schemars(extend("pattern" = "^(/[^/]+)+$"), extend("examples" = ["/images/disk.qcow2"]))]
    pub(super) path: Option<LocatedText>,
    /// What to say if there has to be a disk and there is none.
    #[schemars(skip)]
    pub(super) without_disk: Option<Diagnostic>,
    /// The disks of a virtual machine, by the names of its volumes: paths relative to this file, or
    /// URLs. Each becomes a raw disk.
    #[schemars(extend("examples" = [{ "root": "root.qcow2" }]))]
    pub(super) disks: Option<Located<UserMapping<SourceSpec>>>,
    /// What to say of keys for images if this is a VM artifact.
    #[schemars(skip)]
    pub(super) for_images: Vec<Diagnostic>,
    /// What to say of keys for images if this is a disk artifact.
    #[schemars(skip)]
    pub(super) for_containers: Vec<Diagnostic>,
    /// What to say of keys for artifacts if this is an image.
    #[schemars(skip)]
    pub(super) for_machines: Vec<Diagnostic>,
    /// What to say if there have to be disks and there are none.
    #[schemars(skip)]
    pub(super) without_disks: Option<Diagnostic>,
    /// What is published otherwise for this platform, of an image that follows a release.
    pub(super) release: Option<Located<ReleaseChanges>>,
    /// Labels that CDI sets on the imported volume, for this platform.
    pub(super) kubevirt: Option<KubevirtSpec>,
    /// Further files for this platform, besides those at the top of the file.
    pub(super) files: Option<Vec<FileSpec>>,
    /// Environment variables for this platform.
    pub(super) env: Option<UserMapping<LocatedText>>,
    /// Image labels for this platform.
    pub(super) labels: Option<UserMapping<LocatedText>>,
    /// Compression of the layers for this platform.
    pub(super) compression: Option<LayerCompressionSpec>,
}

/// Labels that CDI sets on the imported volume.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Kubevirt", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KubevirtSpec {
    /// Name of the instance type that suits the disk, for example `u1.medium`.
    #[schemars(extend("pattern" = LABEL_VALUE_PATTERN), extend("examples" = ["u1.medium"]))]
    pub(super) instancetype: Option<LocatedText>,
    /// `VirtualMachineInstancetype` if the instance type belongs to a namespace; clusters share
    /// it otherwise.
    #[schemars(extend("pattern" = LABEL_VALUE_PATTERN), extend("examples" = ["VirtualMachineInstancetype"]))]
    pub(super) instancetype_kind: Option<LocatedText>,
    /// Name of the preference that suits the disk, for example `fedora`.
    #[schemars(extend("pattern" = LABEL_VALUE_PATTERN), extend("examples" = ["fedora"]))]
    pub(super) preference: Option<LocatedText>,
    /// `VirtualMachinePreference` if the preference belongs to a namespace; clusters share it
    /// otherwise.
    #[schemars(extend("pattern" = LABEL_VALUE_PATTERN), extend("examples" = ["VirtualMachinePreference"]))]
    pub(super) preference_kind: Option<LocatedText>,
    /// Further labels of `kubevirt.io` or a domain below it.
    #[schemars(extend("propertyNames" = {
        "pattern": "^([a-z0-9]+\\.)*kubevirt\\.io/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        "examples": ["kubevirt.io/dynamic-credentials-support"]
    }))]
    pub(super) labels: Option<UserMapping<LocatedText>>,
}

/// The schema's form of the rule for label values.
const LABEL_VALUE_PATTERN: &str = "^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$";

/// One further file.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "File", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FileSpec {
    /// Path of the file in the image, for example `/boot/vmlinuz`. Only the disk may
    /// have a path that begins with `/disk`.
    #[schemars(
        extend("pattern" = "^/", "not" = { "pattern": "^/disk" }),
        extend("examples" = ["/boot/vmlinuz"])
    )]
    pub(super) path: LocatedText,
    /// The content: a path relative to this file, or a URL. It is decompressed only if `unpack`
    /// is set.
    pub(super) source: SourceSpec,
}
