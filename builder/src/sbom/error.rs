//! Why the packages of a guest cannot be listed.

use std::io;

use thiserror::Error;

use crate::disk::Fault;
use crate::disk::guest::GuestError;

/// Why the packages of a guest cannot be listed.
#[derive(Debug, Error)]
pub enum InventoryError {
    /// The disk could not be read.
    #[error(transparent)]
    Io(io::Error),
    /// The file of the disk is damaged, or in a format that is not read.
    #[error("{0}")]
    Format(GuestError),
    /// The partition table is damaged.
    #[error("{0}")]
    Table(String),
    /// There is no system on the disk; what is there is listed.
    #[error("no operating system was found on it: {0}")]
    NoSystem(String),
    /// A file that the list depends on is damaged.
    #[error("its file `{path}` cannot be read: {problem}", path = .path.escape_debug(), problem = .problem.escape_debug())]
    File {
        /// Path in the guest.
        path: String,
        /// What is wrong: a phrase.
        problem: String,
    },
}

impl From<GuestError> for InventoryError {
    fn from(error: GuestError) -> Self {
        match error {
            GuestError::Io(error) => Self::Io(error),
            error => Self::Format(error),
        }
    }
}

/// What is wrong with a file of a guest.
#[derive(Debug)]
pub(crate) enum FileProblem {
    /// The disk could not be read.
    Io(io::Error),
    /// The file, or what leads to it, is damaged.
    Damaged(String),
}

impl FileProblem {
    /// Returns a problem with this description: a phrase.
    pub(super) fn damaged(detail: impl Into<String>) -> Self {
        Self::Damaged(detail.into())
    }

    /// Returns the error for a file of a guest.
    pub(super) fn in_file(self, path: &str) -> InventoryError {
        match self {
            Self::Io(error) => InventoryError::Io(error),
            Self::Damaged(problem) => InventoryError::File { path: path.to_owned(), problem },
        }
    }
}

impl From<io::Error> for FileProblem {
    /// What a reader of a disk finds wrong in the disk is no failure of reading.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData => Self::Damaged(error.to_string()),
            io::ErrorKind::UnexpectedEof => Self::Damaged("a part of it is not on the disk".into()),
            _ => Self::Io(error),
        }
    }
}

impl From<Fault> for FileProblem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Io(error) => error.into(),
            Fault::Flaw(flaw) => Self::Damaged(flaw.detail),
        }
    }
}
