//! The message for a *disk* of an image that cannot be read.

use diskette_builder::inspect::extract::ExtractError;
use diskette_builder::oci::image_documents::PlatformImage;
use diskette_builder::recipe::diagnostic::Diagnostic;

use crate::error::{CommandError, cannot};

/// Returns the message for the disk of the image at a location, which was to be `act`ed on: a verb.
pub(crate) fn disk_error(
    error: ExtractError,
    act: &str,
    location: &str,
    image: &PlatformImage,
) -> CommandError {
    let digest = image.manifest.digest;
    match error {
        ExtractError::Cancelled => CommandError::Interrupted,
        ExtractError::Images(error) => error.into(),
        ExtractError::Output(error) => cannot("write", "the disk")(error).into(),
        error @ (ExtractError::WhichDisk(_) | ExtractError::UnknownDisk { .. }) => {
            let diagnostic = Diagnostic::new(format!("which disk of `{location}`? {error}"));
            CommandError::Usage(diagnostic.help("name one of them with `--disk NAME`"))
        }
        ExtractError::NamedDisk => {
            let message = format!("`{location}` is an image with one disk, which has no name");
            CommandError::Usage(Diagnostic::new(message).help("leave out `--disk`"))
        }
        error @ (ExtractError::Disagreement { .. }
        | ExtractError::SeveralDisks(_)
        | ExtractError::NotAFile { .. }
        | ExtractError::NoDisk
        | ExtractError::NoLayers) => {
            let diagnostic =
                Diagnostic::new(format!("cannot {act} the disk of `{location}`: {error}"));
            diagnostic.help(format!("`diskette verify` says more of its image {digest}")).into()
        }
        error => Diagnostic::new(format!("cannot {act} the disk of `{location}`: {error}")).into(),
    }
}
