//! A *fault* is why an operation on a tree fails.

use thiserror::Error;

use super::budget::Exhausted;
use crate::frontend::dockerfile::tree::TreeError;

/// Errors of the kernel, with the messages of the C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Errno {
    #[error("Permission denied")]
    Access,
    #[error("Device or resource busy")]
    Busy,
    #[error("File exists")]
    Exists,
    #[error("Invalid argument")]
    Invalid,
    #[error("Is a directory")]
    IsDirectory,
    #[error("Too many levels of symbolic links")]
    Loop,
    #[error("File name too long")]
    NameTooLong,
    #[error("No such file or directory")]
    NoEntry,
    #[error("Not a directory")]
    NotDirectory,
    #[error("Directory not empty")]
    NotEmpty,
    #[error("Operation not permitted")]
    NotPermitted,
}

/// Why an operation of a process fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProcessFault {
    /// The command fails, and may go on.
    Errno(Errno),
    /// Linux would do it, but a layer cannot contain the result, or it is too much work; the text
    /// is the message.
    Refused(String),
}

impl From<Exhausted> for ProcessFault {
    fn from(_: Exhausted) -> Self {
        Self::Refused(Exhausted.to_string())
    }
}

impl From<Errno> for ProcessFault {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<TreeError> for ProcessFault {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Missing(_) => Errno::NoEntry.into(),
            TreeError::NotADirectory(_) => Errno::NotDirectory.into(),
            TreeError::DirectoryOverFile(_) => Errno::Exists.into(),
            TreeError::FileOverDirectory(_) => Errno::IsDirectory.into(),
            TreeError::Loop(_) => Errno::Loop.into(),
            TreeError::Root | TreeError::TooMany | TreeError::Path(_) => {
                Self::Refused(error.to_string())
            }
        }
    }
}
