//! What goes wrong *upstream*: each error names the list.

use thiserror::Error;

use super::template::TemplateError;

/// Why a list could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot fetch {url}: {why}")]
pub struct FetchError {
    /// The list, without secrets.
    pub url: String,
    /// What the server or the network said.
    pub why: String,
    /// What that means.
    pub kind: FetchErrorKind,
}

/// What a failed fetch means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchErrorKind {
    /// There is nothing at the URL.
    Missing,
    /// It may go well a little later.
    Temporary,
    /// It will fail again.
    Permanent,
}

/// Why upstream has no disk to follow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UpstreamError {
    /// A list could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What the catalogue says makes no sense for this platform.
    #[error("{0}")]
    Template(#[from] TemplateError),
    /// A list is not what its form says.
    #[error("{url} is not {form}: {why}")]
    Form {
        /// The list.
        url: String,
        /// What it should be.
        form: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A list is not signed as it should be.
    #[error("the signature of {url} does not hold: {why}")]
    Signature {
        /// The list.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// No file is meant by what the catalogue says.
    #[error("no file of {url} {wanted}{near}")]
    Nothing {
        /// The list.
        url: String,
        /// What was looked for.
        wanted: String,
        /// What there is instead.
        near: String,
    },
    /// Several files are meant, and none is newer than the others.
    #[error("{url} has more than one file that {wanted}: {files}")]
    Several {
        /// The list.
        url: String,
        /// What was looked for.
        wanted: String,
        /// Their names.
        files: String,
    },
    /// The list has no checksum for the file, or none that can be used.
    #[error("{url} has no checksum for {file} that can be used: {why}")]
    Checksum {
        /// The list.
        url: String,
        /// The file.
        file: String,
        /// What is there instead.
        why: String,
    },
}

impl UpstreamError {
    /// Tells whether it may go well a little later.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self, Self::Fetch(error) if error.kind == FetchErrorKind::Temporary)
    }

    /// Returns what the user can do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Fetch(error) if error.kind == FetchErrorKind::Temporary => {
                "try again later, or read it from a mirror with `--rewrite-url`"
            }
            Self::Fetch(_) => "look whether upstream has moved it, and change `url`",
            Self::Template(_) => "change `release`",
            Self::Form { .. } => "look at the list: upstream may have changed its form",
            Self::Signature { .. } => {
                "nothing is taken from it; ask upstream, or change `keyring` if the key is a new one"
            }
            Self::Nothing { .. } => "look at the list, and change `file` or `version`",
            Self::Several { .. } => {
                "let `file` match one of them, or give it a group `(?<version>…)` to choose the newest by"
            }
            Self::Checksum { .. } => "nothing is published without one; ask upstream",
        }
    }
}
