//! The *types* of a spec: the format of the file, key by key. The JSON Schema that editors complete
//! from is generated from these types, so their comments are written for authors of specs.

use schemars::JsonSchema;

use super::compression::LayerCompressionSpec;
use super::content::{FileSpec, KubevirtSpec, SpecPlatforms};
use super::located::{Located, LocatedText, UserMapping};
use super::machine::MachineSpec;
use super::release::{DocsSpec, PolicySpec, ReleaseSpec};
use crate::recipe::AttestationKind;
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
                        "propertyNames": { "enum": ["disks", "compression"] }
                    }
                }
            },
            "if": { "properties": { "vm": { "required": ["ova"], "type": "object" } } },
            "else": {
                "properties": {
                    "platforms": { "additionalProperties": { "required": ["disks"] } }
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
                    "additionalProperties": { "propertyNames": { "enum": ["disk", "release"] } }
                }
            },
            "not": { "anyOf": [
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
    /// What to say of a compression if this is a disk artifact by its `format`.
    #[schemars(skip)]
    pub(super) for_compressed: Vec<Diagnostic>,
    /// The format that an option says, in place of the one in the file.
    #[schemars(skip)]
    pub(super) chosen_format: Option<SpecFormat>,
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
    /// The image that this one refers to, as signatures and SBOMs do: a reference, `oci:DIR:TAG` or
    /// `oci-archive:FILE`. The repository must have it; `diskette referrers` lists what refers to it.
    #[schemars(extend("examples" = ["quay.io/me/fedora-bootc:42"]))]
    pub(super) subject: Option<LocatedText>,
    /// What is said of the image in attestations, as `--attest` does.
    pub(super) attest: Option<Located<Vec<Located<AttestationKind>>>>,
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
        let own = self.format.as_ref().map(|format| format.value);
        self.chosen_format.or(own) == Some(SpecFormat::Artifact)
    }

    /// Returns what to say of a compression: layers of a disk artifact have none. An option that says
    /// that it is one is no mistake of the file.
    pub(super) fn check_compressed<'a>(&self, found: &'a [Diagnostic]) -> &'a [Diagnostic] {
        if self.chosen_format.is_some() { &[] } else { found }
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
pub enum SpecFormat {
    /// A container image, by the OCI image specification.
    Oci,
    /// An artifact whose only layer is the disk.
    Artifact,
}
