//! *Errors* of commands, by exit status.

use diskette_builder::engine::assemble::BuildError;
use diskette_builder::oci::copy::CopyError;
use diskette_builder::oci::error::StorageError;
use diskette_builder::recipe::diagnostic::Diagnostic;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// The command failed: exit status 1, or 75 (`EX_TEMPFAIL` of sysexits.h) if all that failed may
    /// succeed later.
    Failed(Vec<Diagnostic>),
    /// The arguments make no sense: exit status 2.
    Usage(Diagnostic),
    /// The command line has an error, with its text: exit status 2.
    CommandLine(String),
    /// The user interrupted the command: exit status 128 and the number of the signal.
    Interrupted,
    /// The user interrupted the command after a part was done, which stays: the same exit status.
    Stopped,
}

impl CommandError {
    /// Returns the messages of the error.
    pub(crate) fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Failed(diagnostics) => diagnostics,
            Self::Usage(diagnostic) => std::slice::from_ref(diagnostic),
            Self::CommandLine(_) | Self::Interrupted | Self::Stopped => &[],
        }
    }
}

impl From<Diagnostic> for CommandError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Failed(vec![diagnostic])
    }
}

impl From<BuildError> for CommandError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Cancelled => Self::Interrupted,
            error => error.diagnostic().into(),
        }
    }
}

impl From<StorageError> for CommandError {
    fn from(error: StorageError) -> Self {
        BuildError::from(error).into()
    }
}

impl From<CopyError> for CommandError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Storage(error) => error.into(),
            CopyError::Documents(error) => error.into(),
            CopyError::Platform(error) => error.into(),
        }
    }
}

/// Returns the error for an image that does not exist.
pub(crate) fn image_not_found(name: &str) -> CommandError {
    Diagnostic::new(format!("there is no image `{name}`")).into()
}

/// Returns the error of opening a repository.
pub(crate) fn storage_error(error: impl Into<StorageError>) -> CommandError {
    error.into().into()
}

/// Returns a function that turns an error of the system into a message: "cannot ACT `PLACE`:
/// ERROR".
pub(crate) fn cannot<E: std::fmt::Display>(
    act: &str,
    location: impl std::fmt::Display,
) -> impl FnOnce(E) -> Diagnostic {
    let message = format!("cannot {act} `{location}`");
    move |error| Diagnostic::new(format!("{message}: {error}"))
}
