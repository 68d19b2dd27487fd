//! Why a disk cannot be extracted.

use std::io;

use thiserror::Error;

use super::seed::UnusedSeed;
use crate::cluster::contract::LAYERS_MAX;
use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::layer_tar::LayerProblem;

/// Why the disk of an image was not extracted.
#[derive(Debug, Error)]
pub enum ExtractError {
    /// The image cannot be read.
    #[error("{}", .0.full_message())]
    Images(#[from] StorageError),
    /// It is an artifact, not an image.
    #[error("it is no image, but has a config of type `{0}`")]
    Artifact(String),
    /// Config and manifest have different numbers of layers.
    #[error("the manifest has {layers} layers, the config {diff_ids} diff IDs")]
    LayerCount {
        /// Number in the manifest.
        layers: usize,
        /// Number in the config.
        diff_ids: usize,
    },
    /// The image has more layers than can be mounted.
    #[error("the image has {0} layers; Linux mounts at most {LAYERS_MAX}")]
    TooManyLayers(usize),
    /// A layer is damaged, or is not the one that the documents declare.
    #[error("layer {number} ({digest}): {problem}")]
    Layer {
        /// Number of the layer, from 1, lowest first.
        number: usize,
        /// Digest of the blob.
        digest: Digest,
        /// What is wrong.
        problem: LayerProblem,
    },
    /// There are several disks, and none was named.
    #[error("it has several disks: {0}")]
    WhichDisk(String),
    /// It has no disk with the name.
    #[error("it has none named `{name}`, but {known}", name = .name.escape_debug())]
    UnknownDisk {
        /// Name of the disk.
        name: String,
        /// Names of the disks that it has.
        known: String,
    },
    /// A disk was named, and it is an image with one disk.
    #[error("it is an image with one disk, which has no name")]
    NamedDisk,
    /// There is no disk.
    #[error("there is no disk in it: nothing is in `/disk`")]
    NoDisk,
    /// It is an artifact without a layer.
    #[error("the artifact has no layers")]
    NoLayers,
    /// There are several files, and KubeVirt refuses that.
    #[error("there are several files in `/disk`: {0}")]
    SeveralDisks(String),
    /// The disk is not a file.
    #[error("`{path}` is {kind}, not a file", path = .path.escape_debug())]
    NotAFile {
        /// Path in the image.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// KubeVirt and CDI would take different files.
    #[error("it is not clear which disk is meant: CDI takes {cdi}, KubeVirt {kubevirt}")]
    Disagreement {
        /// What CDI takes.
        cdi: String,
        /// What KubeVirt takes.
        kubevirt: String,
    },
    /// It has more entries than are kept.
    #[error("too many entries are in `/disk` and beside it")]
    TooManyEntries,
    /// The disk cannot be written.
    #[error("{0}")]
    Output(io::Error),
    /// A part of the disk was written, and has to be written again from its start, which the output does not allow.
    #[error("{0}, and what was written before cannot be taken back")]
    Restart(UnusedSeed),
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}
