//! Why a build fails, and what to do about it.

use std::error::Error as _;
use std::io;

use thiserror::Error;

use super::refused_source::RefusedSource;
use super::source_help::LIST_LATER;
use super::subjects::RefusedSubject;
use crate::engine::layer::LayerError;
use crate::engine::source::{DownloadError, SequentialSource, SourceError, SourceErrorKind};
use crate::oci::error::StorageError;
use crate::oci::image::documents::DocumentError;
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::Diagnostic;
use crate::recipe::{SourceLocation, SourceRecipe};
use crate::signature::error::SignatureError;

/// Why a build failed.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A source cannot be used.
    #[error(transparent)]
    Source(Box<RefusedSource>),
    /// The image that a built one refers to cannot be referred to.
    #[error(transparent)]
    Subject(RefusedSubject),
    /// A layer could not be made.
    #[error(transparent)]
    Layer(LayerError),
    /// The images cannot be written to their destination.
    #[error(transparent)]
    Sink(StorageError),
    /// A document could not be composed.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The packages of an image are to be listed, and no disk is built for this platform.
    #[error(
        "there is no disk for {0} whose packages could be listed: none is built, or it is in the base"
    )]
    Unlisted(Platform),
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl From<StorageError> for BuildError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Cancelled => Self::Cancelled,
            error => Self::Sink(error),
        }
    }
}

impl From<SignatureError> for BuildError {
    fn from(error: SignatureError) -> Self {
        StorageError::from(error).into()
    }
}

impl From<RefusedSubject> for BuildError {
    fn from(refused: RefusedSubject) -> Self {
        if refused.is_cancelled() { Self::Cancelled } else { Self::Subject(refused) }
    }
}

impl BuildError {
    /// Returns whether the same build may succeed later.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Source(refused) => match &refused.error.kind {
                SourceErrorKind::Http(error) => error.is_temporary(),
                SourceErrorKind::Image(error) => error.is_temporary(),
                _ => false,
            },
            Self::Subject(refused) => refused.is_temporary(),
            Self::Sink(error) => error.is_temporary(),
            _ => false,
        }
    }

    /// Returns the error of a recipe's source.
    pub(crate) fn from_source(error: SourceError, recipe: &SourceRecipe) -> Self {
        if matches!(
            error.kind,
            SourceErrorKind::Http(DownloadError::Cancelled)
                | SourceErrorKind::Image(StorageError::Cancelled)
        ) {
            return Self::Cancelled;
        }
        let file = match &recipe.location {
            SourceLocation::File(file) => Some(file.path.display().to_string()),
            SourceLocation::Url(_) => Some(recipe.location.file_name().to_owned()),
            SourceLocation::Inline(_) | SourceLocation::Member(_) | SourceLocation::Image(_) => {
                None
            }
        };
        let file = file.filter(|file| !file.is_empty());
        Self::Source(Box::new(RefusedSource {
            error,
            file,
            compression: recipe.compression,
            sequential: SequentialSource::find(recipe),
            origin: recipe.origin.clone(),
        }))
    }

    /// Returns the diagnostic of the error: message, location and help.
    pub fn diagnostic(&self) -> Diagnostic {
        if let Self::Source(refused) = self {
            return refused.diagnostic().temporary(self.is_temporary());
        }
        if let Self::Subject(refused) = self {
            return refused.diagnostic().temporary(self.is_temporary());
        }
        let mut message = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        let diagnostic = Diagnostic::new(message).temporary(self.is_temporary());
        if let Self::Unlisted(_) = self {
            return LIST_LATER.iter().copied().fold(diagnostic, Diagnostic::help);
        }
        if let Self::Sink(error) = self
            && let Some(help) = error.help()
        {
            return diagnostic.help(help);
        }
        self.full_disk_help().into_iter().fold(diagnostic, Diagnostic::help)
    }

    fn full_disk_help(&self) -> Option<String> {
        let (Self::Layer(LayerError::Write(source)) | Self::Sink(StorageError::Io { source, .. })) =
            self
        else {
            return None;
        };
        let full =
            matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        full.then(|| "nothing was left behind; make room or choose another place with `-o`".into())
    }
}
