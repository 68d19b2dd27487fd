//! A source that cannot be used: the rule that it breaks, and what to do about it.

use std::io;

use thiserror::Error;

use super::source_help::source_help;
use crate::cluster::contract::{ContractRule, fill_fix, flaw_fix, flaw_rule, unpacked_name};
use crate::compression::CompressionFormat;
use crate::disk::FlawKind;
use crate::disk::guest::GuestError;
use crate::engine::source::{SequentialSource, SourceError, SourceErrorKind};
use crate::recipe::diagnostic::{Diagnostic, Span};

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

/// A source that cannot be used.
#[derive(Debug, Error)]
#[error("{error}")]
pub struct RefusedSource {
    /// What is wrong.
    #[source]
    pub(super) error: SourceError,
    /// Name of the file for commands in help lines, if the source is a file.
    pub(super) file: Option<String>,
    /// Compression that the build would undo.
    pub(super) compression: Option<CompressionFormat>,
    /// Why the disk could not be converted, if it could not.
    pub(super) sequential: Option<SequentialSource>,
    /// Where the user named the source.
    pub(super) origin: Option<Span>,
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
    pub(super) fn diagnostic(&self) -> Diagnostic {
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
