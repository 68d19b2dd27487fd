//! The *tokens* of a pattern, and where in a text they can end.

use std::iter::Peekable;
use std::str::Chars;

use super::{BadPatternReason, DoubleStar};

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Characters that match themselves.
    Literal(String),
    /// `?`: one character, no slash.
    AnyCharacter,
    /// `[...]`: one character; a slash too if the class has it, as in Go.
    Class(CharacterClass),
    /// `*`: any number of characters, no slash.
    Star,
    /// `**/`: nothing, or any number of characters of which the last is a slash.
    Directories,
    /// `**` at the end: any number of characters.
    Anything,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct CharacterClass {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl CharacterClass {
    fn contains(&self, character: char) -> bool {
        let listed = self.ranges.iter().any(|(low, high)| (low..=high).contains(&&character));
        listed != self.negated
    }
}

/// The tokens of a whole pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PatternTokens(Vec<Token>);

impl PatternTokens {
    pub(super) fn parse(pattern: &str, stars: DoubleStar) -> Result<Self, BadPatternReason> {
        let mut parser = Parser { rest: pattern.chars().peekable(), stars, tokens: Vec::new() };
        while let Some(character) = parser.rest.next() {
            match character {
                '*' if stars == DoubleStar::Across && parser.take_if('*') => {
                    parser.push_double_star();
                }
                '*' => parser.push_star(),
                '?' => parser.tokens.push(Token::AnyCharacter),
                '[' => parser.parse_class()?,
                '\\' => {
                    let escaped = parser.rest.next().ok_or(BadPatternReason::Escape)?;
                    parser.push_literal(escaped);
                }
                literal => parser.push_literal(literal),
            }
        }
        Ok(Self(parser.tokens))
    }

    /// Returns the longest text that everything that matches contains; empty if there is none.
    pub(super) fn longest_literal(&self) -> &str {
        let literals = self.0.iter().filter_map(|token| match token {
            Token::Literal(literal) => Some(literal.as_str()),
            _ => None,
        });
        literals.max_by_key(|literal| literal.len()).unwrap_or_default()
    }

    /// Returns the positions in `text` where a match from its start can end, in ascending order.
    pub(super) fn match_ends(&self, text: &str) -> Vec<usize> {
        let mut ends = vec![0];
        for token in &self.0 {
            advance_ends(token, text, &mut ends);
            if ends.is_empty() {
                break;
            }
        }
        ends
    }

    /// Returns whether a longer text that starts with `start` may match.
    pub(super) fn may_begin_with(&self, start: &str) -> bool {
        let mut ends = vec![0];
        for token in &self.0 {
            let beyond = match token {
                _ if ends.is_empty() => return false,
                Token::Directories | Token::Anything => true,
                Token::Literal(literal) => {
                    ends.iter().any(|end| literal.starts_with(&start[*end..]))
                }
                Token::AnyCharacter | Token::Class(_) | Token::Star => {
                    ends.last() == Some(&start.len())
                }
            };
            if beyond {
                return true;
            }
            advance_ends(token, start, &mut ends);
        }
        false
    }
}

/// Replaces the positions where the previous tokens can end by those where `token` can end after
/// them.
fn advance_ends(token: &Token, text: &str, ends: &mut Vec<usize>) {
    match token {
        Token::Literal(literal) => ends.retain_mut(|end| {
            let found = text[*end..].starts_with(literal.as_str());
            *end += literal.len();
            found
        }),
        Token::AnyCharacter => advance_one_character(text, ends, |character| character != '/'),
        Token::Class(class) => {
            advance_one_character(text, ends, |character| class.contains(character));
        }
        Token::Star => *ends = ends_within_parts(text, ends),
        Token::Directories => {
            let Some(&first) = ends.first() else { return };
            ends.extend(text[first..].match_indices('/').map(|(at, _)| first + at + 1));
            ends.sort_unstable();
            ends.dedup();
        }
        Token::Anything => {
            let Some(&first) = ends.first() else { return };
            *ends = character_boundaries(&text[first..]).map(|at| first + at).collect();
        }
    }
}

fn advance_one_character(text: &str, ends: &mut Vec<usize>, fits: impl Fn(char) -> bool) {
    ends.retain_mut(|end| {
        let Some(character) = text[*end..].chars().next() else { return false };
        *end += character.len_utf8();
        fits(character)
    });
}

/// Returns all positions from each of `ends` up to the next slash.
fn ends_within_parts(text: &str, ends: &[usize]) -> Vec<usize> {
    let mut reached = Vec::new();
    for &end in ends {
        // This part was covered from an earlier position.
        if reached.last().is_some_and(|last| end <= *last) {
            continue;
        }
        let part = text[end..].split('/').next().unwrap_or_default();
        reached.extend(character_boundaries(part).map(|at| end + at));
    }
    reached
}

/// Returns the start of each character, and the end.
fn character_boundaries(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()])
}

struct Parser<'p> {
    rest: Peekable<Chars<'p>>,
    stars: DoubleStar,
    tokens: Vec<Token>,
}

impl Parser<'_> {
    fn take_if(&mut self, character: char) -> bool {
        self.rest.next_if_eq(&character).is_some()
    }

    fn push_literal(&mut self, character: char) {
        match self.tokens.last_mut() {
            Some(Token::Literal(literal)) => literal.push(character),
            _ => self.tokens.push(Token::Literal(character.into())),
        }
    }

    fn push_star(&mut self) {
        if self.tokens.last() != Some(&Token::Star) {
            self.tokens.push(Token::Star);
        }
    }

    /// Pushes the token of a `**` that was read.
    fn push_double_star(&mut self) {
        let slash = self.take_if('/');
        let mut rest = self.rest.clone().peekable();
        let at_end = rest.peek().is_none();
        // `**name` matches whatever ends in these letters, but `**name*` only whole names: the one
        // is compared as text by patternmatcher, the other by a regular expression.
        let suffix = self.tokens.is_empty() && !slash && !rest.any(is_special);
        let token = if at_end || suffix { Token::Anything } else { Token::Directories };
        self.tokens.push(token);
    }

    /// Parses a class after its `[`.
    fn parse_class(&mut self) -> Result<(), BadPatternReason> {
        let negated = self.take_if('^');
        let mut ranges = Vec::new();
        while ranges.is_empty() || !self.take_if(']') {
            let low = self.parse_class_character()?;
            let high = if self.take_if('-') { self.parse_class_character()? } else { low };
            // Go's `Match` accepts it as an empty range, regular expressions do not.
            if low > high && self.stars == DoubleStar::Across {
                return Err(BadPatternReason::Backwards);
            }
            ranges.push((low, high));
        }
        self.tokens.push(Token::Class(CharacterClass { negated, ranges }));
        Ok(())
    }

    fn parse_class_character(&mut self) -> Result<char, BadPatternReason> {
        let character = match self.rest.next() {
            Some('-' | ']') => return Err(BadPatternReason::Class),
            Some('\\') => self.rest.next(),
            other => other,
        };
        character.ok_or(BadPatternReason::Unclosed)
    }
}

fn is_special(character: char) -> bool {
    matches!(character, '*' | '?' | '[' | ']' | '\\')
}
