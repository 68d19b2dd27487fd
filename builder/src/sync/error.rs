//! Why an image could not be *synced*.

use thiserror::Error;

use crate::engine::assemble::BuildError;
use crate::oci::copy::CopyError;
use crate::oci::error::StorageError;
use crate::oci::image::documents::DocumentError;
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::upstream::UpstreamError;

/// Why an image, or its part for a platform, could not be synced.
#[derive(Debug, Error)]
pub enum SyncError {
    /// Upstream has no disk that could be used.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// What upstream has is older than what is published.
    #[error("upstream has {found}, which is older than {published} that is published")]
    Older {
        /// What upstream has.
        found: String,
        /// What is published.
        published: String,
    },
    /// Upstream has a newer release for other platforms.
    #[error("upstream has only {found} for this platform, and {newest} for others")]
    Behind {
        /// What upstream has for this platform.
        found: String,
        /// What it has for others.
        newest: String,
    },
    /// A tag cannot be made of what was found.
    #[error("cannot make the tag of `{template}`: {why}")]
    Tag {
        /// As the catalogue has it.
        template: String,
        /// What is wrong.
        why: String,
    },
    /// A file beside the catalogue cannot be read.
    #[error("cannot read `{place}`: {source}")]
    File {
        /// Its path.
        place: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// What is published cannot be understood.
    #[error("what is published at {place} cannot be read: {why}")]
    Published {
        /// The name.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// It could not be built or pushed.
    #[error("{}", .0.diagnostic().message)]
    Build(BuildError),
    /// A registry did not do something.
    #[error("{}", .0.full_message())]
    Registry(#[from] StorageError),
    /// What is published elsewhere could not be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A document could not be composed.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Others changed the tag again and again.
    #[error("somebody else is publishing it at the same time")]
    Contended,
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl From<BuildError> for SyncError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Cancelled => Self::Cancelled,
            error => Self::Build(error),
        }
    }
}

impl SyncError {
    /// Tells whether the same may go well a little later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Upstream(error) => error.is_temporary(),
            Self::Build(error) => error.is_temporary(),
            Self::Registry(StorageError::Remote { is_temporary, .. })
            | Self::Copy(CopyError::Storage(StorageError::Remote { is_temporary, .. })) => {
                *is_temporary
            }
            Self::Behind { .. } | Self::Contended => true,
            _ => false,
        }
    }

    /// Returns the error as something to show: what, where, and how to mend it.
    pub fn diagnostic(
        &self,
        image: &str,
        platform: Option<&Platform>,
        origin: &Span,
    ) -> Diagnostic {
        let subject = match platform {
            Some(platform) => format!("{image} for {platform}"),
            None => image.to_owned(),
        };
        let mut diagnostic = Diagnostic::new(format!("{subject}: {self}")).at(origin.clone());
        let help = match self {
            Self::Upstream(error) => vec![error.help().to_owned()],
            Self::Build(error) => {
                let Diagnostic { rule, help, .. } = error.diagnostic();
                diagnostic.rule = rule;
                help
            }
            Self::Registry(StorageError::Remote { help, .. }) => help.iter().cloned().collect(),
            Self::Older { .. } => vec![
                "is an old list replayed? if upstream went back on purpose, say `--allow-downgrade`"
                    .into(),
            ],
            Self::Behind { .. } => vec![
                "it will follow; with `policy: {platforms: best-effort}` the others need not wait"
                    .into(),
            ],
            Self::Published { .. } => {
                vec!["`--force` publishes anew, whatever is there".into()]
            }
            _ => Vec::new(),
        };
        help.into_iter().fold(diagnostic, Diagnostic::help)
    }
}
