//! Errors of credentials, and their help lines.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::file::AuthFileError;
use super::helper::HelperError;
use super::source::CredentialLocation;
use crate::recipe::diagnostic::Diagnostic;

/// Why a source of credentials cannot be used. No message holds a secret.
#[derive(Debug, Error)]
pub enum CredentialError {
    /// A file that an option or variable names does not exist.
    #[error("cannot find the auth file `{}`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The option or variable that names it.
        by: String,
    },
    /// A file cannot be read.
    #[error("cannot read the auth file `{}`: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The content of a file or variable is not an auth file.
    #[error("`{location}` {error}")]
    Invalid {
        /// The file or variable.
        location: CredentialLocation,
        /// The problem.
        error: AuthFileError,
    },
    /// A helper failed.
    #[error("cannot use the credential helper `{}` named in `{location}`: {error}", name.escape_debug())]
    Helper {
        /// The file or variable that names it.
        location: CredentialLocation,
        /// `NAME` of `docker-credential-NAME`.
        name: String,
        /// The problem.
        error: HelperError,
    },
}

impl CredentialError {
    /// Returns the error as a diagnostic with a help line.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::new(self.to_string()).help(self.help())
    }

    fn help(&self) -> String {
        match self {
            Self::Missing { by, .. } => format!("it is named by `{by}`; correct that, or log in"),
            Self::Read { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                "make the file readable for the user who runs this, or name another with \
                 `--authfile`"
                    .into()
            }
            Self::Read { .. } => "name another auth file with `--authfile`".into(),
            Self::Invalid { error: AuthFileError::Empty, .. } => {
                "remove it, or write `{}` into it".into()
            }
            Self::Invalid { error: AuthFileError::Auth(_), .. } => "log in again".into(),
            Self::Invalid { .. } => "mend it, or remove it and log in again; it looks like \
                 `{\"auths\": {\"quay.io\": {\"auth\": \"…\"}}}`"
                .into(),
            Self::Helper { name, error, .. } => helper_advice(name, error),
        }
    }
}

fn helper_advice(name: &str, error: &HelperError) -> String {
    match error {
        HelperError::Name => "helpers are named without `docker-credential-` and no path".into(),
        HelperError::NotInstalled => {
            format!("install `docker-credential-{name}`, or remove it from `credHelpers`")
        }
        HelperError::Timeout => {
            format!("does `docker-credential-{name} get` wait for a password or a network?")
        }
        HelperError::Io(_) | HelperError::Failed | HelperError::Answer => {
            format!("see what `echo REGISTRY | docker-credential-{name} get` says")
        }
    }
}
