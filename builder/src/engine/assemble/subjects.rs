//! The *subjects* of a build: the images that the built ones refer to, found before anything is built.

use std::fmt;

use crate::oci::error::StorageError;
use crate::oci::image::json::Document;
use crate::oci::image::location::ImageLocation;
use crate::oci::images::{ImageOpener, Images};
use crate::oci::sink::Sink;
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{Recipe, SubjectRecipe};

/// An image that cannot be referred to.
#[derive(Debug)]
pub struct RefusedSubject {
    problem: Box<SubjectProblem>,
    subject: Box<SubjectRecipe>,
}

/// Why an image cannot be referred to.
#[derive(Debug)]
enum SubjectProblem {
    /// It cannot be read, or the repository of the built image does not have it.
    Storage(StorageError),
    /// There is no such image.
    NotFound,
    /// A layout or an archive has several images, or none, and no name is given.
    Ambiguous,
}

/// Finds the images that those of the recipes refer to.
pub(super) fn find_subjects(
    recipes: &[Recipe],
    opener: &dyn ImageOpener,
) -> Result<Vec<Option<Document>>, Vec<RefusedSubject>> {
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for recipe in recipes {
        let subject = recipe.subject.as_ref().map(|subject| {
            find_subject(&subject.location, opener).map_err(|problem| refuse(problem, subject))
        });
        match subject.transpose() {
            Ok(subject) => found.push(subject),
            Err(error) => refused.push(error),
        }
    }
    if refused.is_empty() { Ok(found) } else { Err(refused) }
}

/// Checks that every repository that an image is published in has the image that it refers to.
pub(super) fn check_subjects(
    recipes: &[Recipe],
    subjects: &[Option<Document>],
    sink: &dyn Sink,
) -> Result<(), RefusedSubject> {
    for (recipe, document) in recipes.iter().zip(subjects) {
        let Some((subject, document)) = recipe.subject.as_ref().zip(document.as_ref()) else {
            continue;
        };
        let checked = sink.check_subject(document.digest, &recipe.names);
        checked.map_err(|error| refuse(SubjectProblem::Storage(error), subject))?;
    }
    Ok(())
}

fn find_subject(
    location: &ImageLocation,
    opener: &dyn ImageOpener,
) -> Result<Document, SubjectProblem> {
    let images = opener.open_images(location).map_err(SubjectProblem::Storage)?;
    let find = |images: &dyn Images| match location.image_name() {
        Some(name) => Ok(images.find_image(name)?.ok_or(SubjectProblem::NotFound)),
        None => Ok(images.only_image()?.ok_or(SubjectProblem::Ambiguous)),
    };
    find(&*images).map_err(SubjectProblem::Storage)?
}

fn refuse(problem: SubjectProblem, subject: &SubjectRecipe) -> RefusedSubject {
    RefusedSubject { problem: Box::new(problem), subject: Box::new(subject.clone()) }
}

impl RefusedSubject {
    /// Returns whether the user asked to stop.
    pub(super) fn is_cancelled(&self) -> bool {
        matches!(*self.problem, SubjectProblem::Storage(StorageError::Cancelled))
    }

    pub(super) fn is_temporary(&self) -> bool {
        matches!(&*self.problem, SubjectProblem::Storage(error) if error.is_temporary())
    }

    /// Returns the error with its line, and what the user can do.
    pub(super) fn diagnostic(&self) -> Diagnostic {
        let diagnostic = Diagnostic::new(self.to_string()).at(self.subject.origin.clone());
        match &*self.problem {
            SubjectProblem::Storage(StorageError::Remote { help, .. }) => {
                help.iter().cloned().fold(diagnostic, Diagnostic::help)
            }
            SubjectProblem::Ambiguous => {
                diagnostic.help(format!("name one of its images: `{}:TAG`", self.subject.location))
            }
            _ => diagnostic,
        }
    }
}

impl fmt::Display for RefusedSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = &self.subject.location;
        match &*self.problem {
            SubjectProblem::Storage(error) => f.write_str(&error.full_message()),
            SubjectProblem::NotFound => write!(f, "there is no image `{location}`"),
            SubjectProblem::Ambiguous => write!(f, "which image of `{location}`?"),
        }
    }
}

impl std::error::Error for RefusedSubject {}
