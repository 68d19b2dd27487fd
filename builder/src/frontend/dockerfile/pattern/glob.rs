//! A *glob*: the pattern of a source in COPY and ADD.

use super::tokens::Tokens;
use super::{BadPattern, clean};

/// What two stars beside each other mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stars {
    /// The same as one, as in Go's `filepath.Match`: no slash.
    Within,
    /// Any number of directories, as in ignore files and in `COPY --parents`.
    Across,
}

/// A pattern with the syntax of Go's `filepath.Match` on Unix: `*` and `?` do not take a slash,
/// `[a-z]` and `[^a-z]` are classes, `\` takes the next character as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Tokens);

impl Glob {
    /// Reads a pattern; the whole of it is checked.
    pub fn parse(pattern: &str, stars: Stars) -> Result<Self, BadPattern> {
        let bad = |reason| BadPattern { pattern: pattern.into(), reason };
        Tokens::parse(pattern, stars).map(Self).map_err(bad)
    }

    /// Returns whether all of `path` matches.
    pub fn matches(&self, path: &str) -> bool {
        self.0.ends(path).last() == Some(&path.len())
    }
}

/// Returns whether a text is a pattern rather than a name: whether it has a `*`, `?` or `[`
/// without a backslash in front. As in tonistiigi/fsutil `copy/copy.go`.
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

/// Returns a pattern, clean and relative, in two: the parts in front of the first with a wildcard,
/// and the rest.
pub fn split_at_wildcards(pattern: &str) -> (String, String) {
    let pattern = clean(&format!("/{pattern}"));
    let parts: Vec<&str> = pattern.split('/').skip(1).collect();
    let at = parts.iter().position(|part| has_wildcards(part)).unwrap_or(parts.len());
    (parts[..at].join("/"), parts[at..].join("/"))
}
