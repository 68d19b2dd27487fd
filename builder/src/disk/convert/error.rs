//! Why a disk cannot be converted.

use std::io;

use thiserror::Error;

/// Why a disk cannot be converted.
#[derive(Debug, Error)]
pub enum ConvertError {
    /// The disk cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A compressor failed.
    #[error("cannot compress a cluster: {0}")]
    Pack(io::Error),
    /// A cluster has changed since the survey.
    #[error("the disk changed")]
    Changed,
    /// The disk has more data than a survey can record, or is too large for qcow2.
    #[error("a disk of {0} bytes, or the data in it, is too large for a qcow2")]
    TooLarge(u64),
    /// A thread ended without a result.
    #[error("a converting thread failed")]
    Worker,
}
