//! A *search* asks the sources one after the other.

use std::io;
use std::path::Path;

use super::error::CredentialError;
use super::file::{AuthFile, Format, Lookup};
use super::helper::{HelperError, program};
use super::key::server;
use super::source::{Presence, Source};
use super::step::{Outcome, Step};
use super::{Ambient, AuthBytes, Found, Readers};
use crate::net::credential::Credential;
use crate::oci::image::reference::Reference;

/// Credentials for images, from a list of sources.
#[derive(Debug)]
pub struct Credentials<A> {
    sources: Vec<Source>,
    ambient: A,
}

impl<A: Ambient> Credentials<A> {
    /// Returns credentials from these sources, asked in this order.
    pub fn new(sources: Vec<Source>, ambient: A) -> Self {
        Self { sources, ambient }
    }

    /// Returns the credential for an image, or nothing: then it is asked for without one.
    pub fn find(&self, image: &Reference) -> Result<Option<Found>, CredentialError> {
        for source in &self.sources {
            match self.ask(source, image).outcome {
                Outcome::Used(found) => return Ok(Some(found)),
                Outcome::Failed(error) => return Err(error),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Returns what each source says, in order. Helpers are asked as far as
    /// [`find`](Self::find) asks them.
    pub fn explain(&self, image: &Reference) -> Vec<Step> {
        let mut steps = Vec::with_capacity(self.sources.len());
        let mut decided = Decided::NotYet;
        for source in &self.sources {
            let step = match decided {
                Decided::NotYet => self.ask(source, image),
                Decided::Found => self.peek(source, image),
                Decided::Failed => {
                    Step { place: source.place(), outcome: Outcome::NotAsked, readers: None }
                }
            };
            decided = match step.outcome {
                Outcome::Used(_) => Decided::Found,
                Outcome::Failed(_) if decided == Decided::NotYet => Decided::Failed,
                _ => decided,
            };
            steps.push(step);
        }
        steps
    }

    fn ask(&self, source: &Source, image: &Reference) -> Step {
        let place = source.place();
        let (readers, lookup) = match self.look_up(source, image) {
            Ok(found) => found,
            Err(error) => return Step { place, outcome: Outcome::Failed(error), readers: None },
        };
        let used = |credential, key, helper| {
            Outcome::Used(Found { credential, place: place.clone(), key, helper })
        };
        let outcome = match lookup {
            Answer::Absent => Outcome::Absent,
            Answer::Given(credential) => used(credential, None, None),
            Answer::File(Lookup::Nothing) => Outcome::Nothing,
            Answer::File(Lookup::Blank { key }) => Outcome::Blank(key),
            Answer::File(Lookup::Entry { key, credential }) => used(credential, Some(key), None),
            Answer::File(Lookup::Helper { key, name }) => match self.run(&name, image) {
                Ok(Some(credential)) => used(credential, key, Some(name)),
                Ok(None) => Outcome::HelperHasNothing(name),
                // Files with docker desktop's helper travel to machines that have none.
                Err(HelperError::NotInstalled) if key.is_none() => {
                    Outcome::HelperNotInstalled(name)
                }
                Err(error) => {
                    Outcome::Failed(CredentialError::Helper { place: place.clone(), name, error })
                }
            },
        };
        Step { place, outcome, readers }
    }

    /// Looks into a source without running anything.
    fn peek(&self, source: &Source, image: &Reference) -> Step {
        let place = source.place();
        let (readers, outcome) = match self.look_up(source, image) {
            Err(error) => (None, Outcome::Failed(error)),
            Ok((readers, answer)) => (
                readers,
                match answer {
                    Answer::Absent => Outcome::Absent,
                    Answer::Given(_) => Outcome::Outranked(None),
                    Answer::File(Lookup::Nothing) => Outcome::Nothing,
                    Answer::File(Lookup::Blank { key }) => Outcome::Blank(key),
                    Answer::File(Lookup::Entry { key, .. }) => Outcome::Outranked(Some(key)),
                    Answer::File(Lookup::Helper { key, .. }) => Outcome::Outranked(key),
                },
            ),
        };
        Step { place, outcome, readers }
    }

    fn run(&self, name: &str, image: &Reference) -> Result<Option<Credential>, HelperError> {
        program(name)?;
        self.ambient.helper(name, server(image.registry()))?.credential()
    }

    fn look_up(
        &self,
        source: &Source,
        image: &Reference,
    ) -> Result<(Option<Readers>, Answer), CredentialError> {
        let place = source.place();
        let invalid = |error| CredentialError::Invalid { place: place.clone(), error };
        match source {
            Source::Given { credential, .. } => Ok((None, Answer::Given(credential.clone()))),
            Source::Variable { text, .. } => {
                let file = AuthFile::parse(text.expose().as_bytes(), Format::Docker);
                let lookup = file.and_then(|file| file.lookup(image)).map_err(invalid)?;
                Ok((None, Answer::File(lookup)))
            }
            Source::File { path, format, presence } => {
                let Some(content) = self.read(path, presence)? else {
                    return Ok((None, Answer::Absent));
                };
                let file = AuthFile::parse(&content.bytes, *format);
                let lookup = file.and_then(|file| file.lookup(image)).map_err(invalid)?;
                Ok((Some(content.readers), Answer::File(lookup)))
            }
        }
    }

    fn read(&self, path: &Path, presence: &Presence) -> Result<Option<AuthBytes>, CredentialError> {
        match (self.ambient.read(path), presence) {
            (Ok(None), Presence::Required(by)) => {
                Err(CredentialError::Missing { path: path.into(), by: by.clone() })
            }
            (Err(error), Presence::Guessed) if error.kind() == io::ErrorKind::PermissionDenied => {
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
    File(Lookup),
}
