//! Errors of listing a build context, and of finding files in it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::frontend::dockerfile::pattern::{BadPattern, IgnoreRule};
use crate::recipe::diagnostic::{Diagnostic, Span};

/// Why a build context cannot be listed.
#[derive(Debug, Error)]
pub enum ContextError {
    /// A file or directory cannot be read.
    #[error("cannot read `{}` in the build context: {error}", .path.escape_debug())]
    Read {
        /// Path in the context; `.` for the context itself.
        path: String,
        /// Error of the operating system.
        error: io::Error,
    },
    /// A name is not UTF-8.
    #[error("a name in the build context is not UTF-8: {path:?}")]
    NotUtf8 {
        /// Path in the context.
        path: PathBuf,
    },
    /// The target of a symbolic link is not UTF-8.
    #[error(
        "the symbolic link `{}` in the build context leads to what is not UTF-8: {target:?}",
        .link.escape_debug()
    )]
    TargetNotUtf8 {
        /// Path of the link in the context.
        link: String,
        /// Target of the link.
        target: PathBuf,
    },
}

impl ContextError {
    /// Returns the error with a help line.
    pub(crate) fn diagnostic(&self) -> Diagnostic {
        let help = match self {
            Self::Read { .. } => "make it readable, or ignore it with a line in `.dockerignore`",
            Self::NotUtf8 { .. } | Self::TargetNotUtf8 { .. } => {
                "rename it, or ignore it with a line in `.dockerignore`"
            }
        };
        Diagnostic::new(self.to_string()).help(help)
    }
}

/// Why a path is not found in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{}` {kind}", .path.escape_debug())]
pub struct LookupError {
    /// Path or pattern that was looked up.
    pub path: String,
    /// What is wrong with it.
    pub kind: LookupErrorKind,
}

/// Reasons for which a path is not found.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LookupErrorKind {
    /// Nothing exists at the path.
    #[error("is not in the build context")]
    Missing,
    /// A rule of the ignore file hides it.
    #[error("is excluded from the build context by `{}`", .0.pattern.escape_debug())]
    Ignored(IgnoreRule),
    /// A symbolic link on the way to it leads out of the context.
    #[error(
        "is outside the build context: the symbolic link `{}` leads to `{}`",
        .link.escape_debug(), .target.escape_debug()
    )]
    Outside {
        /// Path of the link.
        link: String,
        /// Target of the link.
        target: String,
    },
    /// It is, or leads through, a symbolic link whose target does not exist.
    #[error(
        "is not in the build context: the symbolic link `{}` leads to `{}`",
        .link.escape_debug(), .target.escape_debug()
    )]
    Dangling {
        /// Path of the link.
        link: String,
        /// Target of the link.
        target: String,
    },
    /// Symbolic links form a loop, or are more than the limit.
    #[error("leads through too many symbolic links, the last is `{}`", .0.escape_debug())]
    Loop(String),
    /// Something on the way to it is not a directory.
    #[error("cannot be in the build context: `{}` is not a directory", .0.escape_debug())]
    NotADirectory(String),
    /// The pattern is malformed.
    #[error("cannot be looked for: {0}")]
    Pattern(BadPattern),
}

impl LookupError {
    /// Returns the error with the position of the path and a help line.
    pub(crate) fn diagnostic(&self, at: impl Into<Option<Span>>) -> Diagnostic {
        let help = match &self.kind {
            LookupErrorKind::Missing => {
                "sources are relative to the build context, the directory given to the build".into()
            }
            LookupErrorKind::Ignored(IgnoreRule { pattern, origin: Some(origin) }) => {
                format!("`{}` stands at {origin}; remove it or add a `!`", pattern.escape_debug())
            }
            LookupErrorKind::Ignored(_) => "do not exclude it".into(),
            LookupErrorKind::Outside { .. } => {
                "copy what the link leads to into the context".into()
            }
            LookupErrorKind::Dangling { .. } | LookupErrorKind::Loop(_) => {
                "correct the symbolic link".into()
            }
            LookupErrorKind::NotADirectory(_) => "name the file itself".into(),
            LookupErrorKind::Pattern(bad) => bad.reason.help().into(),
        };
        let problem = Diagnostic::new(self.to_string()).at(at).help(help);
        match &self.kind {
            LookupErrorKind::Ignored(_) => problem.rule("CopyIgnoredFile"),
            _ => problem,
        }
    }
}
