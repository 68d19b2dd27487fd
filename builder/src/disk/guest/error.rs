//! Why a disk cannot be read as its virtual machine would.

use std::io;

use thiserror::Error;

use crate::disk::{DiskFormat, Fault, Flaw, FlawKind};

/// Why a disk cannot be read as its virtual machine would.
#[derive(Debug, Error)]
pub enum GuestError {
    /// The file could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file has a flaw that prevents reading.
    #[error("{0}")]
    Flaw(Flaw),
    /// The format is not supported.
    #[error("disks in the format {0} cannot be read here")]
    Unsupported(DiskFormat),
}

impl From<GuestError> for Fault {
    fn from(error: GuestError) -> Self {
        match error {
            GuestError::Io(error) => Self::Io(error),
            GuestError::Flaw(flaw) => Self::Flaw(flaw),
            error @ GuestError::Unsupported(_) => {
                Self::new(FlawKind::Unsupported, error.to_string())
            }
        }
    }
}

impl From<Fault> for GuestError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Io(error) => Self::Io(error),
            Fault::Flaw(flaw) => Self::Flaw(flaw),
        }
    }
}
