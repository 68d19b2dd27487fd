//! Why there is no disk to be had.

use std::io;

use thiserror::Error;

use crate::oci::error::StorageError;
use crate::oci::image::digest::Digest;
use crate::oci::layer_tar::LayerProblem;

/// Why the disk of an image was not extracted.
#[derive(Debug, Error)]
pub enum ExtractError {
    /// The image cannot be had.
    #[error("{}", .0.full_message())]
    Images(#[from] StorageError),
    /// It is something else in an image's form.
    #[error("it is no image, but has a config of type `{0}`")]
    Artifact(String),
    /// Config and manifest speak of different layers.
    #[error("the manifest has {layers} layers, the config {diff_ids} diff IDs")]
    Layers {
        /// In the manifest.
        layers: usize,
        /// In the config.
        diff_ids: usize,
    },
    /// A layer is not what it should be.
    #[error("layer {number} ({digest}): {problem}")]
    Layer {
        /// From 1, lowest first.
        number: usize,
        /// Of the blob.
        digest: Digest,
        /// What is wrong.
        problem: LayerProblem,
    },
    /// There is none.
    #[error("there is no disk in it: nothing is in `/disk`")]
    NoDisk,
    /// There are several, and KubeVirt refuses that.
    #[error("there are several files in `/disk`: {0}")]
    Several(String),
    /// The disk is no file.
    #[error("`{path}` is {kind}, not a file", path = .path.escape_debug())]
    Link {
        /// In the image.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// KubeVirt and CDI would take different files.
    #[error("it is not clear which disk is meant: CDI takes {cdi}, KubeVirt {kubevirt}")]
    Differs {
        /// What CDI takes.
        cdi: String,
        /// What KubeVirt takes.
        kubevirt: String,
    },
    /// More is in it than can be kept track of.
    #[error("too many entries are in `/disk` and beside it")]
    TooMany,
    /// It cannot be written.
    #[error("{0}")]
    Output(io::Error),
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}
