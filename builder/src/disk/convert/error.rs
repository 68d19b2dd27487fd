//! Why a disk cannot be converted.

use std::io;

use thiserror::Error;

/// Why a disk cannot be converted.
#[derive(Debug, Error)]
pub enum ConvertError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A compressor failed.
    #[error("cannot compress a cluster: {0}")]
    Pack(io::Error),
    /// A cluster is not what it was when it was surveyed.
    #[error("the disk changed")]
    Changed,
    /// It has more data than is kept account of, or is larger than qcow2 can be.
    #[error("a disk of {0} bytes, or the data in it, is too large for a qcow2")]
    TooLarge(u64),
    /// A thread ended without a result.
    #[error("a converting thread failed")]
    Worker,
}
