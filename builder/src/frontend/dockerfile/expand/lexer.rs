//! The *lexer* reads a text once, from left to right, and produces the expanded text.

use super::Expander;
use super::cursor::Cursor;
use super::error::ExpandError;
use super::expanded::ExpandedText;
use super::pattern::{MatchExtent, SubstitutionPattern};

/// What happens to quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QuoteHandling {
    /// They group, and are not part of the result.
    Removed,
    /// They are characters like others.
    Kept,
}

/// What happens to the escape character itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EscapeHandling {
    Removed,
    /// A pattern still needs the escapes.
    Kept,
}

/// Whether an operator treats an empty value as unset: `:-` does, `-` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EmptyValue {
    IsSet,
    IsUnset,
}

/// Maximum nesting of substitutions: each level uses stack.
const MAX_DEPTH: usize = 64;
/// Maximum size of all values in a text and of the results of replacements, in bytes. Without a
/// bound, values made of values would double with every line.
const MAX_SUBSTITUTED: usize = 1 << 20;

pub(super) struct Lexer<'e, 't> {
    expander: &'e Expander<'e>,
    escape: char,
    quotes: QuoteHandling,
    rest: Cursor<'t>,
    depth: usize,
    substituted: usize,
}

impl<'e, 't> Lexer<'e, 't> {
    pub(super) fn new(
        expander: &'e Expander<'e>,
        escape: char,
        quotes: QuoteHandling,
        text: &'t str,
    ) -> Self {
        Self { expander, escape, quotes, rest: Cursor::new(text), depth: 0, substituted: 0 }
    }

    pub(super) fn expand_all(mut self) -> Result<ExpandedText, ExpandError> {
        self.expand_until(None, EscapeHandling::Removed)
    }

    /// Expands up to the character `end`, or to the end of the text.
    fn expand_until(
        &mut self,
        end: Option<char>,
        escapes: EscapeHandling,
    ) -> Result<ExpandedText, ExpandError> {
        let mut out = ExpandedText::default();
        while let Some(next) = self.rest.next() {
            match next {
                _ if Some(next) == end => return Ok(out),
                '$' => out.push_value(&self.expand_variable()?),
                '\'' if self.quotes == QuoteHandling::Removed => {
                    out.push_quoted(self.read_single_quoted()?);
                }
                '"' if self.quotes == QuoteHandling::Removed => {
                    out.push_quoted(&self.expand_double_quoted(escapes)?);
                }
                _ if next == self.escape => {
                    if escapes == EscapeHandling::Kept {
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

    fn read_single_quoted(&mut self) -> Result<&'t str, ExpandError> {
        self.rest.take_until('\'').ok_or(ExpandError::Quote('\''))
    }

    /// Expands up to a double quote; the escape character escapes only quotes, `$` and itself.
    fn expand_double_quoted(&mut self, escapes: EscapeHandling) -> Result<String, ExpandError> {
        let mut out = String::new();
        while let Some(next) = self.rest.next() {
            match next {
                '"' => return Ok(out),
                '$' => out.push_str(&self.expand_variable()?),
                _ if next == self.escape => {
                    if escapes == EscapeHandling::Kept {
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

    /// Expands what follows a `$`.
    fn expand_variable(&mut self) -> Result<String, ExpandError> {
        if self.rest.take_if('{') {
            return self.expand_braced();
        }
        match self.rest.take_name() {
            "" => Ok("$".into()),
            name => self.look_up_value(name),
        }
    }

    /// Expands what follows a `${`.
    fn expand_braced(&mut self) -> Result<String, ExpandError> {
        let name = self.rest.take_name();
        if name.is_empty() {
            return Err(if self.rest.is_empty() { ExpandError::Brace } else { ExpandError::Name });
        }
        let operator = self.rest.next().ok_or(ExpandError::Brace)?;
        match operator {
            '}' => self.look_up_value(name),
            '-' | '+' | '?' => self.expand_conditional(name, operator, EmptyValue::IsSet),
            ':' => match self.rest.next().ok_or(ExpandError::Brace)? {
                operator @ ('-' | '+' | '?') => {
                    self.expand_conditional(name, operator, EmptyValue::IsUnset)
                }
                other => Err(ExpandError::Modifier(format!(":{other}"))),
            },
            '#' | '%' => self.expand_trimmed(name, operator),
            '/' => self.expand_replaced(name),
            _ => Err(ExpandError::Modifier(operator.into())),
        }
    }

    fn expand_conditional(
        &mut self,
        name: &str,
        operator: char,
        empty: EmptyValue,
    ) -> Result<String, ExpandError> {
        let word = self.expand_nested('}', EscapeHandling::Removed)?;
        let value = self.look_up(name)?;
        let missing = match &value {
            None => Some("is not allowed to be unset"),
            Some(value) if value.is_empty() && empty == EmptyValue::IsUnset => {
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

    fn expand_trimmed(&mut self, name: &str, operator: char) -> Result<String, ExpandError> {
        let word = self.expand_nested('}', EscapeHandling::Kept)?;
        let value = self.look_up_value(name)?;
        let (pattern, extent) = match word.strip_prefix(operator) {
            Some(pattern) => (pattern, MatchExtent::Longest),
            None => (word.as_str(), MatchExtent::Shortest),
        };
        let pattern = SubstitutionPattern::parse(pattern)?;
        match operator {
            '%' => pattern.trim_suffix(&value, extent),
            _ => pattern.trim_prefix(&value, extent),
        }
    }

    fn expand_replaced(&mut self, name: &str) -> Result<String, ExpandError> {
        let limit = if self.rest.take_if('/') { usize::MAX } else { 1 };
        let pattern = self.expand_nested('/', EscapeHandling::Kept)?;
        let replacement = self.expand_nested('}', EscapeHandling::Kept)?;
        let value = self.look_up_value(name)?;
        let finder = SubstitutionPattern::parse(&pattern)?.find_regex()?;
        let mut out = String::new();
        let mut done = 0;
        for found in finder.find_iter(&value).take(limit) {
            out.push_str(&value[done..found.start()]);
            // Inserted literally: with `//` BuildKit reads a `$1` in it as a group of its own
            // expression, which has none.
            out.push_str(&replacement);
            done = found.end();
            if out.len() > MAX_SUBSTITUTED {
                return Err(ExpandError::Long);
            }
        }
        out.push_str(&value[done..]);
        self.count_substituted(out.len())?;
        Ok(out)
    }

    /// Returns the value of a variable that is replaced by nothing if it is not set.
    fn look_up_value(&mut self, name: &str) -> Result<String, ExpandError> {
        let value = self.look_up(name)?;
        if value.is_none() {
            self.expander.unset.borrow_mut().insert(name.to_owned());
        }
        Ok(value.unwrap_or_default())
    }

    fn look_up(&mut self, name: &str) -> Result<Option<String>, ExpandError> {
        let value = (self.expander.lookup)(name);
        self.count_substituted(value.as_ref().map_or(0, String::len))?;
        Ok(value)
    }

    fn count_substituted(&mut self, bytes: usize) -> Result<(), ExpandError> {
        self.substituted += bytes;
        if self.substituted > MAX_SUBSTITUTED { Err(ExpandError::Long) } else { Ok(()) }
    }

    fn expand_nested(&mut self, end: char, escapes: EscapeHandling) -> Result<String, ExpandError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ExpandError::Deep);
        }
        let word = self.expand_until(Some(end), escapes)?.into_text();
        self.depth -= 1;
        Ok(word)
    }
}
