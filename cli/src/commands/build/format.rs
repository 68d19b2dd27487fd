//! The *format* of documents, `--format`.

use clap::ValueEnum;
use diskette_builder::oci::image::format::ImageFormat;
use diskette_builder::recipe::Recipe;
use diskette_builder::recipe::diagnostic::Diagnostic;

use super::BuildArguments;
use crate::error::CommandError;

/// A value of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatKind {
    /// OCI image specification
    Oci,
    /// Docker's Image Manifest V2, Schema 2, for old registries
    Docker,
}

impl From<FormatKind> for ImageFormat {
    fn from(kind: FormatKind) -> Self {
        match kind {
            FormatKind::Oci => Self::Oci,
            FormatKind::Docker => Self::Docker,
        }
    }
}

impl BuildArguments {
    /// Refuses annotations in Docker's format, which has none.
    pub(super) fn check_format(&self, recipes: &[Recipe]) -> Result<(), CommandError> {
        let annotated = recipes.iter().any(|recipe| !recipe.annotations.is_empty());
        if self.format == FormatKind::Oci || !annotated {
            return Ok(());
        }
        let diagnostic = Diagnostic::new("an image in docker's format has no annotations");
        Err(CommandError::Usage(diagnostic.help("leave them out, or build with `--format oci`")))
    }
}
