//! *Names* on the command line: references of images, and platforms.

use diskette_builder::oci::image::platform::Platform;
use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::error::CommandError;

/// Parses the reference that an image gets.
pub(crate) fn parse_name(text: &str) -> Result<Reference, CommandError> {
    let usage = |problem: String| {
        let message = format!("`{text}` is not an image name: {problem}");
        CommandError::Usage(Diagnostic::new(message).help("for example quay.io/me/fedora:42"))
    };
    let name: Reference = text.parse().map_err(|error| usage(format!("{error}")))?;
    if name.digest().is_some() {
        return Err(usage("a name to be given has no digest".into()));
    }
    Ok(name)
}

/// Parses a platform.
pub(crate) fn parse_platform(text: &str) -> Result<Platform, CommandError> {
    text.parse::<Platform>()
        .map_err(|error| CommandError::Usage(Diagnostic::new(error.to_string()).help(error.help())))
}
