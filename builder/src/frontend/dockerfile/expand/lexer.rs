//! The *lexer* goes through a text once, from left to right, and makes the expanded text of it.

use std::ops::Range;

use super::Expander;
use super::error::ExpandError;
use super::pattern::{Extent, Pattern};

/// What happens to quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// They group, and are not part of the result.
    Removed,
    /// They are characters like others.
    Kept,
}

/// What happens to the escape character itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    Removed,
    /// A pattern still needs to know what was escaped.
    Kept,
}

/// Whether an operator takes an empty value for none: `:-` does, `-` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Empty {
    IsSet,
    IsUnset,
}

/// How deep substitutions may stand within each other: each level is a level of the stack.
const MAX_DEPTH: usize = 64;
/// How many bytes all values of a text may have. Without a bound, values made of values made of
/// values would double with every line.
const MAX_SUBSTITUTED: usize = 1 << 20;

pub(super) struct Lexer<'e, 't> {
    expander: &'e Expander<'e>,
    escape: char,
    quotes: Quotes,
    rest: &'t str,
    depth: usize,
    substituted: usize,
}

/// An expanded text, and the places of the spaces in it that divide words.
#[derive(Default)]
pub(super) struct Expanded {
    text: String,
    spaces: Vec<Range<usize>>,
}

impl<'e, 't> Lexer<'e, 't> {
    pub(super) fn new(
        expander: &'e Expander<'e>,
        escape: char,
        quotes: Quotes,
        text: &'t str,
    ) -> Self {
        Self { expander, escape, quotes, rest: text, depth: 0, substituted: 0 }
    }

    pub(super) fn all(mut self) -> Result<Expanded, ExpandError> {
        self.until(None, Escapes::Removed)
    }

    /// Expands up to the character `end`, or to the end of the text.
    fn until(&mut self, end: Option<char>, escapes: Escapes) -> Result<Expanded, ExpandError> {
        let mut out = Expanded::default();
        while let Some(next) = self.next() {
            match next {
                _ if Some(next) == end => return Ok(out),
                '$' => out.push_divided(&self.variable()?),
                '\'' if self.quotes == Quotes::Removed => out.text.push_str(self.single_quoted()?),
                '"' if self.quotes == Quotes::Removed => {
                    out.text.push_str(&self.double_quoted(escapes)?);
                }
                _ if next == self.escape => {
                    if escapes == Escapes::Kept {
                        out.text.push(next);
                    }
                    out.text.extend(self.next());
                }
                _ => out.push(next),
            }
        }
        match end {
            None => Ok(out),
            Some('/') => Err(ExpandError::Slash),
            Some(_) => Err(ExpandError::Brace),
        }
    }

    fn single_quoted(&mut self) -> Result<&'t str, ExpandError> {
        let (inside, rest) = self.rest.split_once('\'').ok_or(ExpandError::Quote('\''))?;
        self.rest = rest;
        Ok(inside)
    }

    /// Between double quotes the escape character works on quotes, `$` and itself alone.
    fn double_quoted(&mut self, escapes: Escapes) -> Result<String, ExpandError> {
        let mut out = String::new();
        while let Some(next) = self.next() {
            match next {
                '"' => return Ok(out),
                '$' => out.push_str(&self.variable()?),
                _ if next == self.escape => {
                    if escapes == Escapes::Kept {
                        out.push(next);
                    }
                    let escapable = |c: &char| ['"', '$', self.escape].contains(c);
                    match self.peek().filter(escapable) {
                        Some(_) => out.extend(self.next()),
                        None => out.push(next),
                    }
                }
                _ => out.push(next),
            }
        }
        Err(ExpandError::Quote('"'))
    }

    /// Reads what follows a `$`.
    fn variable(&mut self) -> Result<String, ExpandError> {
        let value = if self.eat('{') {
            self.braced()?
        } else {
            match self.name() {
                "" => "$".into(),
                name => self.expander.value(name).unwrap_or_default(),
            }
        };
        self.substituted += value.len();
        if self.substituted > MAX_SUBSTITUTED {
            return Err(ExpandError::Long);
        }
        Ok(value)
    }

    /// Reads what follows a `${`.
    fn braced(&mut self) -> Result<String, ExpandError> {
        let name = self.name();
        if name.is_empty() {
            return Err(if self.rest.is_empty() { ExpandError::Brace } else { ExpandError::Name });
        }
        let operator = self.next().ok_or(ExpandError::Brace)?;
        match operator {
            '}' => Ok(self.expander.value(name).unwrap_or_default()),
            '-' | '+' | '?' => self.conditional(name, operator, Empty::IsSet),
            ':' => match self.next().ok_or(ExpandError::Brace)? {
                operator @ ('-' | '+' | '?') => self.conditional(name, operator, Empty::IsUnset),
                other => Err(ExpandError::Modifier(format!(":{other}"))),
            },
            '#' | '%' => self.trimmed(name, operator),
            '/' => self.replaced(name),
            _ => Err(ExpandError::Modifier(operator.into())),
        }
    }

    fn conditional(
        &mut self,
        name: &str,
        operator: char,
        empty: Empty,
    ) -> Result<String, ExpandError> {
        let word = self.nested('}', Escapes::Removed)?;
        let value = self.expander.value(name);
        let missing = match &value {
            None => Some("is not allowed to be unset"),
            Some(value) if value.is_empty() && empty == Empty::IsUnset => {
                Some("is not allowed to be empty")
            }
            Some(_) => None,
        };
        match (operator, missing) {
            ('-', Some(_)) | ('+', None) => Ok(word),
            ('+', Some(_)) => Ok(String::new()),
            ('?', Some(problem)) => {
                let message = if word.is_empty() { problem.into() } else { word };
                Err(ExpandError::Required { name: name.into(), message })
            }
            _ => Ok(value.unwrap_or_default()),
        }
    }

    fn trimmed(&mut self, name: &str, operator: char) -> Result<String, ExpandError> {
        let word = self.nested('}', Escapes::Kept)?;
        let value = self.expander.value(name).unwrap_or_default();
        let (pattern, extent) = match word.strip_prefix(operator) {
            Some(pattern) => (pattern, Extent::Longest),
            None => (word.as_str(), Extent::Shortest),
        };
        let pattern = Pattern::parse(pattern)?;
        match operator {
            '%' => pattern.trim_suffix(&value, extent),
            _ => pattern.trim_prefix(&value, extent),
        }
    }

    fn replaced(&mut self, name: &str) -> Result<String, ExpandError> {
        let limit = if self.eat('/') { usize::MAX } else { 1 };
        let pattern = self.nested('/', Escapes::Kept)?;
        let replacement = self.nested('}', Escapes::Kept)?;
        let value = self.expander.value(name).unwrap_or_default();
        let finder = Pattern::parse(&pattern)?.finder()?;
        let mut out = String::new();
        let mut done = 0;
        for found in finder.find_iter(&value).take(limit) {
            out.push_str(&value[done..found.start()]);
            // As it stands: with `//` BuildKit takes a `$1` in it for a group of its own
            // expression, which never has one.
            out.push_str(&replacement);
            done = found.end();
            if out.len() > MAX_SUBSTITUTED {
                return Err(ExpandError::Long);
            }
        }
        out.push_str(&value[done..]);
        Ok(out)
    }

    fn nested(&mut self, end: char, escapes: Escapes) -> Result<String, ExpandError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ExpandError::Deep);
        }
        let word = self.until(Some(end), escapes)?.into_text();
        self.depth -= 1;
        Ok(word)
    }

    /// Takes a name: a shell's special parameter, a number, or letters, digits and `_`. It is
    /// empty if there is none.
    fn name(&mut self) -> &'t str {
        let Some(first) = self.peek() else { return "" };
        let length = if first.is_numeric() {
            self.rest.find(|c: char| !c.is_numeric())
        } else if "@*#?-$!".contains(first) {
            Some(first.len_utf8())
        } else {
            self.rest.find(|c: char| !c.is_alphanumeric() && c != '_')
        };
        let (name, rest) = self.rest.split_at(length.unwrap_or(self.rest.len()));
        self.rest = rest;
        name
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

impl Expanded {
    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut start = 0;
        for space in &self.spaces {
            words.push(&self.text[start..space.start]);
            start = space.end;
        }
        words.push(&self.text[start..]);
        words.into_iter().filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn push(&mut self, character: char) {
        let start = self.text.len();
        self.text.push(character);
        if character.is_whitespace() {
            self.spaces.push(start..self.text.len());
        }
    }

    fn push_divided(&mut self, value: &str) {
        value.chars().for_each(|character| self.push(character));
    }
}
