//! The *types* of a source in a spec, key by key; see [`super::super::types`].

use schemars::JsonSchema;

use crate::frontend::spec::located::{Located, LocatedText};

/// Where content comes from.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Source", untagged)]
pub(in crate::frontend::spec) enum SourceSpec {
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
pub(in crate::frontend::spec) struct SourceDetails {
    /// A path relative to this file.
    #[schemars(extend("examples" = ["Fedora-Cloud-42.x86_64.qcow2"]))]
    pub(in crate::frontend::spec) path: Option<LocatedText>,
    /// An `http://` or `https://` URL. It needs a checksum.
    #[schemars(extend("pattern" = "^[Hh][Tt][Tt][Pp][Ss]?://"))]
    pub(in crate::frontend::spec) url: Option<LocatedText>,
    /// An OVA, or another tar, and the disk in it that is taken.
    pub(in crate::frontend::spec) ova: Option<OvaSpec>,
    /// An image whose disk is taken: a containerDisk, a VM artifact, or another artifact with a disk as its layer. The
    /// image of this platform is chosen; a digest pins it.
    #[schemars(extend("examples" = ["quay.io/containerdisks/fedora:42", "oci:DIR:TAG"]))]
    pub(in crate::frontend::spec) image: Option<LocatedText>,
    /// The disk of an `image` that has several: the name of the volume in a VM artifact, the name of a file, or the
    /// hypervisor in an image of podman machine; `qemu` by default there.
    #[schemars(extend("examples" = ["rootdisk"]))]
    pub(in crate::frontend::spec) disk: Option<LocatedText>,
    /// SHA-256 of the file as stored, before decompression: 64 hexadecimal digits.
    #[schemars(extend("pattern" = "^(sha256:)?[0-9A-Fa-f]{64}$"))]
    pub(in crate::frontend::spec) sha256: Option<LocatedText>,
    /// SHA-512 of the file as stored, before decompression: 128 hexadecimal digits.
    #[schemars(extend("pattern" = "^(sha512:)?[0-9A-Fa-f]{128}$"))]
    pub(in crate::frontend::spec) sha512: Option<LocatedText>,
    /// Compression of the file. A disk that is named `.gz`, `.xz`, `.zst` or `.bz2` is
    /// decompressed by default; `none` keeps it as it is.
    pub(in crate::frontend::spec) unpack: Option<Located<UnpackSpec>>,
    /// File name of the disk in the image, in `/disk`; by default the name of the file.
    #[schemars(extend("pattern" = "^[^/]+$"), extend("examples" = ["disk.qcow2"]))]
    pub(in crate::frontend::spec) name: Option<LocatedText>,
    /// What the disk is converted to on its way into the image, from raw, qcow2, VMDK, VHD, VHDX or
    /// VDI. It needs a `path`, and a file that is not compressed.
    pub(in crate::frontend::spec) convert: Option<Located<ConvertSpec>>,
    /// Compression of the clusters of a disk that is converted to qcow2; `none` by default, since
    /// the image's layers are compressed anyway.
    pub(in crate::frontend::spec) compress: Option<Located<CompressSpec>>,
    /// A file with headers that the request for the `url` has, one a line: `Authorization: Bearer TOKEN`.
    /// They go to the server of the `url` alone.
    #[schemars(rename = "headers-file")]
    pub(in crate::frontend::spec) headers_file: Option<LocatedText>,
    /// A file with certificates, as PEM, of an authority that is trusted for the server of the `url`.
    #[schemars(rename = "ca-file")]
    pub(in crate::frontend::spec) ca_file: Option<LocatedText>,
    /// Whether the disk and its backing files become one disk. The files are in the directory of the
    /// disk or below.
    #[schemars(with = "Option<bool>")]
    pub(in crate::frontend::spec) flatten: Option<Located<SwitchSpec>>,
    /// Whether what is free in the file systems of the disk, ext2 to ext4 and FAT, becomes zeros. They
    /// have to be unmounted and without errors. It needs a `path`, and a file that is not compressed.
    #[schemars(with = "Option<bool>")]
    pub(in crate::frontend::spec) discard: Option<Located<SwitchSpec>>,
    /// Size of the disk that virtual machines see; at least that of the source. It needs a `path`,
    /// and a file that is not compressed.
    pub(in crate::frontend::spec) size: Option<Located<SizeSpec>>,
}

impl SourceDetails {
    /// Returns whether it is given where the content comes from.
    pub(in crate::frontend::spec) fn has_location(&self) -> bool {
        let is_file = self.path.is_some() || self.ova.is_some();
        is_file || self.url.is_some() || self.image.is_some()
    }
}

/// A disk in an archive.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Ova", rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::frontend::spec) struct OvaSpec {
    /// Path of the archive, relative to this file.
    #[schemars(required, extend("examples" = ["appliance.ova"]))]
    pub(in crate::frontend::spec) path: Option<LocatedText>,
    /// The disk: the name of its file, its identifier in the OVA, or its position from 1 on; by default
    /// the one that the machine boots from, or the only one.
    pub(in crate::frontend::spec) disk: Option<Located<OvaDiskSpec>>,
}

/// Which disk of an archive is taken.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "OvaDisk", untagged)]
pub(in crate::frontend::spec) enum OvaDiskSpec {
    /// Position from 1 on.
    Number(usize),
    /// Name of the file, or identifier.
    Name(String),
}

/// A key that is `true` or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::frontend::spec) struct SwitchSpec(pub(in crate::frontend::spec) bool);

/// Size of a disk.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Size", untagged)]
pub(in crate::frontend::spec) enum SizeSpec {
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
pub(in crate::frontend::spec) enum ConvertSpec {
    /// qcow2, in which zeros take no space.
    Qcow2,
    /// Raw disk, named `.img`.
    Raw,
}

/// Compression of the clusters of a qcow2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Compress", rename_all = "lowercase")]
pub(in crate::frontend::spec) enum CompressSpec {
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
pub(in crate::frontend::spec) enum UnpackSpec {
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
