//! A *search* queries the sources one after the other.

use std::io;
use std::path::Path;

use super::error::CredentialError;
use super::file::{AuthFile, AuthFileFormat, AuthFileLookup};
use super::helper::{HelperError, helper_program};
use super::key::helper_server;
use super::source::{AuthFilePresence, CredentialSource};
use super::step::{CredentialOutcome, CredentialStep};
use super::{AuthFileContent, AuthFileReaders, CredentialSystem, FoundCredential};
use crate::net::credential::Credential;
use crate::oci::image::reference::Reference;

/// Credentials for images, from a list of sources.
#[derive(Debug)]
pub struct Credentials<A> {
    sources: Vec<CredentialSource>,
    system: A,
}

impl<A: CredentialSystem> Credentials<A> {
    /// Returns credentials from these sources, which are queried in this order.
    pub fn new(sources: Vec<CredentialSource>, system: A) -> Self {
        Self { sources, system }
    }

    /// Returns the credential for an image; nothing if the registry is accessed anonymously.
    pub fn find(&self, image: &Reference) -> Result<Option<FoundCredential>, CredentialError> {
        for source in &self.sources {
            match self.query_source(source, image).outcome {
                CredentialOutcome::Used(found) => return Ok(Some(found)),
                CredentialOutcome::Failed(error) => return Err(error),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Returns the outcome of each source, in their order. Helpers are run as far as
    /// [`find`](Self::find) runs them.
    pub fn explain(&self, image: &Reference) -> Vec<CredentialStep> {
        let mut steps = Vec::with_capacity(self.sources.len());
        let mut decided = SearchState::NotYet;
        for source in &self.sources {
            let step = match decided {
                SearchState::NotYet => self.query_source(source, image),
                SearchState::Found => self.inspect_source(source, image),
                SearchState::Failed => CredentialStep {
                    location: source.location(),
                    outcome: CredentialOutcome::NotAsked,
                    readers: None,
                },
            };
            decided = match step.outcome {
                CredentialOutcome::Used(_) => SearchState::Found,
                CredentialOutcome::Failed(_) if decided == SearchState::NotYet => {
                    SearchState::Failed
                }
                _ => decided,
            };
            steps.push(step);
        }
        steps
    }

    /// Returns what is wrong with the sources, whatever the image. No helper is run.
    pub fn problems(&self) -> Vec<CredentialError> {
        self.sources.iter().filter_map(|source| self.check_source(source).err()).collect()
    }

    fn check_source(&self, source: &CredentialSource) -> Result<(), CredentialError> {
        let file = match source {
            CredentialSource::Direct { .. } => return Ok(()),
            CredentialSource::Variable { text, .. } => {
                AuthFile::parse(text.expose().as_bytes(), AuthFileFormat::Docker)
            }
            CredentialSource::File { path, format, presence } => {
                let Some(content) = self.read_auth_file(path, presence)? else { return Ok(()) };
                AuthFile::parse(&content.bytes, *format)
            }
        };
        let location = source.location();
        file.and_then(|file| file.check_entries())
            .map_err(|error| CredentialError::Invalid { location, error })
    }

    fn query_source(&self, source: &CredentialSource, image: &Reference) -> CredentialStep {
        let location = source.location();
        let (readers, lookup) = match self.look_up_image(source, image) {
            Ok(found) => found,
            Err(error) => {
                let outcome = CredentialOutcome::Failed(error);
                return CredentialStep { location, outcome, readers: None };
            }
        };
        let used = |credential, key, helper| {
            let location = location.clone();
            CredentialOutcome::Used(FoundCredential { credential, location, key, helper })
        };
        let outcome = match lookup {
            SourceAnswer::Absent => CredentialOutcome::Absent,
            SourceAnswer::Direct(credential) => used(credential, None, None),
            SourceAnswer::File(AuthFileLookup::NoEntry) => CredentialOutcome::Nothing,
            SourceAnswer::File(AuthFileLookup::Blank { key }) => CredentialOutcome::Blank(key),
            SourceAnswer::File(AuthFileLookup::Entry { key, credential }) => {
                used(credential, Some(key), None)
            }
            SourceAnswer::File(AuthFileLookup::Helper { key, name }) => {
                match self.run_helper(&name, image) {
                    Ok(Some(credential)) => used(credential, key, Some(name)),
                    Ok(None) => CredentialOutcome::HelperHasNothing(name),
                    // Files with docker desktop's helper travel to machines that have none.
                    Err(HelperError::NotInstalled) if key.is_none() => {
                        CredentialOutcome::HelperNotInstalled(name)
                    }
                    Err(error) => {
                        let location = location.clone();
                        CredentialOutcome::Failed(CredentialError::Helper { location, name, error })
                    }
                }
            }
        };
        CredentialStep { location, outcome, readers }
    }

    /// Looks an image up in a source without running a helper.
    fn inspect_source(&self, source: &CredentialSource, image: &Reference) -> CredentialStep {
        let location = source.location();
        let (readers, outcome) = match self.look_up_image(source, image) {
            Err(error) => (None, CredentialOutcome::Failed(error)),
            Ok((readers, answer)) => (
                readers,
                match answer {
                    SourceAnswer::Absent => CredentialOutcome::Absent,
                    SourceAnswer::Direct(_) => CredentialOutcome::Outranked(None),
                    SourceAnswer::File(AuthFileLookup::NoEntry) => CredentialOutcome::Nothing,
                    SourceAnswer::File(AuthFileLookup::Blank { key }) => {
                        CredentialOutcome::Blank(key)
                    }
                    SourceAnswer::File(AuthFileLookup::Entry { key, .. }) => {
                        CredentialOutcome::Outranked(Some(key))
                    }
                    SourceAnswer::File(AuthFileLookup::Helper { key, .. }) => {
                        CredentialOutcome::Outranked(key)
                    }
                },
            ),
        };
        CredentialStep { location, outcome, readers }
    }

    fn run_helper(&self, name: &str, image: &Reference) -> Result<Option<Credential>, HelperError> {
        helper_program(name)?;
        self.system.run_helper(name, helper_server(image.registry()))?.parse_credential()
    }

    fn look_up_image(
        &self,
        source: &CredentialSource,
        image: &Reference,
    ) -> Result<(Option<AuthFileReaders>, SourceAnswer), CredentialError> {
        let location = source.location();
        let invalid = |error| CredentialError::Invalid { location: location.clone(), error };
        match source {
            CredentialSource::Direct { credential, scope, .. } if scope.contains(image) => {
                Ok((None, SourceAnswer::Direct(credential.clone())))
            }
            CredentialSource::Direct { .. } => {
                Ok((None, SourceAnswer::File(AuthFileLookup::NoEntry)))
            }
            CredentialSource::Variable { text, .. } => {
                let file = AuthFile::parse(text.expose().as_bytes(), AuthFileFormat::Docker);
                let lookup = file.and_then(|file| file.lookup(image)).map_err(invalid)?;
                Ok((None, SourceAnswer::File(lookup)))
            }
            CredentialSource::File { path, format, presence } => {
                let Some(content) = self.read_auth_file(path, presence)? else {
                    return Ok((None, SourceAnswer::Absent));
                };
                let file = AuthFile::parse(&content.bytes, *format);
                let lookup = file.and_then(|file| file.lookup(image)).map_err(invalid)?;
                Ok((Some(content.readers), SourceAnswer::File(lookup)))
            }
        }
    }

    fn read_auth_file(
        &self,
        path: &Path,
        presence: &AuthFilePresence,
    ) -> Result<Option<AuthFileContent>, CredentialError> {
        match (self.system.read_auth_file(path), presence) {
            (Ok(None), AuthFilePresence::Required(by)) => {
                Err(CredentialError::Missing { path: path.into(), by: by.clone() })
            }
            (Err(error), AuthFilePresence::OptionalUnreadable)
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                Ok(None)
            }
            (Err(error), _) => Err(CredentialError::Read { path: path.into(), error }),
            (Ok(content), _) => Ok(content),
        }
    }
}

/// Whether a source has already provided a credential or failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SearchState {
    NotYet,
    Found,
    Failed,
}

enum SourceAnswer {
    Absent,
    Direct(Credential),
    File(AuthFileLookup),
}
