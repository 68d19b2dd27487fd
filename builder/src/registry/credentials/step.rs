//! A *step* is what one source said when it was asked for an image's credential, for a person who
//! wonders which one is used.

use super::error::CredentialError;
use super::source::CredentialLocation;
use super::{AuthFileReaders, FoundCredential};

/// One source, and what it said.
#[derive(Debug)]
pub struct CredentialStep {
    /// The source.
    pub location: CredentialLocation,
    /// What it said.
    pub outcome: CredentialOutcome,
    /// Who can read the file, if it is one and is there.
    pub readers: Option<AuthFileReaders>,
}

/// What one source said.
#[derive(Debug)]
pub enum CredentialOutcome {
    /// It is not there, or is closed to the user.
    Absent,
    /// It has nothing for the image.
    NoEntry,
    /// It has an entry with nothing in it, at this key.
    BlankEntry(String),
    /// A helper was asked and has nothing.
    HelperHasNothing(String),
    /// It names a helper for all registries that is not installed; it was passed over.
    HelperNotInstalled(String),
    /// This is what is used.
    Used(FoundCredential),
    /// It has an entry too, or a helper that was not asked; an earlier source has won. Holds the
    /// key, if there is one.
    Outranked(Option<String>),
    /// It cannot be used; nothing after it is asked.
    Failed(CredentialError),
    /// A source before it cannot be used.
    NotQueried,
}
