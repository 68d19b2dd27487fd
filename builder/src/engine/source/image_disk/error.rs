//! Why no disk can be taken out of an image.

use thiserror::Error;

use crate::engine::source::names::list_names;
use crate::oci::image::digest::Digest;
use crate::oci::image::nearest::PlatformNotFound;
use crate::oci::layer_tar::LayerProblem;
use crate::oci::walk::WalkError;

/// Why no disk can be taken out of an image.
#[derive(Debug, Error)]
pub enum ImageDiskError {
    /// There is no such image.
    #[error("there is no such image")]
    NotFound,
    /// A layout or an archive has several images, and none is named.
    #[error("it does not have exactly one image")]
    Ambiguous,
    /// The documents cannot be used.
    #[error(transparent)]
    Documents(WalkError),
    /// There is no image for the platform.
    #[error(transparent)]
    Platform(#[from] PlatformNotFound),
    /// There is no disk.
    #[error("there is no disk in it")]
    NoDisk,
    /// There are several disks.
    #[error("it has several disks: {}", list_names(.0))]
    Several(Vec<String>),
    /// The requested disk does not exist.
    #[error("it has no disk `{}`; its disks are {}", .wanted.escape_debug(), list_names(.names))]
    Unknown {
        /// Name that was requested.
        wanted: String,
        /// Names of the disks.
        names: Vec<String>,
    },
    /// KubeVirt and CDI would not take this file: of another layer or place.
    #[error("it is not clear which disk is meant: {0}")]
    Unclear(String),
    /// The disk is not a file.
    #[error("`{}` is {kind}, not a file", .path.escape_debug())]
    NotAFile {
        /// Path in the image.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// Config and manifest have different numbers of layers.
    #[error("the manifest has {layers} layers, the config {diff_ids} diff IDs")]
    LayerCount {
        /// Number in the manifest.
        layers: usize,
        /// Number in the config.
        diff_ids: usize,
    },
    /// A layer is damaged, or is not the one that the documents declare.
    #[error("layer {digest}: {problem}")]
    Layer {
        /// Digest of the blob.
        digest: Digest,
        /// What is wrong.
        problem: LayerProblem,
    },
}

impl ImageDiskError {
    /// Returns what the user can do, where that is known.
    pub(crate) fn help(&self) -> &'static [&'static str] {
        match self {
            Self::NotFound => &["is its name spelled as where it comes from?"],
            Self::Ambiguous => &["name one of its images: `oci:DIR:TAG`"],
            Self::Several(_) => &["choose one: `disk: { image: REF, disk: NAME }`"],
            Self::NoDisk => &[
                "a containerDisk has it in `/disk`; `diskette inspect` shows what is in the image",
            ],
            Self::Unclear(_) => &[
                "`diskette verify` says what is wrong with the image; take its disk out with `diskette extract`",
            ],
            _ => &[],
        }
    }
}
