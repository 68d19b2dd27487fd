//! A *recipe* describes an image, but not how it is built or where it is written: for each platform
//! the layers, as lists of entries, and the image config. Frontends lower their input to recipes;
//! the engine builds them, and does not depend on the frontend.

pub mod diagnostic;
pub(crate) mod path;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use self::diagnostic::Span;
use crate::compression::CompressionFormat;
use crate::disk::convert::Conversion;
use crate::oci::image::config::ImageConfig;
use crate::oci::image::digest::Digest;
use crate::oci::image::location::ImageLocation;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::image::whiteout;
use crate::oci::tar::Owner;

/// One image, for one or more platforms.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Names of the finished image; can be empty.
    pub names: Vec<Reference>,
    /// The images in the order of the index, one per platform.
    pub platforms: Vec<PlatformRecipe>,
    /// Annotations of the index and of every manifest.
    pub annotations: BTreeMap<String, String>,
}

/// Recipe of the image of one platform.
#[derive(Debug, Clone, PartialEq)]
pub struct PlatformRecipe {
    /// Platform of the image.
    pub platform: Platform,
    /// Base image; none for `scratch`.
    pub base: Option<BaseImage>,
    /// Steps on top of the base, in order.
    pub steps: Vec<RecipeStep>,
    /// The image config: that of the base with all changes. New layers and history are added when
    /// they are finished.
    pub config: ImageConfig,
    /// Annotations of this manifest only; those of the recipe take precedence.
    pub annotations: BTreeMap<String, String>,
}

impl PlatformRecipe {
    /// Returns the layers that have to be built, lowest first.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &LayerRecipe> {
        self.steps.iter().filter_map(|step| match step {
            RecipeStep::Layer(layer) => Some(layer),
            RecipeStep::Config { .. } => None,
        })
    }
}

/// One entry of the image's history.
#[derive(Debug, Clone, PartialEq)]
pub enum RecipeStep {
    /// A layer.
    Layer(LayerRecipe),
    /// A change of the config alone.
    Config {
        /// Text of the entry in the image's history.
        history: String,
    },
}

/// A base image. Its layers are reused byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// Location of the base image.
    pub location: ImageLocation,
    /// Digest of the manifest for the platform.
    pub manifest: Digest,
    /// Layers, lowest first.
    pub layers: Vec<BaseLayer>,
}

/// A layer of a base image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseLayer {
    /// OCI media type: Docker's are translated.
    pub media_type: String,
    /// Digest of the blob.
    pub digest: Digest,
    /// Length of the blob in bytes.
    pub size: u64,
}

/// Recipe of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRecipe {
    /// Text of the entry in the image's history.
    pub history: String,
    /// Entries in the order of the tar: directories come before their content.
    pub entries: Vec<LayerEntry>,
}

/// One file, directory or link of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerEntry {
    /// Relative path: `/` between parts, no `.` or `..`, no slash at either end.
    pub path: String,
    /// File type, with the source of a file's content.
    pub kind: LayerEntryKind,
    /// Permission bits, e.g. `0o444`.
    pub mode: u32,
    /// Numeric owner and group; names are never written.
    pub owner: Owner,
}

impl LayerEntry {
    /// Returns the path of the entry in the tar: whiteouts have a special name.
    pub(crate) fn tar_path(&self) -> String {
        match self.kind {
            LayerEntryKind::Whiteout => {
                let (directory, name) = path::split(&self.path);
                path::join(directory, &format!("{}{name}", whiteout::PREFIX))
            }
            LayerEntryKind::Opaque => path::join(&self.path, whiteout::OPAQUE),
            _ => self.path.clone(),
        }
    }
}

/// Type of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerEntryKind {
    /// A directory.
    Directory,
    /// A regular file with the content of a source.
    File(SourceRecipe),
    /// A symbolic link and its target, which is kept unchanged.
    Symlink(String),
    /// A hard link to the file at this path, which comes earlier in the layer.
    Hardlink(String),
    /// A whiteout, which removes this path of the lower layers
    /// (<https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts>).
    Whiteout,
    /// An opaque whiteout, which removes what lower layers have in this directory.
    Opaque,
}

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
    /// Use of the content.
    pub role: SourceRole,
    /// Details of a download; boxed, since trees of thousands of files have none.
    pub download: Option<Box<DownloadDetails>>,
}

impl SourceRecipe {
    /// Returns the recipe of a source without compression, checksum and conversion.
    pub(crate) fn new(location: SourceLocation, role: SourceRole) -> Self {
        let (compression, checksum, origin) = (None, None, None);
        Self { location, compression, checksum, origin, convert: None, role, download: None }
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
            Self::Inline(_) | Self::Member(_) => "",
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
