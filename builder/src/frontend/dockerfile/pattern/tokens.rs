//! A pattern cut into *tokens*, and where in a text they can end.

use std::iter::Peekable;
use std::str::Chars;

use super::{BadPatternReason, Stars};

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// These characters.
    Literal(String),
    /// `?`: one character, no slash.
    AnyCharacter,
    /// `[...]`: one character; a slash too if the class has it, as in Go.
    Class(Class),
    /// `*`: any number of characters, no slash.
    Star,
    /// `**/`: nothing, or any number of characters of which the last is a slash.
    Directories,
    /// `**` at the end: any number of characters.
    Anything,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Class {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Class {
    fn has(&self, character: char) -> bool {
        let listed = self.ranges.iter().any(|(low, high)| (low..=high).contains(&&character));
        listed != self.negated
    }
}

/// All of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tokens(Vec<Token>);

impl Tokens {
    pub(super) fn parse(pattern: &str, stars: Stars) -> Result<Self, BadPatternReason> {
        let mut parser = Parser { rest: pattern.chars().peekable(), stars, tokens: Vec::new() };
        while let Some(character) = parser.rest.next() {
            match character {
                '*' if stars == Stars::Across && parser.eat('*') => parser.double_star(),
                '*' => parser.star(),
                '?' => parser.tokens.push(Token::AnyCharacter),
                '[' => parser.class()?,
                '\\' => {
                    let escaped = parser.rest.next().ok_or(BadPatternReason::Escape)?;
                    parser.literal(escaped);
                }
                literal => parser.literal(literal),
            }
        }
        Ok(Self(parser.tokens))
    }

    /// Returns where in `text` a match from its beginning can end, in ascending order.
    pub(super) fn ends(&self, text: &str) -> Vec<usize> {
        let mut ends = vec![0];
        for token in &self.0 {
            step(token, text, &mut ends);
            if ends.is_empty() {
                break;
            }
        }
        ends
    }

    /// Returns whether a text may match that begins with `start` and is longer.
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
            step(token, start, &mut ends);
        }
        false
    }
}

/// Replaces the places where the tokens before can end by those where `token` can end after them.
fn step(token: &Token, text: &str, ends: &mut Vec<usize>) {
    match token {
        Token::Literal(literal) => ends.retain_mut(|end| {
            let found = text[*end..].starts_with(literal.as_str());
            *end += literal.len();
            found
        }),
        Token::AnyCharacter => one_character(text, ends, |character| character != '/'),
        Token::Class(class) => one_character(text, ends, |character| class.has(character)),
        Token::Star => *ends = within_parts(text, ends),
        Token::Directories => {
            let Some(&first) = ends.first() else { return };
            ends.extend(text[first..].match_indices('/').map(|(at, _)| first + at + 1));
            ends.sort_unstable();
            ends.dedup();
        }
        Token::Anything => {
            let Some(&first) = ends.first() else { return };
            *ends = boundaries(&text[first..]).map(|at| first + at).collect();
        }
    }
}

fn one_character(text: &str, ends: &mut Vec<usize>, fits: impl Fn(char) -> bool) {
    ends.retain_mut(|end| {
        let Some(character) = text[*end..].chars().next() else { return false };
        *end += character.len_utf8();
        fits(character)
    });
}

/// Returns all places from those given up to the next slash behind each.
fn within_parts(text: &str, ends: &[usize]) -> Vec<usize> {
    let mut reached = Vec::new();
    for &end in ends {
        // In a part that has been gone through from a place further in front.
        if reached.last().is_some_and(|last| end <= *last) {
            continue;
        }
        let part = text[end..].split('/').next().unwrap_or_default();
        reached.extend(boundaries(part).map(|at| end + at));
    }
    reached
}

/// Returns the beginning of each character, and the end.
fn boundaries(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()])
}

struct Parser<'p> {
    rest: Peekable<Chars<'p>>,
    stars: Stars,
    tokens: Vec<Token>,
}

impl Parser<'_> {
    fn eat(&mut self, character: char) -> bool {
        self.rest.next_if_eq(&character).is_some()
    }

    fn literal(&mut self, character: char) {
        match self.tokens.last_mut() {
            Some(Token::Literal(literal)) => literal.push(character),
            _ => self.tokens.push(Token::Literal(character.into())),
        }
    }

    fn star(&mut self) {
        if self.tokens.last() != Some(&Token::Star) {
            self.tokens.push(Token::Star);
        }
    }

    /// After `**`.
    fn double_star(&mut self) {
        let slash = self.eat('/');
        let mut rest = self.rest.clone().peekable();
        let at_end = rest.peek().is_none();
        // `**name` takes whatever ends in these letters, but `**name*` only whole names: the one is
        // compared as text by patternmatcher, the other by a regular expression.
        let suffix = self.tokens.is_empty() && !slash && !rest.any(is_special);
        let token = if at_end || suffix { Token::Anything } else { Token::Directories };
        self.tokens.push(token);
    }

    /// After `[`.
    fn class(&mut self) -> Result<(), BadPatternReason> {
        let negated = self.eat('^');
        let mut ranges = Vec::new();
        while ranges.is_empty() || !self.eat(']') {
            let low = self.class_character()?;
            let high = if self.eat('-') { self.class_character()? } else { low };
            // Go's `Match` takes it for a range without characters, regular expressions do not.
            if low > high && self.stars == Stars::Across {
                return Err(BadPatternReason::Backwards);
            }
            ranges.push((low, high));
        }
        self.tokens.push(Token::Class(Class { negated, ranges }));
        Ok(())
    }

    fn class_character(&mut self) -> Result<char, BadPatternReason> {
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
