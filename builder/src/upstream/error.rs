//! Errors of *upstream*: each names the list.

use thiserror::Error;

use super::template::TemplateError;

/// Why a list could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot fetch {url}: {why}")]
pub struct FetchError {
    /// URL of the list, without secrets.
    pub url: String,
    /// Error of the server or the network.
    pub why: String,
    /// Whether a retry can help.
    pub kind: FetchErrorKind,
}

/// How a fetch failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchErrorKind {
    /// There is nothing at the URL.
    Missing,
    /// A retry may succeed.
    Temporary,
    /// A retry will fail, too.
    Permanent,
    /// It is at a private or local address, and a server farther away
    /// named it.
    PrivateAddress,
}

/// Why no disk was found upstream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UpstreamError {
    /// A list could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A template of the catalogue cannot be filled in for this platform.
    #[error("{0}")]
    Template(#[from] TemplateError),
    /// A list does not have the format that it should have.
    #[error("{url} is not {form}: {why}")]
    Form {
        /// URL of the list.
        url: String,
        /// Name of the format, with its article.
        form: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A list has no signature, or an invalid one.
    #[error("the signature of {url} does not hold: {why}")]
    Signature {
        /// URL of the list.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Signatures cannot be checked here.
    #[error("the signature of {url} cannot be checked: {why}")]
    Unchecked {
        /// URL of the list.
        url: String,
        /// What is missing.
        why: String,
    },
    /// No file of the list matches the catalogue's conditions.
    #[error("no file of {url} {wanted}{near}")]
    Nothing {
        /// URL of the list.
        url: String,
        /// The conditions that a file must meet.
        wanted: String,
        /// Files that the list has instead.
        near: String,
    },
    /// Several files match, and none is newer than the others.
    #[error("{url} has more than one file that {wanted}: {files}")]
    Several {
        /// URL of the list.
        url: String,
        /// The conditions that a file must meet.
        wanted: String,
        /// Names of the files.
        files: String,
    },
    /// The list has no checksum for the file, or none that can be used.
    #[error("{url} has no checksum for {file} that can be used: {why}")]
    Checksum {
        /// URL of the list.
        url: String,
        /// Name of the file.
        file: String,
        /// What is wrong with the checksum.
        why: String,
    },
}

impl UpstreamError {
    /// Returns whether a retry may succeed.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self, Self::Fetch(error) if error.kind == FetchErrorKind::Temporary)
    }

    /// Returns what the user can do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Fetch(error) if error.kind == FetchErrorKind::Temporary => {
                "try again later, or read it from a mirror with `--rewrite-url`"
            }
            Self::Fetch(error) if error.kind == FetchErrorKind::PrivateAddress => {
                "if that address is meant, use `--allow-private-redirects`, or name it \
                     yourself with `--rewrite-url`"
            }
            Self::Fetch(_) => "check whether upstream has moved it, and change `url`",
            Self::Template(_) => "change `release`",
            Self::Form { .. } => "check the list: upstream may have changed its format",
            Self::Signature { .. } => {
                "nothing is taken from it; ask upstream, or change `keyring` if the key is \
                     a new one"
            }
            Self::Unchecked { .. } => {
                "nothing is taken from it; install what is missing, or use an image that has both it \
                     and diskette"
            }
            Self::Nothing { .. } => "check the list, and change `file` or `version`",
            Self::Several { .. } => {
                "let `file` match one of them, or give it a group `(?<version>…)` to choose \
                     the newest by"
            }
            Self::Checksum { .. } => "disks without one are not published; ask upstream",
        }
    }
}
