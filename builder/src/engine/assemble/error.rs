//! Why a build fails, and what to do about it.

use std::error::Error as _;
use std::io;

use thiserror::Error;

use crate::disk::FlawKind;
use crate::engine::layer::LayerError;
use crate::engine::source::{Sequential, SourceError, SourceErrorKind};
use crate::oci::error::StorageError;
use crate::oci::image::documents::DocumentError;
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Why a build failed.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A source cannot be used.
    #[error("{error}")]
    Source {
        /// What is wrong.
        #[source]
        error: SourceError,
        /// Where the user named it.
        origin: Option<Span>,
    },
    /// A layer could not be made.
    #[error(transparent)]
    Layer(LayerError),
    /// The images cannot be put where they should go.
    #[error(transparent)]
    Sink(StorageError),
    /// A document could not be composed.
    #[error(transparent)]
    Document(#[from] DocumentError),
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

impl BuildError {
    /// Tells whether the same build may succeed a little later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Source { error, .. } => match &error.kind {
                SourceErrorKind::Http(error) => error.is_temporary(),
                _ => false,
            },
            Self::Sink(StorageError::Remote { is_temporary, .. }) => *is_temporary,
            _ => false,
        }
    }

    /// Tells whether another error says the same of the same place.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Source { error, .. }, Self::Source { error: other, .. }) => {
                error.to_string() == other.to_string()
            }
            _ => false,
        }
    }

    /// Returns the error as something to show: what, where, and how to mend it.
    pub fn diagnostic(&self) -> Diagnostic {
        if let Self::Source { error, origin } = self {
            let diagnostic = Diagnostic::new(message(error)).at(origin.clone());
            return help(error).into_iter().fold(diagnostic, Diagnostic::help);
        }
        let mut message = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        let diagnostic = Diagnostic::new(message);
        if let Self::Sink(StorageError::Remote { help, .. }) = self {
            return help.iter().cloned().fold(diagnostic, Diagnostic::help);
        }
        self.full_disk().into_iter().fold(diagnostic, Diagnostic::help)
    }

    fn full_disk(&self) -> Option<String> {
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

fn message(error: &SourceError) -> String {
    let place = &error.place;
    match &error.kind {
        SourceErrorKind::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("cannot find `{place}`")
        }
        SourceErrorKind::Io(error) => format!("cannot read `{place}`: {error}"),
        SourceErrorKind::Http(error) => format!("cannot download `{place}`: {error}"),
        SourceErrorKind::Unverified => format!("`{place}` has no checksum"),
        kind => format!("cannot use `{place}`: {kind}"),
    }
}

/// Returns what the user can do, where that is known.
fn help(error: &SourceError) -> Vec<String> {
    let name = error.place.rsplit('/').next().unwrap_or_default();
    match &error.kind {
        SourceErrorKind::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            vec!["paths are relative to the directory of the spec".into()]
        }
        SourceErrorKind::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            vec!["make the file readable for the user who builds".into()]
        }
        SourceErrorKind::NotAFile => vec!["name the disk image itself".into()],
        SourceErrorKind::Empty => vec!["was a download or a conversion cut off?".into()],
        SourceErrorKind::Packed(packing) => vec![
            format!("in a spec, say `unpack: {0}`, or rename it to `{name}.{0}`", packing.suffix()),
            "for a Dockerfile, unpack it before the build".into(),
        ],
        SourceErrorKind::Disk(flaw) => flaw_help(flaw.kind, name),
        SourceErrorKind::NotPacked(_) => vec![
            "the name says that it is packed, the content does not; say `unpack: none` to take it \
             as it is"
                .into(),
        ],
        SourceErrorKind::Checksum { .. } => vec![
            "the file is not the one that the checksum was made of; nothing was written".into(),
        ],
        SourceErrorKind::Unpacked { .. } => vec![
            "the file is what was published, but not the disk in it; tell the publisher".into(),
        ],
        SourceErrorKind::TooLong => vec!["is it the file that was meant?".into()],
        SourceErrorKind::Changed => vec!["build again when nothing writes to it any more".into()],
        SourceErrorKind::Damaged(..) => vec!["was the download cut off?".into()],
        SourceErrorKind::Sequential(why) => vec![
            match why {
                Sequential::Packed(_) => "unpack it first, and name the unpacked file",
                Sequential::Download => "download it first, and name the file",
                Sequential::Part => "take it out first, and name the file",
            }
            .into(),
        ],
        SourceErrorKind::Guest(_) => vec!["convert it with `qemu-img convert` first".into()],
        SourceErrorKind::Unverified => vec![
            "add the digest that the publisher gives: `sha256:` in a spec, `--checksum=sha256:…` \
             with ADD"
                .into(),
            "or pass `--allow-unverified` to take whatever comes".into(),
        ],
        _ => Vec::new(),
    }
}

/// Returns what can be done about a disk.
fn flaw_help(kind: FlawKind, name: &str) -> Vec<String> {
    let convert = format!("`qemu-img convert -O qcow2 {name} new.qcow2` makes one file of it");
    match kind {
        FlawKind::CdiOnly => vec![
            "say `convert: qcow2` in a spec, or pass `--convert qcow2`, and both take it".into(),
            "pass `--allow-cdi-only` if CDI alone will import the image".into(),
        ],
        FlawKind::Blank | FlawKind::Truncated | FlawKind::OutsideFile => {
            vec!["was a download or a conversion cut off?".into()]
        }
        FlawKind::BackingFile | FlawKind::DataFile => vec![convert],
        FlawKind::Unsupported => vec![
            "is it the file that was meant? `qemu-img convert -O qcow2` makes what KubeVirt boots of \
             other formats"
                .into(),
        ],
        FlawKind::Encrypted => {
            vec!["nobody has the key there; encrypt in the virtual machine instead".into()]
        }
        FlawKind::UnknownFeature => {
            vec!["write it anew with the program that made it, as an older version".into()]
        }
        FlawKind::Corrupt | FlawKind::Malformed => {
            vec![format!("`qemu-img check {name}` says more; copy or make it anew")]
        }
        FlawKind::Misnamed => {
            vec!["is it the file that was meant? If so, rename it as its content is".into()]
        }
        FlawKind::Packed | FlawKind::Dirty | FlawKind::Snapshots => Vec::new(),
    }
}
