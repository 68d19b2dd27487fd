//! A *recipe* describes an image, but not how it is built or where it is written: for each platform
//! the layers, as lists of entries, and the image config. Frontends lower their input to recipes;
//! the engine builds them, and does not depend on the frontend.

pub mod diagnostic;
mod layer;
mod manifest;
pub(crate) mod path;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;

use self::diagnostic::{Diagnostic, Span};
pub use self::layer::{BlobRecipe, LayerContent, LayerRecipe};
pub use self::manifest::{ArtifactConfig, ConfigRecipe};
pub use self::path::NAME_MAX;
pub use self::source::{
    ArchivedDisk, Checksum, DiskRequest, DownloadDetails, ImageDisk, InputFile, ReadList,
    ReleaseOrigin, SourceLocation, SourceRecipe, SourceRole, TarMember, TarOrigin,
};
use crate::compression::LayerCompression;
use crate::oci::image::digest::Digest;
use crate::oci::image::location::ImageLocation;
use crate::oci::image::platform::Platform;
use crate::oci::image::reference::Reference;
use crate::oci::image::whiteout;
use crate::oci::tar::{ExtendedAttributes, Owner};

/// One image, for one or more platforms.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Names of the finished image; can be empty.
    pub names: Vec<Reference>,
    /// The images in the order of the index, one per platform.
    pub platforms: Vec<PlatformRecipe>,
    /// Annotations of the index and of every manifest.
    pub annotations: BTreeMap<String, String>,
    /// Annotations of the index only; they take precedence.
    pub index_annotations: BTreeMap<String, String>,
    /// The image that this one refers to, if there is one.
    pub subject: Option<SubjectRecipe>,
    /// What is said of the image in attestations.
    pub attest: BTreeSet<AttestationKind>,
    /// What to know about the image that does not stop its build.
    pub warnings: Vec<Diagnostic>,
}

impl Recipe {
    /// Returns the artifact type of the index: that of all manifests, if they have the same.
    pub fn artifact_type(&self) -> Option<&str> {
        let mut types = self.platforms.iter().map(|platform| platform.config.artifact_type());
        let first = types.next()??;
        types.all(|other| other == Some(first)).then_some(first)
    }
}

/// What an attestation says of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(rename = "Attestation", rename_all = "lowercase")]
pub enum AttestationKind {
    /// What the image was built from, with which options, and by what.
    Provenance,
    /// The packages in its disk, as SPDX.
    Sbom,
}

impl AttestationKind {
    /// All kinds, by their names.
    pub const ALL: [(&'static str, Self); 2] =
        [("provenance", Self::Provenance), ("sbom", Self::Sbom)];
}

/// The image that another refers to. Its repository must have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectRecipe {
    /// Location of the image.
    pub location: ImageLocation,
    /// Position in the spec that names it, for messages; none if an option does.
    pub origin: Option<Span>,
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
    /// The config of the manifest.
    pub config: ConfigRecipe,
    /// Annotations of this manifest only; those of the recipe take precedence.
    pub annotations: BTreeMap<String, String>,
    /// Annotations of the manifest's entry in the index.
    pub entry_annotations: BTreeMap<String, String>,
    /// Compression of the layers that are built.
    pub compression: LayerCompression,
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
    /// Annotations that say where the metadata of a layer in zstd:chunked is.
    pub annotations: BTreeMap<String, String>,
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
    /// Extended attributes.
    pub xattrs: ExtendedAttributes,
}

impl LayerEntry {
    /// Returns an entry without extended attributes.
    pub(crate) fn new(path: &str, kind: LayerEntryKind, mode: u32, owner: Owner) -> Self {
        Self { path: path.to_owned(), kind, mode, owner, xattrs: ExtendedAttributes::default() }
    }

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
    /// A device or a pipe.
    Special(SpecialKind),
    /// A whiteout, which removes this path of the lower layers
    /// (<https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts>).
    Whiteout,
    /// An opaque whiteout, which removes what lower layers have in this directory.
    Opaque,
}

/// Kind of a special file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialKind {
    /// A named pipe.
    Fifo,
    /// A character device.
    Character {
        /// Number of the driver.
        major: u32,
        /// Number of the device of that driver.
        minor: u32,
    },
    /// A block device.
    Block {
        /// Number of the driver.
        major: u32,
        /// Number of the device of that driver.
        minor: u32,
    },
}
