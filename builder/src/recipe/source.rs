//! A *source* is what the content of a file is read from: a file, a URL, bytes in the text, or a
//! member of an archive.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::diagnostic::Span;
use crate::compression::CompressionFormat;
use crate::disk::DiskSize;
use crate::disk::convert::Conversion;
use crate::oci::image::digest::Digest;
use crate::oci::image::location::ImageLocation;
use crate::oci::image::platform::Platform;

/// The source of a file's content, and what is checked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRecipe {
    /// Location of the bytes.
    pub location: SourceLocation,
    /// Compression of the source, if it is decompressed on its way into the layer.
    pub compression: Option<CompressionFormat>,
    /// Digest of the source, before it is decompressed.
    pub checksum: Option<Checksum>,
    /// Position in the spec or Dockerfile that names the source, for messages.
    pub origin: Option<Span>,
    /// Conversion of the disk on its way into the layer, if any.
    pub convert: Option<Conversion>,
    /// What else is done with the disk; boxed, since trees of thousands of files have none.
    pub disk: Option<Box<DiskRequest>>,
    /// Use of the content.
    pub role: SourceRole,
    /// Details of a download; boxed, since trees of thousands of files have none.
    pub download: Option<Box<DownloadDetails>>,
}

impl SourceRecipe {
    /// Returns the recipe of a source without compression, checksum and changes of the disk.
    pub fn new(location: SourceLocation, role: SourceRole) -> Self {
        Self {
            location,
            compression: None,
            checksum: None,
            origin: None,
            convert: None,
            disk: None,
            role,
            download: None,
        }
    }

    /// Returns the disk to take, if the source is an archive with disks.
    pub fn archived_disk(&self) -> Option<&ArchivedDisk> {
        self.disk.as_ref()?.archived.as_ref()
    }

    /// Returns the image that the disk is taken out of, if the source is one.
    pub fn image_disk(&self) -> Option<&ImageDisk> {
        match &self.location {
            SourceLocation::Image(image) => Some(image),
            _ => None,
        }
    }

    /// Returns whether the disk and its backing files become one disk.
    pub fn flattens_disk(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.flatten)
    }

    /// Returns whether the free space of the disk's file systems becomes zeros.
    pub fn discards_free_space(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.discard)
    }

    /// Makes zeros of the free space of the disk's file systems.
    pub fn discard_free_space(&mut self) {
        self.disk.get_or_insert_default().discard = true;
    }

    /// Returns the size of the disk in the layer, if it is not that of the source.
    pub fn disk_size(&self) -> Option<DiskSize> {
        self.disk.as_ref()?.size
    }

    /// Sets the size of the disk in the layer.
    pub fn set_disk_size(&mut self, size: DiskSize) {
        self.disk.get_or_insert_default().size = Some(size);
    }

    /// Returns whether the layer gets other bytes than the decompressed source has: the source is
    /// read as a disk.
    pub(crate) fn changes_disk(&self) -> bool {
        self.convert.is_some() || self.disk_size().is_some() || self.rewrites_disk()
    }

    /// Returns whether the disk is written anew, in its own format if in no other.
    pub(crate) fn rewrites_disk(&self) -> bool {
        self.flattens_disk() || self.discards_free_space()
    }
}

/// Details of a download beside its URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DownloadDetails {
    /// Other URLs of the same bytes, in the order in which they are tried.
    pub mirrors: Vec<String>,
    /// Length of the downloaded file in bytes, before it is decompressed.
    pub size: Option<u64>,
    /// Digest of the decompressed content.
    pub decompressed: Option<Checksum>,
    /// A file with headers of the request, which may be secret.
    pub headers: Option<InputFile>,
    /// A file with the certificates of an authority that is trusted for the server.
    pub authority: Option<InputFile>,
    /// The release of a distribution that was downloaded, if the recipe follows one.
    pub release: Option<ReleaseOrigin>,
}

/// A release of a distribution, as it was found in lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseOrigin {
    /// URL of the disk at the distribution, without secrets; it may be downloaded from elsewhere.
    pub url: String,
    /// Name of the release; empty if it has none.
    pub version: String,
    /// The lists that the disk was found in, in the order in which they were read.
    pub lists: Vec<ReadList>,
}

/// A list of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadList {
    /// URL of the list, without secrets.
    pub url: String,
    /// Digest of the bytes that the server sent.
    pub digest: Digest,
    /// Fingerprint of the key that has signed the list, if that was checked.
    pub signed_by: Option<String>,
}

/// What is done with the disk of a source beside a conversion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiskRequest {
    /// The disk to take, if the source is an archive with disks.
    pub archived: Option<ArchivedDisk>,
    /// Whether the disk and its backing files become one disk.
    pub flatten: bool,
    /// Whether the free space of the disk's file systems becomes zeros.
    pub discard: bool,
    /// Size of the disk in the layer, if it is not that of the source.
    pub size: Option<DiskSize>,
    /// Whether the disk may have only zeros, as one that a virtual machine writes data to.
    pub may_be_blank: bool,
}

/// A disk in an archive: a tar, or an OVA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchivedDisk {
    /// The disk that the machine of an OVA boots from; the only disk of another archive.
    Default,
    /// The disk with this position in the machine of an OVA, or in the archive, from 1 on.
    Number(usize),
    /// The disk with this name: that of its file, or its identifier in an OVA.
    Name(String),
}

impl fmt::Display for ArchivedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("1"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "`{}`", name.escape_debug()),
        }
    }
}

/// Use of a source, which determines the checks before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceRole {
    /// A virtual machine's disk.
    Disk,
    /// Any other file.
    File,
}

/// Location of the bytes of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceLocation {
    /// A file on this machine.
    File(InputFile),
    /// An `http://` or `https://` URL.
    Url(String),
    /// The bytes themselves, e.g. of a here-document.
    Inline(Arc<[u8]>),
    /// A file in an archive.
    Member(TarMember),
    /// The disk of an image.
    Image(Box<ImageDisk>),
}

impl SourceLocation {
    /// Returns the location of a file by its path, which is absolute or relative to the directory
    /// of the spec.
    pub(crate) fn path(path: impl Into<PathBuf>) -> Self {
        Self::File(InputFile::new(path))
    }

    /// Returns the last part of the path, or of the URL's path; may be empty.
    pub(crate) fn file_name(&self) -> &str {
        let path = match self {
            Self::File(file) => file.path.to_str().unwrap_or_default(),
            Self::Url(url) => {
                let end = url.find(['?', '#']).unwrap_or(url.len());
                let after_scheme = url[..end].split_once("://").map_or("", |(_, rest)| rest);
                after_scheme.split_once('/').map_or("", |(_, path)| path)
            }
            Self::Inline(_) | Self::Member(_) | Self::Image(_) => "",
        };
        path.rsplit('/').next().unwrap_or_default()
    }
}

/// A file of an input directory: the directory of the spec, or a build context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Name of the directory; empty for that of the spec, and for the build context that every
    /// build has.
    pub directory: Arc<str>,
    /// Path relative to the directory; of a build context without links. A spec may also name files
    /// by an absolute path.
    pub path: PathBuf,
}

impl InputFile {
    /// Returns a file of the directory without a name.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { directory: "".into(), path: path.into() }
    }
}

/// A disk in an image: a containerDisk, or an artifact with a layer that is a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageDisk {
    /// Location of the image.
    pub location: ImageLocation,
    /// Name of the disk, if there can be several: that of a volume, of a file, or of a hypervisor.
    pub disk: Option<String>,
    /// Platform whose image has the disk.
    pub platform: Platform,
}

/// A regular file in a tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarMember {
    /// The tar.
    pub archive: Arc<TarOrigin>,
    /// Offset of its content in the decompressed tar, in bytes.
    pub offset: u64,
    /// Length of its content in bytes.
    pub size: u64,
}

/// A tar that files are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TarOrigin {
    /// A file, which may be compressed.
    File(Box<SourceRecipe>),
    /// A layer of an image.
    Layer {
        /// Location of the image.
        location: ImageLocation,
        /// Digest of the blob.
        digest: Digest,
        /// Length of the blob in bytes.
        size: u64,
    },
}

/// Expected digest of a source, in lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// 64 digits.
    Sha256(String),
    /// 128 digits.
    Sha512(String),
}

impl Checksum {
    /// Parses `sha256:` and 64 hexadecimal digits, or `sha512:` and 128.
    pub fn parse(text: &str) -> Option<Self> {
        let (algorithm, digits) = text.split_once(':')?;
        let digits = digits.to_ascii_lowercase();
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (algorithm, digits.len()) {
            ("sha256", 64) if is_hex => Some(Self::Sha256(digits)),
            ("sha512", 128) if is_hex => Some(Self::Sha512(digits)),
            _ => None,
        }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) if file.directory.is_empty() => write!(f, "{}", file.path.display()),
            Self::File(file) => write!(f, "{}:{}", file.directory, file.path.display()),
            Self::Url(url) => f.write_str(url),
            Self::Inline(bytes) => write!(f, "{} bytes given inline", bytes.len()),
            Self::Member(member) => write!(f, "{} at byte {}", member.archive, member.offset),
            Self::Image(image) => write!(f, "{}", image.location),
        }
    }
}

impl fmt::Display for TarOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(source) => write!(f, "{}", source.location),
            Self::Layer { location, digest, .. } => write!(f, "layer {digest} of {location}"),
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digits) => write!(f, "sha256:{digits}"),
            Self::Sha512(digits) => write!(f, "sha512:{digits}"),
        }
    }
}
