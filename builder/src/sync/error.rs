//! Why an image could not be *synced*.

use thiserror::Error;

use crate::engine::assemble::BuildError;
use crate::inspect::extract::ExtractError;
use crate::inspect::packages::PackagesError;
use crate::oci::copy::CopyError;
use crate::oci::error::StorageError;
use crate::oci::image::documents::DocumentError;
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::upstream::UpstreamError;

/// Why an image could not be synced, as a whole or for one platform.
#[derive(Debug, Error)]
pub enum SyncError {
    /// No usable disk was found upstream.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// Upstream's release is older than the published one.
    #[error("upstream has {found}, which is older than {published} that is published")]
    Older {
        /// Upstream's version.
        found: String,
        /// Published version.
        published: String,
    },
    /// Upstream has a newer release for other platforms.
    #[error("upstream has only {found} for this platform, and {newest} for others")]
    Behind {
        /// Upstream's version for this platform.
        found: String,
        /// Upstream's newest version for other platforms.
        newest: String,
    },
    /// A tag template cannot be filled in.
    #[error("cannot make the tag of `{template}`: {why}")]
    Tag {
        /// Template from the catalogue.
        template: String,
        /// What is wrong.
        why: String,
    },
    /// A file of the catalogue cannot be read.
    #[error("cannot read `{path}`: {source}")]
    File {
        /// Path of the file.
        path: String,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The published image cannot be read.
    #[error("what is published at {name} cannot be read: {why}")]
    Published {
        /// Name of the published image.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The image could not be built or pushed.
    #[error("{}", .0.diagnostic().message)]
    Build(BuildError),
    /// The packages in the disk of an image that was built cannot be listed.
    #[error("the packages in its disk cannot be listed: {0}")]
    Packages(PackagesError),
    /// A request to a registry failed.
    #[error("{}", .0.full_message())]
    Registry(#[from] StorageError),
    /// A platform's image could not be copied from another repository.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A document could not be composed.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The tag was changed by others in each attempt.
    #[error("another run is publishing it at the same time")]
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

impl From<PackagesError> for SyncError {
    fn from(error: PackagesError) -> Self {
        if error.is_cancelled() { Self::Cancelled } else { Self::Packages(error) }
    }
}

impl SyncError {
    /// Returns whether a retry may succeed.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Upstream(error) => error.is_temporary(),
            Self::Build(error) => error.is_temporary(),
            Self::Registry(error) | Self::Copy(CopyError::Storage(error)) => error.is_temporary(),
            Self::Packages(error) => error.is_temporary(),
            Self::Behind { .. } | Self::Contended => true,
            _ => false,
        }
    }

    /// Returns the error as a diagnostic: what is wrong, where, and how to fix it.
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
        let mut diagnostic = Diagnostic::new(format!("{subject}: {self}"))
            .at(origin.clone())
            .temporary(self.is_temporary());
        let help = match self {
            Self::Upstream(error) => vec![error.help().to_owned()],
            Self::Build(error) => {
                let Diagnostic { rule, help, .. } = error.diagnostic();
                diagnostic.rule = rule;
                help
            }
            Self::Registry(error) => error.help().map(str::to_owned).into_iter().collect(),
            Self::Packages(PackagesError::Disk(ExtractError::Output(_))) => {
                vec!["name a directory with more space: `--spool DIR`".into()]
            }
            Self::Packages(PackagesError::Inventory(_)) => {
                vec!["leave `sbom` out of `--attest` and of `attest` in the catalogue".into()]
            }
            Self::Older { .. } => vec![
                "is an old list replayed? if upstream went back on purpose, use `--allow-downgrade`"
                    .into(),
            ],
            Self::Behind { .. } => vec![
                "it is published later; with `policy: {platforms: best-effort}` the others \
                     do not wait"
                    .into(),
            ],
            Self::Published { .. } => {
                vec!["`--force` publishes it in any case".into()]
            }
            _ => Vec::new(),
        };
        help.into_iter().fold(diagnostic, Diagnostic::help)
    }
}
