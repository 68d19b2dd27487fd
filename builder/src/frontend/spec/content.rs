//! The types of the *content* of an image: its platforms with their disks, further files and labels. Their
//! comments are written for authors of specs, as those of the spec.

use schemars::JsonSchema;

use super::compression::LayerCompressionSpec;
use super::located::{Located, LocatedText, UserMapping};
use super::release::ReleaseChanges;
use super::source::SourceSpec;
use crate::recipe::diagnostic::Diagnostic;

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
    /// What to say of a compression if this is a disk artifact by its `format`.
    #[schemars(skip)]
    pub(super) for_compressed: Vec<Diagnostic>,
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
