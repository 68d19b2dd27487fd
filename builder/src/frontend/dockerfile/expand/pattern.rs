//! A *pattern* of `${name#pattern}` and its like: `*` is any number of characters, `?` is one, both
//! within a line; `\` escapes them. There are no bracket expressions.

use regex::Regex;

use super::error::ExpandError;

/// How much of a value a pattern with `*` matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MatchExtent {
    Shortest,
    Longest,
}

/// The parts of a pattern, in the order of the text.
pub(super) struct SubstitutionPattern(Vec<PatternPart>);

#[derive(Clone, Copy)]
enum PatternPart {
    One,
    Many,
    Exactly(char),
}

const MAX_BYTES: usize = 1024;

impl SubstitutionPattern {
    /// Parses a pattern whose escapes are still in place.
    pub(super) fn parse(text: &str) -> Result<Self, ExpandError> {
        if text.len() > MAX_BYTES {
            return Err(ExpandError::LongPattern(text.len()));
        }
        let mut parts = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            parts.push(match character {
                '?' => PatternPart::One,
                '*' => PatternPart::Many,
                '\\' => match characters.next() {
                    Some(escaped @ ('*' | '?' | '\\' | '/' | '}')) => PatternPart::Exactly(escaped),
                    _ => return Err(ExpandError::Pattern(text.into())),
                },
                _ => PatternPart::Exactly(character),
            });
        }
        Ok(Self(parts))
    }

    /// Returns `value` without what the pattern matches at its beginning.
    pub(super) fn trim_prefix(
        &self,
        value: &str,
        extent: MatchExtent,
    ) -> Result<String, ExpandError> {
        let found = self.to_regex(r"\A", extent)?.find(value);
        Ok(value[found.map_or(0, |found| found.end())..].to_owned())
    }

    /// Returns `value` without what the pattern matches at its end.
    pub(super) fn trim_suffix(
        self,
        value: &str,
        extent: MatchExtent,
    ) -> Result<String, ExpandError> {
        // A search goes from left to right, so it finds the shortest suffix only in a mirror.
        let mirrored = Self(self.0.into_iter().rev().collect());
        let value: String = value.chars().rev().collect();
        Ok(mirrored.trim_prefix(&value, extent)?.chars().rev().collect())
    }

    /// Returns the expression that finds the longest matches, from left to right.
    pub(super) fn find_regex(&self) -> Result<Regex, ExpandError> {
        self.to_regex("", MatchExtent::Longest)
    }

    fn to_regex(&self, anchor: &str, extent: MatchExtent) -> Result<Regex, ExpandError> {
        let mut expression = String::from(anchor);
        for part in &self.0 {
            match (part, extent) {
                (PatternPart::One, _) => expression.push('.'),
                (PatternPart::Many, MatchExtent::Shortest) => expression.push_str(".*?"),
                (PatternPart::Many, MatchExtent::Longest) => expression.push_str(".*"),
                (PatternPart::Exactly(character), _) => {
                    expression.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
                }
            }
        }
        Regex::new(&expression).map_err(|_| ExpandError::LongPattern(expression.len()))
    }
}
