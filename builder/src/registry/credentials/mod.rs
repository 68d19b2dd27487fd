//! *Credentials* authenticate the user of a registry. They come from several sources: files of
//! several formats, and helper programs. The first source that has an entry for an image wins. The
//! order and the rules are those of podman and skopeo, and docker's where only docker has a rule.
//! Nothing is cached: a password may be changed while a long upload runs.

mod edit;
mod error;
mod file;
mod helper;
mod key;
mod search;
mod source;
mod step;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;

use crate::net::credential::Credential;

pub use edit::{AuthFileEdit, AuthFileEditError, LogoutOutcome};
pub use file::{AUTH_FILE_MAX, AuthFile, AuthFileFormat, AuthFileLookup};
pub use helper::{
    HELPER_ANSWER_MAX, HELPER_TIMEOUT, HelperError, HelperExit, HelperOutput, helper_program,
};
pub use key::LoginKey;
pub use search::Credentials;
pub(crate) use source::CredentialLocation;
pub use source::{CredentialEnvironment, CredentialScope, CredentialSource};
pub use step::{CredentialOutcome, CredentialStep};

/// Access to auth files and credential helpers.
pub trait CredentialSystem {
    /// Reads an auth file, at most one byte more than [`AUTH_FILE_MAX`]; nothing if there is none.
    fn read_auth_file(&self, path: &Path) -> io::Result<Option<AuthFileContent>>;

    /// Runs [`program`]`(name) get` with the server on its standard input, for at most
    /// [`HELPER_TIMEOUT`].
    fn run_helper(&self, name: &str, server: &str) -> Result<HelperOutput, HelperError>;
}

/// An auth file as it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthFileContent {
    /// The content.
    pub bytes: Vec<u8>,
    /// Who can read it.
    pub readers: AuthFileReaders,
}

/// Who can read an auth file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthFileReaders {
    /// The user alone.
    Owner,
    /// A group, or all users of the machine.
    Others,
}

/// A credential and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCredential {
    /// The credential.
    pub credential: Credential,
    /// The source that had it.
    pub location: CredentialLocation,
    /// Its key in a file or variable.
    pub key: Option<String>,
    /// The helper that provided it.
    pub helper: Option<String>,
}

impl std::fmt::Debug for AuthFileContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthFileContent").field("readers", &self.readers).finish_non_exhaustive()
    }
}
