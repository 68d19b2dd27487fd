//! A *glob*: the pattern of a source in COPY and ADD.

use super::tokens::PatternTokens;
use super::{BadPattern, clean_path};

/// Meaning of `**` in a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoubleStar {
    /// The same as one, as in Go's `filepath.Match`: no slash.
    Within,
    /// Any number of directories, as in ignore files and in `COPY --parents`.
    Across,
}

/// A pattern with the syntax of Go's `filepath.Match` on Unix: `*` and `?` do not match a slash,
/// `[a-z]` and `[^a-z]` are classes, `\` escapes the next character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(PatternTokens);

impl Glob {
    /// Parses a pattern, and checks all of it.
    pub fn parse(pattern: &str, stars: DoubleStar) -> Result<Self, BadPattern> {
        let bad = |reason| BadPattern { pattern: pattern.into(), reason };
        PatternTokens::parse(pattern, stars).map(Self).map_err(bad)
    }

    /// Returns whether all of `path` matches.
    pub fn matches(&self, path: &str) -> bool {
        self.0.match_ends(path).last() == Some(&path.len())
    }
}

/// Returns whether a text is a pattern rather than a name: whether it has a `*`, `?` or `[` without
/// a backslash before it. As in tonistiigi/fsutil `copy/copy.go`.
pub fn has_wildcards(text: &str) -> bool {
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '*' | '?' | '[' => return true,
            _ => {}
        }
    }
    false
}

/// Splits a pattern, clean and relative, before its first part with a wildcard.
pub fn split_at_wildcards(pattern: &str) -> (String, String) {
    let pattern = clean_path(&format!("/{pattern}"));
    let parts: Vec<&str> = pattern.split('/').skip(1).collect();
    let at = parts.iter().position(|part| has_wildcards(part)).unwrap_or(parts.len());
    (parts[..at].join("/"), parts[at..].join("/"))
}
