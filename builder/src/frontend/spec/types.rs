//! The *types* of a spec: the format of the file, key by key. The JSON Schema that editors complete
//! from is generated from these types, so their comments are written for authors of specs.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::located::{Located, LocatedText, UserMapping};
use super::node::Node;
use super::release::{DocsSpec, PolicySpec, ReleaseChanges, ReleaseSpec};
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
    }
]))]
pub(super) struct Spec {
    /// Version of this format.
    #[schemars(required, extend("const" = API_VERSION))]
    pub(super) api_version: Option<LocatedText>,
    /// What is built: a container image with a disk, or an artifact of a whole virtual machine with
    /// its disks, which KubeVirt imports; an image when left out.
    pub(super) kind: Option<Located<SpecKind>>,
    /// What to say of keys for images if this is an artifact.
    #[schemars(skip)]
    pub(super) for_images: Vec<Diagnostic>,
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

/// What is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Kind", rename_all = "lowercase")]
pub(super) enum SpecKind {
    /// A container image with a disk for each platform.
    Image,
    /// An artifact of a virtual machine with its disks.
    Vm,
}

/// A virtual machine.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Vm", untagged)]
pub(super) enum MachineSpec {
    /// Path of a file with it, relative to this file.
    File(LocatedText),
    /// The object itself.
    Inline(InlineMachine),
}

/// An object of Kubernetes in the spec.
#[derive(Debug)]
pub(super) struct InlineMachine(pub(super) Node);

impl JsonSchema for InlineMachine {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Object".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "required": ["apiVersion", "kind"] })
    }
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
    /// What to say of keys for images if this is an artifact.
    #[schemars(skip)]
    pub(super) for_images: Vec<Diagnostic>,
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

/// Compression of the layers of an image, for example `zstd`.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "LayerCompression", untagged)]
pub(super) enum LayerCompressionSpec {
    /// A compression with its default level.
    Type(Located<CompressionType>),
    /// A compression and its level.
    Detailed(LayerCompressionDetails),
}

/// A compression and its level.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "LayerCompressionDetails", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LayerCompressionDetails {
    /// The compression.
    #[schemars(rename = "type", required)]
    pub(super) kind: Option<Located<CompressionType>>,
    /// The level: 1 to 12 of gzip, 1 to 19 of zstd; higher ones are slower and give smaller layers.
    #[schemars(with = "Option<u8>", range(min = 1, max = 19))]
    pub(super) level: Option<Located<u8>>,
}

/// A compression of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub(super) enum CompressionType {
    /// gzip, read by everything.
    Gzip,
    /// Zstandard, smaller and faster; read by containerd, CRI-O, podman, docker from version 23, and
    /// every version of CDI.
    Zstd,
    /// Zstandard in chunks, of which podman and CRI-O can fetch only those that they lack; read by
    /// everything that reads zstd.
    #[schemars(rename = "zstd:chunked")]
    ZstdChunked,
    /// No compression.
    None,
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

/// Where content comes from.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Source", untagged)]
pub(super) enum SourceSpec {
    /// A path relative to this file, or an `http://` or `https://` URL.
    Plain(LocatedText),
    /// A path or URL, with properties of its content.
    Detailed(Box<SourceDetails>),
}

/// A path, URL or image, with properties of its content. Exactly one of `path`, `url`, `ova` and `image` is given.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "SourceDetails", rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    { "required": ["path"] },
    { "required": ["url"] },
    { "required": ["ova"] },
    { "required": ["image"] }
]))]
pub(super) struct SourceDetails {
    /// A path relative to this file.
    #[schemars(extend("examples" = ["Fedora-Cloud-42.x86_64.qcow2"]))]
    pub(super) path: Option<LocatedText>,
    /// An `http://` or `https://` URL. It needs a checksum.
    #[schemars(extend("pattern" = "^[Hh][Tt][Tt][Pp][Ss]?://"))]
    pub(super) url: Option<LocatedText>,
    /// An OVA, or another tar, and the disk in it that is taken.
    pub(super) ova: Option<OvaSpec>,
    /// An image whose disk is taken: a containerDisk, a VM artifact, or another artifact with a disk as its layer. The
    /// image of this platform is chosen; a digest pins it.
    #[schemars(extend("examples" = ["quay.io/containerdisks/fedora:42", "oci:DIR:TAG"]))]
    pub(super) image: Option<LocatedText>,
    /// The disk of an `image` that has several: the name of the volume in a VM artifact, the name of a file, or the
    /// hypervisor in an image of podman machine; `qemu` by default there.
    #[schemars(extend("examples" = ["rootdisk"]))]
    pub(super) disk: Option<LocatedText>,
    /// SHA-256 of the file as stored, before decompression: 64 hexadecimal digits.
    #[schemars(extend("pattern" = "^(sha256:)?[0-9A-Fa-f]{64}$"))]
    pub(super) sha256: Option<LocatedText>,
    /// SHA-512 of the file as stored, before decompression: 128 hexadecimal digits.
    #[schemars(extend("pattern" = "^(sha512:)?[0-9A-Fa-f]{128}$"))]
    pub(super) sha512: Option<LocatedText>,
    /// Compression of the file. A disk that is named `.gz`, `.xz`, `.zst` or `.bz2` is
    /// decompressed by default; `none` keeps it as it is.
    pub(super) unpack: Option<Located<UnpackSpec>>,
    /// File name of the disk in the image, in `/disk`; by default the name of the file.
    #[schemars(extend("pattern" = "^[^/]+$"), extend("examples" = ["disk.qcow2"]))]
    pub(super) name: Option<LocatedText>,
    /// What the disk is converted to on its way into the image, from raw, qcow2, VMDK, VHD, VHDX or
    /// VDI. It needs a `path`, and a file that is not compressed.
    pub(super) convert: Option<Located<ConvertSpec>>,
    /// Compression of the clusters of a disk that is converted to qcow2; `none` by default, since
    /// the image's layers are compressed anyway.
    pub(super) compress: Option<Located<CompressSpec>>,
    /// A file with headers that the request for the `url` has, one a line: `Authorization: Bearer TOKEN`.
    /// They go to the server of the `url` alone.
    #[schemars(rename = "headers-file")]
    pub(super) headers_file: Option<LocatedText>,
    /// A file with certificates, as PEM, of an authority that is trusted for the server of the `url`.
    #[schemars(rename = "ca-file")]
    pub(super) ca_file: Option<LocatedText>,
    /// Whether the disk and its backing files become one disk. The files are in the directory of the
    /// disk or below.
    #[schemars(with = "Option<bool>")]
    pub(super) flatten: Option<Located<FlattenSpec>>,
    /// Size of the disk that virtual machines see; at least that of the source. It needs a `path`,
    /// and a file that is not compressed.
    pub(super) size: Option<Located<SizeSpec>>,
}

impl SourceDetails {
    /// Returns whether it is given where the content comes from.
    pub(super) fn has_location(&self) -> bool {
        let is_file = self.path.is_some() || self.ova.is_some();
        is_file || self.url.is_some() || self.image.is_some()
    }
}

/// A disk in an archive.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Ova", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OvaSpec {
    /// Path of the archive, relative to this file.
    #[schemars(required, extend("examples" = ["appliance.ova"]))]
    pub(super) path: Option<LocatedText>,
    /// The disk: the name of its file, its identifier in the OVA, or its position from 1 on; by default
    /// the one that the machine boots from, or the only one.
    pub(super) disk: Option<Located<OvaDiskSpec>>,
}

/// Which disk of an archive is taken.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "OvaDisk", untagged)]
pub(super) enum OvaDiskSpec {
    /// Position from 1 on.
    Number(usize),
    /// Name of the file, or identifier.
    Name(String),
}

/// Whether a disk and its backing files become one disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FlattenSpec(pub(super) bool);

/// Size of a disk.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Size", untagged)]
pub(super) enum SizeSpec {
    /// Number of bytes.
    Bytes(u64),
    /// Quantity as Kubernetes writes it.
    #[schemars(
        extend("pattern" = "^[0-9]+(\\.[0-9]{1,9})?([KMGTPE]i|[kMGTPE])?$"),
        extend("examples" = ["20Gi"])
    )]
    Quantity(String),
}

/// What a disk is converted to. Its name in the image ends accordingly, unless `name` says
/// otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Convert", rename_all = "lowercase")]
pub(super) enum ConvertSpec {
    /// qcow2, in which zeros take no space.
    Qcow2,
    /// Raw disk, named `.img`.
    Raw,
}

/// Compression of the clusters of a qcow2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Compress", rename_all = "lowercase")]
pub(super) enum CompressSpec {
    /// Deflate, supported by every version of QEMU.
    Zlib,
    /// Zstandard, supported by QEMU 5.1 and later.
    Zstd,
    /// No compression: larger on the node, faster for the virtual machine.
    None,
}

/// Compression of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Unpack", rename_all = "lowercase")]
pub(super) enum UnpackSpec {
    /// gzip.
    Gz,
    /// xz.
    Xz,
    /// Zstandard.
    Zst,
    /// bzip2.
    Bz2,
    /// Not compressed, whatever its name.
    None,
}
