//! Why a build fails, and what to do about it.

use std::error::Error as _;
use std::io;

use thiserror::Error;

use super::subjects::RefusedSubject;
use crate::cluster::contract::{ContractRule, fill_fix, flaw_fix, flaw_rule, unpacked_name};
use crate::compression::CompressionFormat;
use crate::disk::guest::GuestError;
use crate::disk::{DiscardError, FlawKind, ResizeError};
use crate::engine::layer::LayerError;
use crate::engine::source::{
    ArchivedError, DownloadError, SequentialSource, SourceError, SourceErrorKind,
};
use crate::net::http::HttpError;
use crate::oci::error::StorageError;
use crate::oci::image::documents::DocumentError;
use crate::oci::image::platform::Platform;
use crate::recipe::diagnostic::{Diagnostic, Span};
use crate::recipe::{SourceLocation, SourceRecipe};
use crate::signature::error::SignatureError;

/// Help for a disk that is packed once more than the build unpacks.
const PACKED_TWICE: &str = "it is compressed twice: decompress it once with `UNPACK DISK \
     >NEW`; a spec with `unpack: SUFFIX` takes the result";

/// Help in front of a command for a packed disk.
const UNPACK_FIRST: &str = "decompress it first with `UNPACK DISK >NEW`";

/// Help for a disk that only CDI takes, and that cannot be converted where it is.
const PACKED_CDI_ONLY: &str = "unpack it with `UNPACK DISK >NEW`, and build the result with `--convert qcow2`; pass \
     `--allow-cdi-only` if CDI alone will import the image";
const DOWNLOADED_CDI_ONLY: &str = "download it first, and build from the file with `--convert qcow2`; pass `--allow-cdi-only` if CDI \
     alone will import the image";
const ENCLOSED_CDI_ONLY: &str = "take it out first, and build from the file with `--convert qcow2`; pass `--allow-cdi-only` if CDI \
     alone will import the image";

/// Help for a disk that can be read only from front to back.
const SPOOL: &str = "or pass `--spool DIR`, which writes it to a temporary file in that directory";

/// Help for a disk whose packages cannot be listed.
const LIST_LATER: &[&str] = &[
    "leave `sbom` out of `--attest` and of `attest` in the spec; `diskette attest IMAGE --sbom spdx` lists \
     the packages of an image that exists",
];

/// Help for a disk without packages.
const LIST_NOTHING: &[&str] = &["leave `sbom` out of `--attest` and of `attest` in the spec"];

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

/// A source that cannot be used.
#[derive(Debug, Error)]
#[error("{error}")]
pub struct RefusedSource {
    /// What is wrong.
    #[source]
    error: SourceError,
    /// Name of the file for commands in help lines, if the source is a file.
    file: Option<String>,
    /// Compression that the build would undo.
    compression: Option<CompressionFormat>,
    /// Why the disk could not be converted, if it could not.
    sequential: Option<SequentialSource>,
    /// Where the user named the source.
    origin: Option<Span>,
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

fn source_message(error: &SourceError) -> String {
    let location = &error.location;
    match &error.kind {
        SourceErrorKind::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("cannot find `{location}`")
        }
        SourceErrorKind::Io(error) => format!("cannot read `{location}`: {error}"),
        SourceErrorKind::Http(error) => format!("cannot download `{location}`: {error}"),
        SourceErrorKind::Unverified => format!("`{location}` has no checksum"),
        kind => format!("cannot use `{location}`: {kind}"),
    }
}

impl RefusedSource {
    /// Returns the error with the rule that the source breaks, and what the user can do.
    fn diagnostic(&self) -> Diagnostic {
        let error = &self.error.kind;
        let diagnostic = Diagnostic::new(source_message(&self.error)).at(self.origin.clone());
        if let SourceErrorKind::Image(error) = error {
            return error.help().into_iter().fold(diagnostic, Diagnostic::help);
        }
        let Some(rule) = broken_rule(error) else {
            return source_help(error).iter().copied().fold(diagnostic, Diagnostic::help);
        };
        let diagnostic = diagnostic.rule(rule.id);
        let (fix, file) = (self.fix(rule), self.file.as_deref());
        match (error, self.compression) {
            (SourceErrorKind::Compressed(compression), _) => {
                diagnostic.help(fill_fix(fix, file, Some(*compression)))
            }
            (_, Some(compression)) if fix.contains("DISK") && !fix.contains("UNPACK") => {
                let unpacked = file.map(unpacked_name);
                diagnostic
                    .help(fill_fix(UNPACK_FIRST, file, Some(compression)))
                    .help(fill_fix(fix, unpacked, None))
            }
            (_, compression) => diagnostic.help(fill_fix(fix, file, compression)),
        }
    }

    /// Returns what to do about a disk that breaks a rule.
    fn fix(&self, rule: &'static ContractRule) -> &'static str {
        match &self.error.kind {
            SourceErrorKind::Compressed(_) if self.compression.is_some() => PACKED_TWICE,
            SourceErrorKind::Disk(flaw) if flaw.kind == FlawKind::CdiOnly => {
                match self.sequential {
                    None => rule.fix,
                    Some(SequentialSource::Compressed(_)) => PACKED_CDI_ONLY,
                    Some(SequentialSource::Download) => DOWNLOADED_CDI_ONLY,
                    Some(SequentialSource::Part | SequentialSource::Image) => ENCLOSED_CDI_ONLY,
                }
            }
            SourceErrorKind::Disk(flaw) | SourceErrorKind::Guest(GuestError::Flaw(flaw)) => {
                flaw_fix(flaw)
            }
            _ => rule.fix,
        }
    }
}

/// Returns the rule that a disk breaks.
fn broken_rule(error: &SourceErrorKind) -> Option<&'static ContractRule> {
    match error {
        SourceErrorKind::Disk(flaw) | SourceErrorKind::Guest(GuestError::Flaw(flaw)) => {
            Some(flaw_rule(flaw.kind))
        }
        SourceErrorKind::Empty => Some(flaw_rule(FlawKind::Blank)),
        SourceErrorKind::Compressed(_) => Some(flaw_rule(FlawKind::Compressed)),
        _ => None,
    }
}

/// Returns help for an archive out of which no disk can be taken.
fn archived_help(error: &ArchivedError) -> &'static [&'static str] {
    match error {
        ArchivedError::Several(_) => {
            &["choose one by name or number: `ova: { path: ARCHIVE, disk: 1 }` in a spec"]
        }
        ArchivedError::Unknown { .. } => {
            &["`disk:` takes the name of a file, or its position from 1 on"]
        }
        ArchivedError::Context(_) => &[
            "pass it on standard input, `diskette build - <ARCHIVE`; `ova: { path: ARCHIVE, disk: 1 }` in a spec takes a disk out of it",
        ],
        ArchivedError::Tar(_)
        | ArchivedError::Ovf(_)
        | ArchivedError::NoDisk
        | ArchivedError::NoDescription
        | ArchivedError::Missing(_)
        | ArchivedError::Length { .. }
        | ArchivedError::Order(_) => &["check that the archive is complete, and the right one"],
    }
}

/// Returns help for an error that breaks no rule, if there is any.
fn source_help(error: &SourceErrorKind) -> &'static [&'static str] {
    match error {
        SourceErrorKind::Io(error) => match error.kind() {
            io::ErrorKind::NotFound => &["paths are relative to the directory of the spec"],
            io::ErrorKind::PermissionDenied => &["make the file readable for the user who builds"],
            _ => &[],
        },
        SourceErrorKind::Http(DownloadError::Http(HttpError::PrivateRedirect(_))) => {
            &["if that address is meant, use `--allow-private-redirects`"]
        }
        SourceErrorKind::RequestFile { .. } => &[
            "`headers-file` has lines like `Authorization: Bearer TOKEN`, `ca-file` certificates as PEM; both are for https \
             URLs",
        ],
        SourceErrorKind::NotAFile => &["name the disk image itself"],
        SourceErrorKind::Packages => LIST_LATER,
        SourceErrorKind::Inventory(_) => LIST_NOTHING,
        SourceErrorKind::NotCompressed(_) => &[
            "the name says that it is compressed, the content does not; use `unpack: none` to take it \
               as it is",
        ],
        SourceErrorKind::Checksum { .. } => {
            &["the file is not the one that the checksum was made of; nothing was written"]
        }
        SourceErrorKind::DecompressedChecksum { .. } => {
            &["the file is what was published, but not the disk in it; tell the publisher"]
        }
        SourceErrorKind::Archived(error) => archived_help(error),
        SourceErrorKind::ImageDisk(error) => error.help(),
        SourceErrorKind::SplitChecksum(_) => {
            &["remove the checksum, or make one file of the disk and name that"]
        }
        SourceErrorKind::Resize(error) => resize_help(error),
        SourceErrorKind::Discard(error) => discard_help(error),
        SourceErrorKind::TooLong => &["is it the file that was meant?"],
        SourceErrorKind::Changed => &["build again when nothing writes to it any more"],
        SourceErrorKind::Damaged(..) => &["was the download cut off?"],
        SourceErrorKind::Sequential(SequentialSource::Compressed(_)) => {
            &["unpack it first, and name the unpacked file", SPOOL]
        }
        SourceErrorKind::Sequential(SequentialSource::Download) => {
            &["download it first, and name the file", SPOOL]
        }
        SourceErrorKind::Sequential(SequentialSource::Part) => {
            &["take it out first, and name the file", SPOOL]
        }
        SourceErrorKind::Sequential(SequentialSource::Image) => {
            &["take it out with `diskette extract` first, and name the file", SPOOL]
        }
        SourceErrorKind::Unverified => &[
            "add the digest that the publisher gives: `sha256:` in a spec, `--checksum=sha256:…` \
             with ADD, `sha256sum -c` in RUN",
            "or pass `--allow-unverified` to accept the file without one",
        ],
        _ => &[],
    }
}

fn resize_help(error: &ResizeError) -> &'static [&'static str] {
    match error {
        ResizeError::Smaller { .. } => &[
            "a file system at its end would be cut off; shrink it inside the virtual machine, and the disk \
             with `qemu-img resize --shrink`",
        ],
        ResizeError::Format(_) => {
            &["convert it too: `--convert qcow2`, or `convert: qcow2` in a spec"]
        }
        _ => &[],
    }
}

fn discard_help(error: &DiscardError) -> &'static [&'static str] {
    match error {
        DiscardError::Unclean { .. } => &[
            "start the virtual machine and shut it down, or check the file system with `e2fsck -f` or \
             `fsck.fat -a`; then build again",
        ],
        DiscardError::Volume { .. } => {
            &["check the file system with `e2fsck -f` or `fsck.fat`, or build without `discard`"]
        }
        DiscardError::NoFileSystem(_) => &[
            "remove `discard`; `fstrim -av` in the virtual machine frees what others have, if its disk \
             passes discards on",
        ],
        _ => &["remove `discard`"],
    }
}
