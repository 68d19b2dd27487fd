//! The *lexer* goes through a text once, from left to right, and makes the expanded text of it.

use super::Expander;
use super::cursor::Cursor;
use super::error::ExpandError;
use super::expanded::Expanded;
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
/// How many bytes all values in a text may have, and what is made of them by replacing. Without a
/// bound, values made of values made of values would double with every line.
const MAX_SUBSTITUTED: usize = 1 << 20;

pub(super) struct Lexer<'e, 't> {
    expander: &'e Expander<'e>,
    escape: char,
    quotes: Quotes,
    rest: Cursor<'t>,
    depth: usize,
    substituted: usize,
}

impl<'e, 't> Lexer<'e, 't> {
    pub(super) fn new(
        expander: &'e Expander<'e>,
        escape: char,
        quotes: Quotes,
        text: &'t str,
    ) -> Self {
        Self { expander, escape, quotes, rest: Cursor::new(text), depth: 0, substituted: 0 }
    }

    pub(super) fn all(mut self) -> Result<Expanded, ExpandError> {
        self.until(None, Escapes::Removed)
    }

    /// Expands up to the character `end`, or to the end of the text.
    fn until(&mut self, end: Option<char>, escapes: Escapes) -> Result<Expanded, ExpandError> {
        let mut out = Expanded::default();
        while let Some(next) = self.rest.next() {
            match next {
                _ if Some(next) == end => return Ok(out),
                '$' => out.push_value(&self.variable()?),
                '\'' if self.quotes == Quotes::Removed => out.push_quoted(self.single_quoted()?),
                '"' if self.quotes == Quotes::Removed => {
                    out.push_quoted(&self.double_quoted(escapes)?);
                }
                _ if next == self.escape => {
                    if escapes == Escapes::Kept {
                        out.push(next);
                    }
                    out.push_quoted(self.rest.take_character());
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
        self.rest.take_until('\'').ok_or(ExpandError::Quote('\''))
    }

    /// Between double quotes the escape character works on quotes, `$` and itself alone.
    fn double_quoted(&mut self, escapes: Escapes) -> Result<String, ExpandError> {
        let mut out = String::new();
        while let Some(next) = self.rest.next() {
            match next {
                '"' => return Ok(out),
                '$' => out.push_str(&self.variable()?),
                _ if next == self.escape => {
                    if escapes == Escapes::Kept {
                        out.push(next);
                    }
                    let escapable = |c: &char| ['"', '$', self.escape].contains(c);
                    match self.rest.peek().filter(escapable) {
                        Some(_) => out.extend(self.rest.next()),
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
        if self.rest.eat('{') {
            return self.braced();
        }
        match self.rest.name() {
            "" => Ok("$".into()),
            name => Ok(self.value(name)?.unwrap_or_default()),
        }
    }

    /// Reads what follows a `${`.
    fn braced(&mut self) -> Result<String, ExpandError> {
        let name = self.rest.name();
        if name.is_empty() {
            return Err(if self.rest.is_empty() { ExpandError::Brace } else { ExpandError::Name });
        }
        let operator = self.rest.next().ok_or(ExpandError::Brace)?;
        match operator {
            '}' => Ok(self.value(name)?.unwrap_or_default()),
            '-' | '+' | '?' => self.conditional(name, operator, Empty::IsSet),
            ':' => match self.rest.next().ok_or(ExpandError::Brace)? {
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
        let value = self.value(name)?;
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
        let value = self.value(name)?.unwrap_or_default();
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
        let limit = if self.rest.eat('/') { usize::MAX } else { 1 };
        let pattern = self.nested('/', Escapes::Kept)?;
        let replacement = self.nested('}', Escapes::Kept)?;
        let value = self.value(name)?.unwrap_or_default();
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
        self.charge(out.len())?;
        Ok(out)
    }

    fn value(&mut self, name: &str) -> Result<Option<String>, ExpandError> {
        let value = self.expander.value(name);
        self.charge(value.as_ref().map_or(0, String::len))?;
        Ok(value)
    }

    fn charge(&mut self, bytes: usize) -> Result<(), ExpandError> {
        self.substituted += bytes;
        if self.substituted > MAX_SUBSTITUTED { Err(ExpandError::Long) } else { Ok(()) }
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
}
