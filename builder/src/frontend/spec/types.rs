//! The *types* of a spec: what may stand in the file, key by key. The JSON Schema that editors
//! complete from is made of these types, so their comments are written for whoever writes a spec.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::diagnostic::Span;

/// The one version of the format.
pub(super) const API_VERSION: &str = "diskette/v1";

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

pub(super) type Text = Located<String>;

/// A mapping whose keys the user chooses, in the order of the file.
#[derive(Debug)]
pub(super) struct Entries<T>(pub(super) Vec<(Text, T)>);

/// A container image that carries virtual-machine disks, one for each platform.
#[derive(Debug, JsonSchema)]
#[schemars(title = "diskette spec", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Spec {
    /// Version of this format.
    #[schemars(required, extend("const" = API_VERSION))]
    pub(super) api_version: Option<Text>,
    /// Repository that the image is named after, without a tag, for example `quay.io/me/fedora`.
    /// May be left out when `-t` names the image.
    #[schemars(extend("pattern" = "^[^@\\s]+$"), extend("examples" = ["quay.io/me/fedora"]))]
    pub(super) image: Option<Text>,
    /// Tags of the image; `latest` when left out. Quote numbers: `"42"`.
    #[schemars(
        length(min = 1),
        inner(regex(pattern = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")),
        extend("examples" = [["42", "latest"]])
    )]
    pub(super) tags: Option<Located<Vec<Text>>>,
    /// What the image holds for each platform.
    #[schemars(required)]
    pub(super) platforms: Option<Platforms>,
    /// Where a distribution publishes the disks, in place of fixed ones: `platforms` is a list then.
    /// `diskette releases` shows what is there now.
    pub(super) release: Option<Located<ReleaseSpec>>,
    /// Labels that CDI sets on the volume it imports from this image, so that virtual machines
    /// made of it find their instance type and preference.
    pub(super) kubevirt: Option<Kubevirt>,
    /// Further files of the image, for example a kernel that KubeVirt boots directly. They are
    /// readable by everyone and belong to QEMU's user, 107.
    pub(super) files: Option<Vec<FileSpec>>,
    /// Environment variables of the image. Values are text: quote numbers and `true`.
    pub(super) env: Option<Entries<Text>>,
    /// Labels of the image itself (not of the imported volume; for those see `kubevirt`).
    pub(super) labels: Option<Entries<Text>>,
    /// Annotations on the image's index and manifests.
    pub(super) annotations: Option<Entries<Text>>,
}

/// What the image holds for each platform, or which platforms there are.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub(super) enum Platforms {
    /// Keys are `linux/amd64`, `linux/arm64` and so on; an architecture alone means Linux.
    #[schemars(extend("minProperties" = 1, "propertyNames" = {
        "pattern": "^[a-z0-9]+(/[a-z0-9]+(/[A-Za-z0-9.]+)?)?$",
        "examples": ["linux/amd64", "linux/arm64", "linux/s390x", "linux/ppc64le", "linux/riscv64"]
    }))]
    Each(Located<Entries<PlatformSpec>>),
    /// Of an image that follows a release.
    #[schemars(extend("minItems" = 1))]
    Names(Located<Vec<Text>>),
}

/// Where a distribution publishes its disks, and which of them is meant. In `url`, `file` and
/// `mirrors`, `{arch}` stands for the architecture as images call it (`amd64`), `{arch.uname}` for what
/// the machine itself says (`x86_64`).
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Release", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReleaseSpec {
    /// What form the list has that is at `url`.
    pub(super) from: Located<ReleaseKind>,
    /// The list of what is published.
    #[schemars(extend("pattern" = "^[Hh][Tt][Tt][Pp][Ss]?://"))]
    pub(super) url: Text,
    /// A regular expression that the whole name of the file matches. The newest is chosen by its group
    /// `version`: `disk-(?<version>[0-9.]+)[.]qcow2`.
    pub(super) file: Option<Text>,
    /// The release that is wanted, as the list calls it, where it has several.
    pub(super) version: Option<Text>,
    /// Of a directory: the file that has the checksums; `{file}` stands for the disk's name.
    /// `SHA256SUMS` when left out.
    #[schemars(extend("examples" = ["{file}.sha256"]))]
    pub(super) checksums: Option<Text>,
    /// Places that have the same files, each in place of the list's directory.
    pub(super) mirrors: Option<Vec<Text>>,
    /// OpenPGP keys of which one must have signed the list: a path relative to this file.
    pub(super) keyring: Option<Text>,
    /// Only these keys count, of all in `keyring`.
    #[schemars(inner(regex(pattern = "^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$")))]
    pub(super) fingerprints: Option<Vec<Text>>,
    /// The signature's URL, relative to the list, where it is neither in the list nor beside it.
    pub(super) signature: Option<Text>,
}

/// What form a list of releases has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub(super) enum ReleaseKind {
    /// Checksums, with the files beside: `SHA256SUMS`, `CHECKSUM`, `NAME.sha256`.
    Checksums,
    /// Fedora's `releases.json`.
    FedoraReleases,
    /// Debian's JSON beside each cloud image.
    DebianCloud,
    /// Simplestreams: an index, or a list of products.
    Simplestreams,
    /// A stream of Fedora CoreOS.
    CoreosStream,
    /// What a web server shows of a directory.
    Directory,
    /// The index of virt-builder.
    VirtBuilder,
}

/// What the image holds for one platform. Whatever is set here goes before the same setting at
/// the top of the file.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Platform", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PlatformSpec {
    /// The disk: a path relative to this file, or a URL.
    pub(super) disk: Source,
    /// Labels that CDI sets on the imported volume, for this platform.
    pub(super) kubevirt: Option<Kubevirt>,
    /// Further files for this platform, besides those at the top of the file.
    pub(super) files: Option<Vec<FileSpec>>,
    /// Environment variables for this platform.
    pub(super) env: Option<Entries<Text>>,
    /// Image labels for this platform.
    pub(super) labels: Option<Entries<Text>>,
}

/// Labels that CDI sets on the imported volume.
#[derive(Debug, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Kubevirt {
    /// Name of the instance type that suits the disk, for example `u1.medium`.
    #[schemars(extend("pattern" = VALUE), extend("examples" = ["u1.medium"]))]
    pub(super) instancetype: Option<Text>,
    /// `VirtualMachineInstancetype` if the instance type belongs to a namespace; clusters share
    /// it otherwise.
    #[schemars(extend("pattern" = VALUE), extend("examples" = ["VirtualMachineInstancetype"]))]
    pub(super) instancetype_kind: Option<Text>,
    /// Name of the preference that suits the disk, for example `fedora`.
    #[schemars(extend("pattern" = VALUE), extend("examples" = ["fedora"]))]
    pub(super) preference: Option<Text>,
    /// `VirtualMachinePreference` if the preference belongs to a namespace; clusters share it
    /// otherwise.
    #[schemars(extend("pattern" = VALUE), extend("examples" = ["VirtualMachinePreference"]))]
    pub(super) preference_kind: Option<Text>,
    /// Further labels of `kubevirt.io` or a domain below it.
    #[schemars(extend("propertyNames" = {
        "pattern": "^([a-z0-9]+\\.)*kubevirt\\.io/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        "examples": ["kubevirt.io/dynamic-credentials-support"]
    }))]
    pub(super) labels: Option<Entries<Text>>,
}

/// The schema's form of the rule for label values.
const VALUE: &str = "^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$";

/// One further file.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "File", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FileSpec {
    /// Where the file stands in the image, for example `/boot/vmlinuz`. Nothing besides the disk
    /// may stand at a path that begins with `/disk`.
    #[schemars(
        extend("pattern" = "^/", "not" = { "pattern": "^/disk" }),
        extend("examples" = ["/boot/vmlinuz"])
    )]
    pub(super) path: Text,
    /// The content: a path relative to this file, or a URL. It is not unpacked unless `unpack`
    /// says so.
    pub(super) source: Source,
}

/// Where content comes from.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub(super) enum Source {
    /// A path relative to this file, or an `http://` or `https://` URL.
    Plain(Text),
    /// A path or URL with what is known about its content.
    Detailed(Box<Details>),
}

/// A path or URL with what is known about its content. Exactly one of `path` and `url` is given.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "SourceDetails", rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["path"] }, { "required": ["url"] }]))]
pub(super) struct Details {
    /// A path relative to this file.
    #[schemars(extend("examples" = ["Fedora-Cloud-42.x86_64.qcow2"]))]
    pub(super) path: Option<Text>,
    /// An `http://` or `https://` URL. It needs a checksum.
    #[schemars(extend("pattern" = "^[Hh][Tt][Tt][Pp][Ss]?://"))]
    pub(super) url: Option<Text>,
    /// SHA-256 of the file as it lies there, before unpacking: 64 hexadecimal digits.
    #[schemars(extend("pattern" = "^(sha256:)?[0-9A-Fa-f]{64}$"))]
    pub(super) sha256: Option<Text>,
    /// SHA-512 of the file as it lies there, before unpacking: 128 hexadecimal digits.
    #[schemars(extend("pattern" = "^(sha512:)?[0-9A-Fa-f]{128}$"))]
    pub(super) sha512: Option<Text>,
    /// How the file is packed. A disk that is named `.gz`, `.xz`, `.zst` or `.bz2` is unpacked
    /// without saying so; `none` leaves it as it is.
    pub(super) unpack: Option<Located<Unpack>>,
    /// Name of the disk inside the image, under `/disk`; the name of the file when left out.
    #[schemars(extend("pattern" = "^[^/]+$"), extend("examples" = ["disk.qcow2"]))]
    pub(super) name: Option<Text>,
    /// What the disk is converted to on its way into the image, from raw, qcow2, VMDK, VHD, VHDX or
    /// VDI. It needs a `path`, and a file that is not packed.
    pub(super) convert: Option<Located<Convert>>,
    /// How the clusters of a disk that is converted to qcow2 are packed; `none` when left out, since
    /// the image's layers are compressed anyway.
    pub(super) compress: Option<Located<Compress>>,
}

/// What a disk is converted to. Its name in the image ends accordingly, unless `name` says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub(super) enum Convert {
    /// qcow2, in which zeros take no room.
    Qcow2,
    /// The disk byte for byte, named `.img`.
    Raw,
}

/// How the clusters of a qcow2 are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub(super) enum Compress {
    /// Deflate, read by every QEMU.
    Zlib,
    /// Zstandard, read by QEMU 5.1 and later.
    Zstd,
    /// Not at all: larger on the node, and faster for the virtual machine.
    None,
}

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub(super) enum Unpack {
    /// gzip.
    Gz,
    /// xz.
    Xz,
    /// Zstandard.
    Zst,
    /// bzip2.
    Bz2,
    /// Not packed, whatever its name says.
    None,
}

impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Entries".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <std::collections::BTreeMap<String, T>>::json_schema(generator)
    }
}
