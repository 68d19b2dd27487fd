//! A *word* of a shell's language is text, part of it quoted, and parameters
//! (POSIX.1-2017, Shell & Utilities 2.2 and 2.6.2).

use std::ops::Range;

/// One word, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) parts: Vec<Part>,
    pub(super) range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(String, Quoting),
    Parameter(Parameter),
}

/// Quoted text is not split, and matches nothing but itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    Quoted,
    Unquoted,
}

/// `$name` or `${name…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) quoting: Quoting,
    pub(super) action: Action,
    pub(super) range: Range<usize>,
}

/// What is made of a parameter's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Value,
    /// `-`: the word if it is not set.
    Default(Missing, Word),
    /// `+`: the word if it is set.
    Alternative(Missing, Word),
    /// `?`: an error if it is not set.
    Require(Missing, Word),
    /// `#`, `##`, `%`, `%%`: without what matches the pattern.
    Trim(Side, Extent, Word),
}

/// When a parameter counts as not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Unset,
    /// With a colon.
    UnsetOrEmpty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Front,
    Back,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Shortest,
    Longest,
}

/// Returns the variable's name that a text begins with; may be empty.
pub(super) fn name_of(text: &str) -> &str {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let len = text.bytes().position(|byte| !is_part(byte)).unwrap_or(text.len());
    if text.starts_with(|first: char| first.is_ascii_digit()) { "" } else { &text[..len] }
}
