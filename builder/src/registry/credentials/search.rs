//! A *search* asks the sources one after the other.

use std::io;
use std::path::Path;

use super::error::CredentialError;
use super::file::{AuthFile, AuthFileFormat, AuthFileLookup};
use super::helper::{HelperError, program};
use super::key::server;
use super::source::{AuthFilePresence, CredentialSource};
use super::step::{CredentialOutcome, CredentialStep};
use super::{AuthFileContent, AuthFileReaders, CredentialAmbient, FoundCredential};
use crate::net::credential::Credential;
use crate::oci::image::reference::Reference;

/// Credentials for images, from a list of sources.
#[derive(Debug)]
pub struct Credentials<A> {
    sources: Vec<CredentialSource>,
    ambient: A,
}

impl<A: CredentialAmbient> Credentials<A> {
    /// Returns credentials from these sources, asked in this order.
    pub fn new(sources: Vec<CredentialSource>, ambient: A) -> Self {
        Self { sources, ambient }
    }

    /// Returns the credential for an image, or nothing: then it is asked for without one.
    pub fn find(&self, image: &Reference) -> Result<Option<FoundCredential>, CredentialError> {
        for source in &self.sources {
            match self.ask(source, image).outcome {
                CredentialOutcome::Used(found) => return Ok(Some(found)),
                CredentialOutcome::Failed(error) => return Err(error),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Returns what each source says, in order. Helpers are asked as far as
    /// [`find`](Self::find) asks them.
    pub fn explain(&self, image: &Reference) -> Vec<CredentialStep> {
        let mut steps = Vec::with_capacity(self.sources.len());
        let mut decided = Decided::NotYet;
        for source in &self.sources {
            let step = match decided {
                Decided::NotYet => self.ask(source, image),
                Decided::Found => self.peek(source, image),
                Decided::Failed => CredentialStep {
                    place: source.place(),
                    outcome: CredentialOutcome::NotAsked,
                    readers: None,
                },
            };
            decided = match step.outcome {
                CredentialOutcome::Used(_) => Decided::Found,
                CredentialOutcome::Failed(_) if decided == Decided::NotYet => Decided::Failed,
                _ => decided,
            };
            steps.push(step);
        }
        steps
    }

    fn ask(&self, source: &CredentialSource, image: &Reference) -> CredentialStep {
        let place = source.place();
        let (readers, lookup) = match self.look_up(source, image) {
            Ok(found) => found,
            Err(error) => {
                let outcome = CredentialOutcome::Failed(error);
                return CredentialStep { place, outcome, readers: None };
            }
        };
        let used = |credential, key, helper| {
            let place = place.clone();
            CredentialOutcome::Used(FoundCredential { credential, place, key, helper })
        };
        let outcome = match lookup {
            Answer::Absent => CredentialOutcome::Absent,
            Answer::Given(credential) => used(credential, None, None),
            Answer::File(AuthFileLookup::Nothing) => CredentialOutcome::Nothing,
            Answer::File(AuthFileLookup::Blank { key }) => CredentialOutcome::Blank(key),
            Answer::File(AuthFileLookup::Entry { key, credential }) => {
                used(credential, Some(key), None)
            }
            Answer::File(AuthFileLookup::Helper { key, name }) => match self.run(&name, image) {
                Ok(Some(credential)) => used(credential, key, Some(name)),
                Ok(None) => CredentialOutcome::HelperHasNothing(name),
                // Files with docker desktop's helper travel to machines that have none.
                Err(HelperError::NotInstalled) if key.is_none() => {
                    CredentialOutcome::HelperNotInstalled(name)
                }
                Err(error) => {
                    let place = place.clone();
                    CredentialOutcome::Failed(CredentialError::Helper { place, name, error })
                }
            },
        };
        CredentialStep { place, outcome, readers }
    }

    /// Looks into a source without running anything.
    fn peek(&self, source: &CredentialSource, image: &Reference) -> CredentialStep {
        let place = source.place();
        let (readers, outcome) = match self.look_up(source, image) {
            Err(error) => (None, CredentialOutcome::Failed(error)),
            Ok((readers, answer)) => (
                readers,
                match answer {
                    Answer::Absent => CredentialOutcome::Absent,
                    Answer::Given(_) => CredentialOutcome::Outranked(None),
                    Answer::File(AuthFileLookup::Nothing) => CredentialOutcome::Nothing,
                    Answer::File(AuthFileLookup::Blank { key }) => CredentialOutcome::Blank(key),
                    Answer::File(AuthFileLookup::Entry { key, .. }) => {
                        CredentialOutcome::Outranked(Some(key))
                    }
                    Answer::File(AuthFileLookup::Helper { key, .. }) => {
                        CredentialOutcome::Outranked(key)
                    }
                },
            ),
        };
        CredentialStep { place, outcome, readers }
    }

    fn run(&self, name: &str, image: &Reference) -> Result<Option<Credential>, HelperError> {
        program(name)?;
        self.ambient.helper(name, server(image.registry()))?.credential()
    }

    fn look_up(
        &self,
        source: &CredentialSource,
        image: &Reference,
    ) -> Result<(Option<AuthFileReaders>, Answer), CredentialError> {
        let place = source.place();
        let invalid = |error| CredentialError::Invalid { place: place.clone(), error };
        match source {
            CredentialSource::Given { credential, .. } => {
                Ok((None, Answer::Given(credential.clone())))
            }
            CredentialSource::Variable { text, .. } => {
                let file = AuthFile::parse(text.expose().as_bytes(), AuthFileFormat::Docker);
                let lookup = file.and_then(|file| file.lookup(image)).map_err(invalid)?;
                Ok((None, Answer::File(lookup)))
            }
            CredentialSource::File { path, format, presence } => {
                let Some(content) = self.read(path, presence)? else {
                    return Ok((None, Answer::Absent));
                };
                let file = AuthFile::parse(&content.bytes, *format);
                let lookup = file.and_then(|file| file.lookup(image)).map_err(invalid)?;
                Ok((Some(content.readers), Answer::File(lookup)))
            }
        }
    }

    fn read(
        &self,
        path: &Path,
        presence: &AuthFilePresence,
    ) -> Result<Option<AuthFileContent>, CredentialError> {
        match (self.ambient.read(path), presence) {
            (Ok(None), AuthFilePresence::Required(by)) => {
                Err(CredentialError::Missing { path: path.into(), by: by.clone() })
            }
            (Err(error), AuthFilePresence::Guessed)
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                Ok(None)
            }
            (Err(error), _) => Err(CredentialError::Read { path: path.into(), error }),
            (Ok(content), _) => Ok(content),
        }
    }
}

/// Whether the sources so far have settled the question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Decided {
    NotYet,
    Found,
    Failed,
}

enum Answer {
    Absent,
    Given(Credential),
    File(AuthFileLookup),
}
