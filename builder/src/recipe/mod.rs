//! A *recipe* says what an image shall be, without how or where to: for each platform the layers,
//! as lists of entries, and the image config. Frontends write recipes from what people wrote; the
//! engine builds them and cannot tell which frontend one came from.

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
    /// The names the finished image gets; none is allowed.
    pub names: Vec<Reference>,
    /// In the order of the index; no platform twice.
    pub platforms: Vec<PlatformRecipe>,
    /// Set on the index and on every manifest.
    pub annotations: BTreeMap<String, String>,
}

/// What one platform's image holds.
#[derive(Debug, Clone, PartialEq)]
pub struct PlatformRecipe {
    /// What it runs on.
    pub platform: Platform,
    /// What it stands on; nothing means `scratch`.
    pub base: Option<BaseImage>,
    /// What is done on top of the base, first to last.
    pub steps: Vec<RecipeStep>,
    /// The image config, as it comes from the base and was changed; what layers and history there
    /// are is added when they are finished.
    pub config: ImageConfig,
    /// Set on its manifest alone; those of the recipe go before them.
    pub annotations: BTreeMap<String, String>,
}

impl PlatformRecipe {
    /// Returns the layers that have to be made, lowest first.
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
        /// What the image's history says of it.
        history: String,
    },
}

/// The image that another stands on. Its layers are taken as they are, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// Where it is.
    pub location: ImageLocation,
    /// Its manifest, that of the platform.
    pub manifest: Digest,
    /// Lowest first.
    pub layers: Vec<BaseLayer>,
}

/// A layer of a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseLayer {
    /// An OCI media type: Docker's are translated, the bytes are the same.
    pub media_type: String,
    /// Of the blob.
    pub digest: Digest,
    /// Of the blob, in bytes.
    pub size: u64,
}

/// One layer: entries in the order they have in the tar.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerRecipe {
    /// What the image's history says of it.
    pub history: String,
    /// Parents stand before their children.
    pub entries: Vec<LayerEntry>,
}

/// One file or directory of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerEntry {
    /// Relative, `/` between parts, no `.` or `..`, no slash at either end.
    pub path: String,
    /// What it is, and where its content comes from.
    pub kind: LayerEntryKind,
    /// Permission bits, e.g. `0o444`.
    pub mode: u32,
    /// Numeric owner and group; names are never written.
    pub owner: Owner,
}

impl LayerEntry {
    /// Returns the path that the entry has in the tar: whiteouts have a name of their own.
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

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerEntryKind {
    /// A directory.
    Directory,
    /// A regular file with the content of a source.
    File(SourceRecipe),
    /// A symbolic link and what it says, to be kept as it is.
    Symlink(String),
    /// Another name of a file that stands before it in the layer, whose path this is.
    Hardlink(String),
    /// What the layers below have at this path is gone
    /// (<https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts>).
    Whiteout,
    /// What the layers below have in this directory is gone.
    Opaque,
}

/// Where a file's content comes from, and what must be true of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRecipe {
    /// A file or a URL.
    pub location: SourceLocation,
    /// How the content is packed there, if it is to be unpacked on its way into the layer.
    pub compression: Option<CompressionFormat>,
    /// Digest of the content as it lies there, before unpacking.
    pub checksum: Option<Checksum>,
    /// Where the user named it, for messages.
    pub origin: Option<Span>,
    /// What the disk in it is converted to on its way into the layer, if it is.
    pub convert: Option<Conversion>,
    /// What the content must be for the image to make sense.
    pub role: SourceRole,
    /// What else is known of it, if it is downloaded; trees of thousands of files have none.
    pub download: Option<Box<DownloadDetails>>,
}

impl SourceRecipe {
    /// Returns the recipe of a source of which nothing else is known.
    pub(crate) fn new(location: SourceLocation, role: SourceRole) -> Self {
        let (compression, checksum, origin) = (None, None, None);
        Self { location, compression, checksum, origin, convert: None, role, download: None }
    }
}

/// What is known of a download beside its URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DownloadDetails {
    /// Where the same bytes are too, in the order in which they are asked for.
    pub mirrors: Vec<String>,
    /// How long the file is as it lies there, in bytes.
    pub size: Option<u64>,
    /// Digest of the content when it has been unpacked.
    pub decompressed: Option<Checksum>,
}

/// What a source is used as; decides what it is checked for before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceRole {
    /// A virtual machine's disk.
    Disk,
    /// Any other file.
    File,
}

/// A place that bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceLocation {
    /// A file on this machine.
    File(InputFile),
    /// An `http://` or `https://` address.
    Url(String),
    /// The bytes themselves, for example those of a here-document.
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

/// A regular file in a tar, packed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarMember {
    /// The tar.
    pub archive: Arc<TarOrigin>,
    /// Where its content begins in the unpacked tar, in bytes.
    pub offset: u64,
    /// How long its content is, in bytes.
    pub size: u64,
}

/// A tar that files are taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TarOrigin {
    /// A file, packed as it says itself.
    File(Box<SourceRecipe>),
    /// A layer of an image.
    Layer {
        /// Where the image is.
        location: ImageLocation,
        /// Of the blob.
        digest: Digest,
        /// Of the blob, in bytes.
        size: u64,
    },
}

/// A digest that a source's bytes must have, lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// 64 digits.
    Sha256(String),
    /// 128 digits.
    Sha512(String),
}
