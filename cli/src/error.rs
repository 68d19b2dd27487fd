//! Why a command failed, as far as the exit status and the message depend on it.

use diskette_builder::engine::assemble::BuildError;
use diskette_builder::oci::copy::CopyError;
use diskette_builder::oci::error::StorageError;
use diskette_builder::recipe::diagnostic::Diagnostic;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// The command could not do its work: exit status 1.
    Failed(Vec<Diagnostic>),
    /// It could not, and may a little later: exit status 75, `EX_TEMPFAIL` of sysexits.h.
    Temporary(Vec<Diagnostic>),
    /// It was asked for something that makes no sense: exit status 2.
    Usage(Diagnostic),
    /// The user broke it off: exit status 130, as after a signal.
    Interrupted,
    /// The user broke it off when a part of it was done, which stays.
    Stopped,
}

impl CommandError {
    /// Returns what there is to say.
    pub(crate) fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Failed(diagnostics) | Self::Temporary(diagnostics) => diagnostics,
            Self::Usage(diagnostic) => std::slice::from_ref(diagnostic),
            Self::Interrupted | Self::Stopped => &[],
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

/// Returns what is said of an image that is not where it was looked for.
pub(crate) fn not_found(name: &str) -> CommandError {
    Diagnostic::new(format!("there is no image `{name}`")).into()
}

/// A sink's failure while a client was being made.
pub(crate) fn storage_error(error: impl Into<StorageError>) -> CommandError {
    error.into().into()
}

/// Returns a function that says what was attempted, and where, when the system refused.
pub(crate) fn cannot<E: std::fmt::Display>(
    act: &str,
    place: impl std::fmt::Display,
) -> impl FnOnce(E) -> Diagnostic {
    let message = format!("cannot {act} `{place}`");
    move |error| Diagnostic::new(format!("{message}: {error}"))
}
