//! *Attaches* images to others.

use diskette_builder::oci::image::json::Document;
use diskette_builder::oci::image::subject::{SubjectError, with_subject};
use diskette_builder::recipe::diagnostic::Diagnostic;
use diskette_builder::registry::client::RegistryClient;

use super::subject::ImageSubject;
use crate::arguments::attach::AttachArguments;
use crate::error::CommandError;

/// Finds the image that others are attached to, if there is one.
pub(crate) fn find_attach_target(
    arguments: &AttachArguments,
    registry: &RegistryClient,
) -> Result<Option<Document>, CommandError> {
    let Some(location) = &arguments.subject else { return Ok(None) };
    Ok(Some(ImageSubject::find(location, registry)?.root))
}

/// Returns an image attached to another: a document with another digest.
pub(crate) fn attach(root: &Document, subject: &Document) -> Result<Document, CommandError> {
    with_subject(root, subject).map_err(|error| {
        let diagnostic = Diagnostic::new(format!("cannot attach {}: {error}", root.digest));
        CommandError::from(match error {
            SubjectError::Format(_) => diagnostic.help("build it with `--format oci`"),
            _ => diagnostic,
        })
    })
}
