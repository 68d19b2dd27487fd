//! A *fault* is the reason why a part of a disk could not be read.

use std::io;

use super::{Flaw, FlawKind, ReadAt};

/// Why a part of a disk could not be read.
#[derive(Debug)]
pub enum Fault {
    /// Reading failed, or the part is not available (see [`Start`](super::Start)).
    Io(io::Error),
    /// The part is invalid.
    Flaw(Flaw),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Flaw> for Fault {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

impl Fault {
    /// Creates the fault for a flaw with this description.
    pub(super) fn new(kind: FlawKind, detail: impl Into<String>) -> Self {
        Self::Flaw(Flaw::new(kind, detail))
    }

    /// Creates the fault for a value that the format does not allow, or that contradicts another.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(FlawKind::Malformed, detail)
    }

    /// Creates the fault for a part, called `what`, that is outside the file.
    pub(super) fn outside_file(file: &dyn ReadAt, what: &str, at: u64) -> Self {
        let detail = format!("{what} at byte {at} lies outside the file of {} bytes", file.len());
        Self::new(FlawKind::OutsideFile, detail)
    }

    /// Returns the flaw of the disk, or `None` if the available bytes do not show whether it has one.
    pub(super) fn into_flaw(self, bytes: &dyn ReadAt) -> io::Result<Option<Flaw>> {
        match self {
            Self::Flaw(flaw) => Ok(Some(flaw)),
            Self::Io(error)
                if error.kind() == io::ErrorKind::UnexpectedEof && !bytes.is_empty() =>
            {
                Ok(None)
            }
            Self::Io(error) => Err(error),
        }
    }
}
