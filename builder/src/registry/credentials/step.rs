//! A *step* is the result of querying one source for the credential of an image. It explains to the
//! user which credential is used.

use super::error::CredentialError;
use super::source::CredentialLocation;
use super::{AuthFileReaders, FoundCredential};

/// One source and its outcome.
#[derive(Debug)]
pub struct CredentialStep {
    /// The source.
    pub location: CredentialLocation,
    /// The outcome of the query.
    pub outcome: CredentialOutcome,
    /// Who can read the file, if the source is a file that exists.
    pub readers: Option<AuthFileReaders>,
}

/// The outcome of querying one source.
#[derive(Debug)]
pub enum CredentialOutcome {
    /// The source does not exist, or the user may not read it.
    Absent,
    /// The source has no entry for the image.
    Nothing,
    /// The source has an empty entry at this key.
    Blank(String),
    /// This helper has no credential.
    HelperHasNothing(String),
    /// This helper for all registries is not installed, and was skipped.
    HelperNotInstalled(String),
    /// The credential of this source is used.
    Used(FoundCredential),
    /// The source has an entry or a helper, but an earlier source is used. Holds the key, if there is
    /// one.
    Outranked(Option<String>),
    /// The source cannot be used, and no later one is queried.
    Failed(CredentialError),
    /// An earlier source failed.
    NotAsked,
}
