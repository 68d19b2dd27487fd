//! A *fault* is why a part of a disk is not known.

use std::io;

use super::{Flaw, FlawKind, ReadAt};

/// Why a part of a disk is not known.
#[derive(Debug)]
pub enum Fault {
    /// It cannot be read, or is not to be had (see [`Start`](super::Start)).
    Io(io::Error),
    /// It is wrong.
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
    /// A flaw, in words.
    pub(super) fn new(kind: FlawKind, detail: impl Into<String>) -> Self {
        Self::Flaw(Flaw::new(kind, detail))
    }

    /// A value that the format does not allow, or that contradicts another.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(FlawKind::Malformed, detail)
    }

    /// A part that the file does not have.
    pub(super) fn outside_file(file: &dyn ReadAt, what: &str, at: u64) -> Self {
        let detail = format!("{what} at byte {at} lies outside the file of {} bytes", file.len());
        Self::new(FlawKind::OutsideFile, detail)
    }

    /// Returns what is wrong with the disk, or nothing if that cannot be told from the bytes that
    /// are to be had.
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
