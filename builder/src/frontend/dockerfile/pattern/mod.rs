//! A *pattern* selects paths: a [`Glob`] in a COPY or ADD, or the lines of an ignore file,
//! [`IgnoreFile`]. Paths are text here, `/` between parts, relative to a root that no pattern
//! leaves; the file system is not read.
//!
//! A pattern is split into tokens, and matching keeps the set of all positions in the path that the
//! tokens so far can reach. So its cost is at most the length of the pattern times that of the
//! path.

mod glob;
mod ignore;
mod path;
mod rule;
mod rules;
mod tokens;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use glob::DoubleStar;
pub use glob::{Glob, has_wildcards, split_at_wildcards};
pub use ignore::IgnoreFile;
pub(crate) use ignore::IgnoreRule;
pub use path::clean_path;

/// A text that is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{}` is not a pattern: {reason}", .pattern.escape_debug())]
pub struct BadPattern {
    /// The pattern as it was written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: BadPatternReason,
}

/// What can be wrong with a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadPatternReason {
    /// A class has no end.
    #[error("there is no `]` for a `[`")]
    Unclosed,
    /// A class is empty, or has `-` or `]` in the position of a character.
    #[error("a character is missing in `[...]`")]
    Class,
    /// A range in a class ends before it begins, as in `[Local-Only]`.
    #[error("a range in `[...]` ends before it begins")]
    Backwards,
    /// The pattern ends in a backslash, which escapes nothing.
    #[error("nothing follows the `\\` at its end")]
    Escape,
    /// The pattern is only `!`.
    #[error("nothing follows the `!`")]
    Alone,
}

impl BadPatternReason {
    /// Returns the help line.
    pub(crate) fn help(self) -> &'static str {
        match self {
            Self::Unclosed => "write `\\[` for a `[` that is part of a name",
            Self::Class => "write `\\-` or `\\]` for these characters themselves",
            Self::Backwards => "write `\\[`, `\\]` if this is a name, or turn the range around",
            Self::Escape => "write `\\\\` for a backslash that is part of a name",
            Self::Alone => "write `!` and the pattern of what is not ignored, or remove it",
        }
    }
}
