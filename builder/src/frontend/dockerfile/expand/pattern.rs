//! A *pattern* of `${name#pattern}` and its like: `*` is any number of characters, `?` is one, both
//! within a line; `\` makes them ordinary. There are no bracket expressions.

use regex::Regex;

use super::error::ExpandError;

/// How much of a value a pattern with `*` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Shortest,
    Longest,
}

/// The parts of a pattern, in the order of the text.
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Copy)]
enum Part {
    One,
    Many,
    Exactly(char),
}

const MAX_BYTES: usize = 1024;

impl Pattern {
    /// Reads a pattern, in which `\` still stands before what it escapes.
    pub(super) fn parse(text: &str) -> Result<Self, ExpandError> {
        if text.len() > MAX_BYTES {
            return Err(ExpandError::LongPattern(text.len()));
        }
        let mut parts = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            parts.push(match character {
                '?' => Part::One,
                '*' => Part::Many,
                '\\' => match characters.next() {
                    Some(escaped @ ('*' | '?' | '\\' | '/' | '}')) => Part::Exactly(escaped),
                    _ => return Err(ExpandError::Pattern(text.into())),
                },
                _ => Part::Exactly(character),
            });
        }
        Ok(Self(parts))
    }

    /// Returns `value` without what the pattern matches at its beginning.
    pub(super) fn trim_prefix(&self, value: &str, extent: Extent) -> Result<String, ExpandError> {
        let found = self.regex(r"\A", extent)?.find(value);
        Ok(value[found.map_or(0, |found| found.end())..].to_owned())
    }

    /// Returns `value` without what the pattern matches at its end.
    pub(super) fn trim_suffix(self, value: &str, extent: Extent) -> Result<String, ExpandError> {
        // A search goes from left to right, so it finds the shortest suffix only in a mirror.
        let mirrored = Self(self.0.into_iter().rev().collect());
        let value: String = value.chars().rev().collect();
        Ok(mirrored.trim_prefix(&value, extent)?.chars().rev().collect())
    }

    /// Makes the expression that finds the longest matches, from left to right.
    pub(super) fn finder(&self) -> Result<Regex, ExpandError> {
        self.regex("", Extent::Longest)
    }

    fn regex(&self, anchor: &str, extent: Extent) -> Result<Regex, ExpandError> {
        let mut expression = String::from(anchor);
        for part in &self.0 {
            match (part, extent) {
                (Part::One, _) => expression.push('.'),
                (Part::Many, Extent::Shortest) => expression.push_str(".*?"),
                (Part::Many, Extent::Longest) => expression.push_str(".*"),
                (Part::Exactly(character), _) => {
                    expression.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
                }
            }
        }
        Regex::new(&expression).map_err(|_| ExpandError::LongPattern(expression.len()))
    }
}
